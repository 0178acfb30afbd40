"""How good rankings are, per query or user, and how sure their mean is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

BLOCK_CELLS: Final = 4_000_000
"""Resampled values held at once: 32 MB."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What should be found, for many users at once, by catalogue position.

    Args:
        starts: Where each user's entries begin in the arrays below, with the end as its last value.
        products: Catalogue positions, distinct within a user.
        gains: One gain per entry; only positive ones count.
    """

    starts: NDArray[np.int64]
    products: NDArray[np.int64]
    gains: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.starts) - 1


@dataclass(frozen=True, slots=True)
class RankingMetrics:
    """One value per user of each metric at one depth."""

    ndcg: NDArray[np.float64]
    recall: NDArray[np.float64]
    mrr: NDArray[np.float64]


def ranking_metrics(rankings: NDArray[Any], judged: Judged, k: int) -> RankingMetrics:
    """Return the metrics of many users at once. Without any positive gain all of them are 0.

    NDCG is the discounted gain of the first k products as a share of the best possible (Järvelin and Kekäläinen 2002,
    "Cumulated gain-based evaluation of IR techniques"), with the gains as they are and the discount log2(rank + 1) of
    Burges et al. 2005; a product without a judgment gains 0. Recall is the share of the products with a positive gain
    that stand among the first k. MRR is one over the rank of the first of them, 0 where none is among the first k
    (Voorhees 1999, "The TREC-8 question answering track report").

    Args:
        rankings: Users x depth catalogue positions, best first and distinct; negative where there is none.
        judged: What each of these users should be shown.
        k: How many of the first products count.
    """
    found = gains_of(rankings[:, :k], judged)
    best = _best_gains(judged, k)
    discounts = 1.0 / np.log2(np.arange(2, k + 2))
    ideal = best @ discounts
    relevant = np.bincount(_rows(judged), weights=judged.gains > 0, minlength=len(judged)).astype(np.float64)
    first = np.argmax(found > 0, axis=1) if found.shape[1] else np.zeros(len(judged), np.int64)
    is_hit = (found > 0).any(axis=1)
    return RankingMetrics(
        ndcg=np.minimum(_share(found @ discounts[: found.shape[1]], ideal), 1.0),
        recall=_share((found > 0).sum(axis=1).astype(np.float64), relevant),
        mrr=np.where(is_hit, 1.0 / (first + 1), 0.0),
    )


def gains_of(rankings: NDArray[Any], judged: Judged) -> NDArray[np.float64]:
    """Return the gain of every ranked product, 0 where it has none or there is no product."""
    width = int(max(rankings.max(initial=0), judged.products.max(initial=0))) + 1
    keys = _rows(judged) * width + judged.products
    order = np.argsort(keys, kind="stable")
    wanted = np.arange(len(judged))[:, None] * width + np.maximum(rankings, 0)
    if not len(keys):
        return np.zeros(rankings.shape)
    place = np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)
    entry = order[place]
    is_found = (keys[entry] == wanted) & (rankings >= 0)
    gains: NDArray[np.float64] = np.where(is_found, np.maximum(judged.gains[entry], 0.0), 0.0)
    return gains


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and the bounds between which it lies at the level asked for."""

    mean: float
    low: float
    high: float


def bootstrap_interval(values: NDArray[Any], seed: int, resamples: int = 1000, level: float = 0.95) -> Interval:
    """Return the mean of values with its percentile bootstrap interval (Efron 1979, "Bootstrap methods").

    For the difference of two models, hand in the differences per user: the pairs stay together. No value at all gives
    zeros.
    """
    values = np.asarray(values, np.float64)
    if not len(values):
        return Interval(0.0, 0.0, 0.0)
    random = np.random.default_rng(seed)
    means = np.empty(resamples)
    step = max(1, BLOCK_CELLS // len(values))
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        means[start : start + size] = values[random.integers(0, len(values), (size, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(values.mean()), float(low), float(high))


def _rows(judged: Judged) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(judged)), np.diff(judged.starts))


def _best_gains(judged: Judged, k: int) -> NDArray[np.float64]:
    row = _rows(judged)
    gains = np.maximum(judged.gains, 0.0)
    order = np.lexsort((-gains, row))
    place = np.arange(len(order)) - judged.starts[row[order]]
    is_kept = place < k
    best = np.zeros((len(judged), k))
    best[row[order][is_kept], place[is_kept]] = gains[order][is_kept]
    return best


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    share: NDArray[np.float64] = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    return share
