"""Tables that pages show, as rows of cells: the models' metrics, the clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tasks.assets.reports import EvaluationReport, MetricValue
from tasks.inventory.charts import Interval, intervals
from tasks.inventory.reading import Asset

SPLIT: Final = "test"
COLUMNS: Final = ("ndcg_at_10", "recall_at_10", "mrr_at_10", "ndcg_at_50", "recall_at_50", "mrr_at_50")


@dataclass(frozen=True, slots=True)
class MetricCell:
    """A model's value of one metric; None where it was not measured."""

    value: MetricValue | None
    is_best: bool


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model's values, in the order of `metric_names`."""

    model: str
    cells: tuple[MetricCell, ...]


@dataclass(frozen=True, slots=True)
class ClusterRow:
    """One cluster, named by its words; shares are None where there are no events or prices."""

    name: str
    size: int
    event_share: float | None
    revenue_share: float | None


@dataclass(frozen=True, slots=True)
class ClusterTable:
    """The largest clusters, how many there are, and the greatest of each figure, which fill their bars."""

    rows: tuple[ClusterRow, ...]
    total: int
    largest: int
    event_share: float
    revenue_share: float


def metric_names(report: EvaluationReport) -> list[str]:
    """Return the metrics measured on the test split: the usual ones in their order, then others by name."""
    found = {item.metric for item in report.metrics if item.split == SPLIT}
    return [name for name in COLUMNS if name in found] + sorted(found - set(COLUMNS))


def users_ranked_for(report: EvaluationReport) -> int:
    """Return how many users of the test split were asked: a report that does not say asked all of them."""
    return report.users.get(f"{SPLIT}_asked", report.users.get(SPLIT, 0))


def comparison(report: EvaluationReport) -> list[ModelRow]:
    """Return each model's metrics on the test split, the best of each metric marked."""
    found = {(item.model, item.metric): item for item in report.metrics if item.split == SPLIT}
    names = metric_names(report)
    best = {name: max(item.value for (_, metric), item in found.items() if metric == name) for name in names}
    return [
        ModelRow(
            model,
            tuple(
                MetricCell(value, is_best=value is not None and value.value == best[name])
                for name in names
                for value in [found.get((model, name))]
            ),
        )
        for model in report.models
    ]


def intervals_of(report: EvaluationReport, metric: str) -> tuple[Interval, ...]:
    """Return each model's value of one metric on the test split, with its interval."""
    return intervals(report.metrics, report.models, metric, SPLIT)


def cluster_rows(asset: Asset | None, most: int) -> ClusterTable | None:
    """Return the largest clusters; None without any."""
    preview = next((item for item in asset.previews if item.file == "clusters.parquet"), None) if asset else None
    if preview is None or not preview.rows:
        return None
    records = [dict(zip(preview.columns, row, strict=True)) for row in preview.rows[:most]]
    rows = tuple(
        ClusterRow(
            name=str(record["name"]),
            size=int(record["size"]),
            event_share=record["event_share"],
            revenue_share=record["revenue_share"],
        )
        for record in records
    )
    return ClusterTable(
        rows=rows,
        total=preview.total,
        largest=max(row.size for row in rows),
        event_share=max(row.event_share or 0.0 for row in rows),
        revenue_share=max(row.revenue_share or 0.0 for row in rows),
    )
