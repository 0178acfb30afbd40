"""How far two models are apart, asked the same: the difference of each pair of answers, not of two intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.evaluate.config import EvaluateConfig
from tasks.retrieval.metrics import Judged, bootstrap_interval, ranking_metrics
from tasks.retrieval.ranked import Ranked

DEPTH: Final = 10


@dataclass(frozen=True, slots=True)
class Difference:
    """How far a model's metric lies above that of another.

    Args:
        model: The one that gains or loses.
        against: The other one.
        metric: What both were measured by on the test split.
        value: The mean difference per user, or per query.
        low: The lower bound of its paired 95 % bootstrap interval.
        high: The upper bound.
        share: The mean difference as a share of the other model's metric; 0 where that is 0.
    """

    model: str
    against: str
    metric: str
    value: float
    low: float
    high: float
    share: float


def difference(
    metric: str, ours: tuple[str, NDArray[np.float64]], theirs: tuple[str, NDArray[np.float64]], config: EvaluateConfig
) -> Difference:
    """Return how far one model lies above another.

    Args:
        metric: Its name.
        ours: The name of a model, and its metric per user or query.
        theirs: The same of the other model, in the same order.
        config: How to resample.
    """
    found = bootstrap_interval(ours[1] - theirs[1], seed=config.seed, resamples=config.bootstrap_samples)
    base = float(theirs[1].mean())
    return Difference(
        model=ours[0],
        against=theirs[0],
        metric=metric,
        value=found.mean,
        low=found.low,
        high=found.high,
        share=found.mean / base if base else 0.0,
    )


def gain_over_best(
    rankings: Mapping[str, Ranked], judged: Judged, config: EvaluateConfig, *, candidate: str
) -> Difference:
    """Return how far a candidate's NDCG at 10 lies above that of the best of the other models.

    Args:
        rankings: Model name to its rankings, the candidate among them.
        judged: What the users should be shown.
        config: How to resample.
        candidate: Whose gain is asked for.
    """
    ndcg = {name: ranking_metrics(ranked.products, judged, DEPTH).ndcg for name, ranked in rankings.items()}
    best = max((name for name in ndcg if name != candidate), key=lambda name: float(ndcg[name].mean()))
    return difference(f"ndcg_at_{DEPTH}", (candidate, ndcg[candidate]), (best, ndcg[best]), config)
