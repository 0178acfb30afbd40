"""The table of metrics: every model on one round, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pyarrow as pa

from tasks.assets.reports import MetricValue
from tasks.evaluate.rounds import HeldOut
from tasks.retrieval.metrics import Judged, bootstrap_interval, ranking_metrics
from tasks.retrieval.ranked import Ranked

CUTOFFS: Final = (10, 50)


def metric_values(
    rankings: Mapping[str, Ranked], judged: Judged, *, split: HeldOut, resamples: int, seed: int
) -> list[MetricValue]:
    """Return recall, NDCG and MRR at 10 and 50 of each model, as means over users with 95 % bootstrap intervals."""
    return [
        value
        for model, ranked in rankings.items()
        for k in CUTOFFS
        for value in _values(model, ranked, judged, k=k, split=split, resamples=resamples, seed=seed)
    ]


def metrics_table(values: Sequence[MetricValue]) -> pa.Table:
    """Return one row per model, split and metric."""
    schema = pa.schema(
        [(name, pa.string()) for name in ("model", "split", "metric")]
        + [(name, pa.float64()) for name in ("value", "low", "high")]
    )
    return pa.Table.from_pylist([value.model_dump() for value in values], schema=schema)


def _values(  # noqa: PLR0913 - what a row is made of
    model: str, ranked: Ranked, judged: Judged, *, k: int, split: HeldOut, resamples: int, seed: int
) -> list[MetricValue]:
    found = ranking_metrics(ranked.products, judged, k)
    per_user = {"ndcg": found.ndcg, "recall": found.recall, "mrr": found.mrr}
    rows = []
    for name, values in per_user.items():
        interval = bootstrap_interval(values, seed=seed, resamples=resamples)
        rows.append(
            MetricValue(
                model=model,
                split=split,
                metric=f"{name}_at_{k}",
                value=interval.mean,
                low=interval.low,
                high=interval.high,
            )
        )
    return rows
