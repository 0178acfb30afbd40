"""What stands on an asset's page: which sections, and what each of them needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from tasks.assets import specs
from tasks.assets.manifest import Verdict
from tasks.assets.reports import ColumnProfile, EvaluationReport, ExpectationResult, ValueCount
from tasks.inventory.catalogue import Catalogue, FindingPlace, TableSummary
from tasks.inventory.charts import BarChart, Line, Spread, heat_map, histogram, line, months, spread
from tasks.inventory.config import InventoryConfig
from tasks.inventory.figures import clipped, number
from tasks.inventory.lineage import picture
from tasks.inventory.reading import Asset, Preview
from tasks.inventory.tables import cluster_rows

ACCOUNTING: Final = ("rows_read", "rows_kept", "rows_merged", "rows_quarantined")
TABLE_KINDS: Final = ("tables", "validations", "profiles", "quarantine")
STEP: Final = "step"
DECIDED: Final = {
    "model",
    "decision",
    "version",
    "from_version",
    "by",
    "reason",
    "at",
    "champion_by",
    "champion_reason",
}
TOLD: Final[Mapping[str, set[str]]] = {
    "tables": {*ACCOUNTING, "sources", "rules"},
    "models": {"weights"},
    "inventory": DECIDED,
}
"""Measures that a section of their own tells of, by the kind of the asset."""


def page_facts(
    catalogue: Catalogue, asset: Asset, edges: Iterable[tuple[str, str]], config: InventoryConfig
) -> dict[str, Any]:  # what the templates name
    """Return everything that the templates of an asset's page name."""
    table = catalogue.table(asset.subject) if asset.kind in TABLE_KINDS and not asset.subject.startswith("_") else None
    profile = table.profile.profile if table and table.profile else None
    shown = _findings(catalogue, asset, table)
    clusters = cluster_rows(asset, config.preview_rows) if asset.key == "analysis/clusters" else None
    return {
        "a": asset,
        "t": table,
        "siblings": [other for other in _described(table) if other.key != asset.key],
        "shown_verdict": _verdict(asset, table),
        "shown_findings": shown,
        "shown_evaluation": asset.evaluation or _evaluation_beside(catalogue, asset),
        "sections_of": _sections(catalogue, asset, shown),
        "sources": named_rows(asset.manifest.metrics.get("sources")),
        "rules": _counts(asset.manifest.metrics.get("rules")),
        "made_from": [ref for ref in asset.manifest.input_refs if not ref.key.startswith("shards/")],
        "source_files": sum(ref.key.startswith("shards/") for ref in asset.manifest.input_refs),
        "own_metrics": _own_metrics(asset),
        "registered": _registered(catalogue, asset),
        "decided": asset.manifest.metrics,
        "decided_at": _moment(asset.manifest.metrics.get("at")),
        "columns_by_name": {column.name: column for column in profile.columns} if profile else {},
        "key_columns": {key[0] for key in profile.keys if len(key) == 1} if profile else set(),
        "links": catalogue.links(asset.subject) if asset.kind == "tables" else [],
        "chart_of": chart_of,
        "spread_of": spread_of,
        "extent": extent,
        "counts_elements": counts_elements,
        "shown_value": shown_value,
        "top_values": top_values,
        "heat_map": heat_map(asset.profile.correlations, config.heat_map_columns) if asset.profile else None,
        "results": _worst_first(asset.validation.results) if asset.validation else [],
        "lines": training_lines(asset.history),
        "clusters": clusters,
        "is_numeric": is_numeric,
        "picture": picture(catalogue, edges, asset.key, config.lineage_nodes),
    }


def chart_of(column: ColumnProfile) -> BarChart | None:
    """Return the picture of a column's values: months for times, a histogram for numbers, else None."""
    return months(column.time.by_month) if column.time else histogram(column.histogram)


def extent(column: ColumnProfile, longest: int) -> str:
    """Return the lowest and the highest value, as a person reads them; nothing for a column without."""
    if column.minimum is None or column.maximum is None:
        return ""
    ends = [shown_value(column, text, longest) for text in (column.minimum, column.maximum)]
    return ends[0] if column.minimum == column.maximum else " … ".join(ends)


def counts_elements(column: ColumnProfile) -> bool:
    """Return whether a column's numbers are those of the lengths of its lists or maps."""
    return column.type.endswith("]") or column.type.startswith("MAP(")


def shown_value(column: ColumnProfile, text: str, longest: int) -> str:
    """Return a value of a column: numbers with separators, times in UTC without what is zero, texts clipped."""
    if column.time:
        return clipped(text.removesuffix("+00").removesuffix(" 00:00:00"), longest)
    try:
        return clipped(text if column.mean is None else number(float(text)), longest)
    except ValueError:
        return clipped(text, longest)


