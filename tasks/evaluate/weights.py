"""The weights of a combination, learned on the validation split by coordinate ascent on the metric itself.

Metzler and Croft 2007, "Linear feature-based models for information retrieval": one weight at a time is moved to the
value of a small grid that ranks best, until none moves. No gradient is needed, and the result is readable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.retrieval.combination import Candidates

GRID: Final = (0.0, 0.05, 0.1, 0.2, 0.35, 0.6, 1.0, 1.6, 2.5, 4.0)
PASSES: Final = 4
LEAST_GAIN: Final = 1e-5
CUTOFF: Final = 10

Metric = Callable[[NDArray[np.float32]], float]
"""Users x candidates of scores to the mean NDCG at 10."""


def learned_weights(candidates: Candidates, targets: Sequence[NDArray[np.int32]]) -> dict[str, float]:
    """Return the weight of each part that gives the best mean NDCG at 10; weights sum to 1.

    The ascent begins at equal weights and at the best part alone, and the better end is taken: from equal weights
    alone it can miss that one part should rule.

    Args:
        candidates: What the parts rank for each user.
        targets: Per user, the catalogue positions of what they chose next.
    """
    metric = ndcg_of(candidates, targets)
    alone = [metric(scores - (candidates.products < 0)) for scores in candidates.scores]
    starts = (np.ones(len(alone)), np.eye(len(alone))[int(np.argmax(alone))])
    found = [_ascended(candidates, start, metric) for start in starts]
    best, _ = max(found, key=lambda item: item[1])
    return {name: round(float(weight / best.sum()), 4) for name, weight in zip(candidates.names, best, strict=True)}


def ndcg_of(candidates: Candidates, targets: Sequence[NDArray[np.int32]]) -> Metric:
    """Return a function from scores of the candidates to their mean NDCG at 10."""
    import torch

    is_hit = np.stack(
        [np.isin(row, chosen) & (row >= 0) for row, chosen in zip(candidates.products, targets, strict=True)]
    ).astype(np.float32)
    hits = torch.from_numpy(is_hit)
    cutoff = min(CUTOFF, hits.shape[1])
    discount = 1 / np.log2(np.arange(CUTOFF) + 2)
    sizes = np.array([min(CUTOFF, len(chosen)) for chosen in targets])
    best = torch.from_numpy(np.concatenate([[1.0], np.cumsum(discount)])[sizes])
    gains = torch.from_numpy(discount[:cutoff].astype(np.float32))

    def metric(scores: NDArray[np.float32]) -> float:
        top = torch.from_numpy(scores).topk(cutoff, dim=1)
        gained = hits.gather(1, top.indices) * (top.values > 0) * gains
        return float((gained.sum(dim=1) / best).mean())

    return metric


def _ascended(candidates: Candidates, start: NDArray[np.float64], metric: Metric) -> tuple[NDArray[np.float64], float]:
    weights = start.copy()
    nothing = (candidates.products < 0).astype(np.float32)

    def summed() -> NDArray[np.float32]:
        total: NDArray[np.float32] = np.tensordot(weights.astype(np.float32), candidates.scores, axes=1) - nothing
        return total

    best = metric(summed())
    for _ in range(PASSES):
        before = best
        for part, scores in enumerate(candidates.scores):
            others = summed() - np.float32(weights[part]) * scores
            for value in GRID:
                reached = metric(others + np.float32(value) * scores)
                if reached > best + LEAST_GAIN:
                    best, weights[part] = reached, value
        if best <= before + LEAST_GAIN:
            break
    return weights, best