def top_values(column: ColumnProfile, most: int) -> Sequence[ValueCount]:
    """Return the most frequent values; nothing where each stands once, since then no one is more frequent."""
    found = column.top_values[:most]
    return found if found and found[0].count > 1 else ()


def spread_of(column: ColumnProfile) -> Spread | None:
    """Return a column's quartiles and outermost quantiles, below its histogram."""
    return spread(column.quantiles, column.histogram)


def training_lines(history: Mapping[str, Sequence[float | None]]) -> list[Line]:
    """Return one line per measure over the steps, without the steps at which it was not taken."""
    steps = history.get(STEP, ())
    lines = []
    for name, values in history.items():
        taken = [
            (step, value) for step, value in zip(steps, values, strict=False) if step is not None and value is not None
        ]
        drawn = line(name, [step for step, _ in taken], [value for _, value in taken]) if name != STEP else None
        if drawn is not None:
            lines.append(drawn)
    return lines


def named_rows(metric: object) -> list[tuple[str, Mapping[str, Any]]]:  # JSON values of any shape
    """Return a measure that is a mapping of mappings as rows, by name; anything else has none."""
    if not isinstance(metric, Mapping):
        return []
    return [(str(name), row) for name, row in sorted(metric.items()) if isinstance(row, Mapping)]


def is_numeric(preview: Preview, position: int) -> bool:
    """Return whether a column of a preview holds numbers."""
    return any(isinstance(row[position], int | float) and not isinstance(row[position], bool) for row in preview.rows)


def _sections(catalogue: Catalogue, asset: Asset, shown: Sequence[FindingPlace]) -> list[str]:
    metrics = asset.manifest.metrics
    wanted = {
        "decision": asset.key == specs.REVIEWS.key,
        "findings": bool(shown) or asset.kind in {"tables", "validations"},
        "standing": _registered(catalogue, asset) is not None,
        "registration": asset.registration is not None,
        "evaluation": asset.evaluation is not None or _evaluation_beside(catalogue, asset) is not None,
        "history": bool(training_lines(asset.history)),
        "accounting": asset.kind == "tables" and all(isinstance(metrics.get(name), int) for name in ACCOUNTING),
        "columns": asset.kind == "tables",
        "validation": asset.validation is not None,
        "profile": asset.profile is not None,
        "relationships": asset.relationships is not None,
        "split": asset.split is not None,
        "quarantine": asset.kind == "quarantine",
        "clusters": asset.key == "analysis/clusters" and any(preview.rows for preview in asset.previews),
        "previews": bool(asset.previews) and asset.key != "analysis/clusters",
    }
    return [f"section_{name}.html.j2" for name, is_wanted in wanted.items() if is_wanted]


def _described(table: TableSummary | None) -> list[Asset]:
    if table is None:
        return []
    return [item for item in (table.rows, table.validation, table.profile, table.quarantine) if item is not None]


def _verdict(asset: Asset, table: TableSummary | None) -> Verdict | None:
    return asset.manifest.verdict or (table.verdict if table and asset.kind == "tables" else None)


def _findings(catalogue: Catalogue, asset: Asset, table: TableSummary | None) -> list[FindingPlace]:
    if table and asset.kind == "tables":
        return list(table.findings)
    return [place for place in catalogue.findings if place.asset.key == asset.key]


def _evaluation_beside(catalogue: Catalogue, asset: Asset) -> EvaluationReport | None:
    model = catalogue.model
    return model.evaluation if model and asset.key in {"models/recommender", "registrations/recommender"} else None


def _registered(catalogue: Catalogue, asset: Asset) -> Asset | None:
    """Return the registration that a recommender was made a version by; None for anything else."""
    found = catalogue.assets.get(specs.REGISTRATION.key)
    if found is None or found.registration is None or asset.key != specs.RECOMMENDER.key:
        return None
    return found if asset.manifest.ref in found.manifest.input_refs else None


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None


def _counts(metric: object) -> list[tuple[str, int]]:
    if not isinstance(metric, Mapping):
        return []
    found = [(str(name), number) for name, number in metric.items() if isinstance(number, int) and number]
    return sorted(found, key=lambda item: (-item[1], item[0]))


def _own_metrics(asset: Asset) -> dict[str, Any]:  # JSON values of any shape
    told = TOLD.get(asset.kind, set())
    return {name: value for name, value in asset.manifest.metrics.items() if name not in told and value not in ({}, [])}


def _worst_first(results: Iterable[ExpectationResult]) -> list[ExpectationResult]:
    return sorted(results, key=lambda item: (item.is_met, item.severity != "block", item.column or "", item.id))
