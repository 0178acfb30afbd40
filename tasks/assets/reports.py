"""The JSON pages that stages leave in their assets and the inventory reads: stages own the content, this the shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from pydantic import Field

from tasks.assets.manifest import Record, Verdict

VALIDATION_REPORT: Final = "validation.json"
PROFILE_REPORT: Final = "profile.json"
RELATIONSHIPS_REPORT: Final = "relationships.json"
EVALUATION_REPORT: Final = "evaluation.json"
REGISTRATION_REPORT: Final = "registration.json"
SPLIT_REPORT: Final = "split.json"


class ExpectationResult(Record):
    """One expectation on one table, over all partitions.

    `failing` is the path, below the asset's data folder, of a parquet with every failing key.
    """

    id: str
    column: str | None
    expectation: str
    severity: Literal["block", "warn"]
    reason: str
    is_met: bool
    checked: int
    failed: int
    share: float
    examples: tuple[str, ...]
    failing: str | None
    parameters: dict[str, str]


class ValidationReport(Record):
    """What the suite says of a table. `docs` is the path of the Data Docs index below the asset's data folder."""

    table: str
    suite: str
    verdict: Verdict
    rows: int
    partitions: int
    results: tuple[ExpectationResult, ...]
    docs: str | None


class ValueCount(Record):
    """A value, as text, and the rows that hold it."""

    value: str
    count: int


class Bin(Record):
    """Rows with `low <= value < high`; the last bin includes its upper edge.

    A tail is one bin for all that lies beyond the equal ones.
    """

    low: float
    high: float
    count: int
    is_tail: bool = False


class TextProfile(Record):
    """Lengths in characters, and the share of each language or script among texts that have letters."""

    min_length: int
    mean_length: float
    max_length: int
    empty: int
    languages: dict[str, float]


class TimeProfile(Record):
    """How a timestamp column covers its span. `by_month` counts rows per `YYYY-MM`; times are ISO 8601 in UTC."""

    first: str
    last: str
    days_in_span: int
    days_with_rows: int
    longest_gap_days: int
    by_month: tuple[ValueCount, ...]


class ColumnProfile(Record):
    """What one column holds. Fields that make no sense for its type are None or empty.

    `distinct` is exact where `is_distinct_exact`, an estimate otherwise. `quantiles` maps `0.01` … `0.99` to values.
    """

    name: str
    type: str
    rows: int
    nulls: int
    distinct: int
    is_distinct_exact: bool
    minimum: str | None
    maximum: str | None
    mean: float | None
    std: float | None
    skewness: float | None
    quantiles: dict[str, float]
    top_values: tuple[ValueCount, ...]
    histogram: tuple[Bin, ...]
    text: TextProfile | None
    time: TimeProfile | None


class Correlation(Record):
    """Pearson's and Spearman's coefficient of two numeric columns, over rows where both are present."""

    left: str
    right: str
    pearson: float | None
    spearman: float | None
    rows: int


class TableProfile(Record):
    """What a table holds. `keys` are the columns, or sets of them, whose values are exactly unique and never null."""

    table: str
    rows: int
    columns: tuple[ColumnProfile, ...]
    correlations: tuple[Correlation, ...]
    keys: tuple[tuple[str, ...], ...]


class Relationship(Record):
    """A column whose values point to another table's key.

    `match_rate` is the share of the child's non-null rows whose value the parent has; `coverage` the share of the
    parent's keys that the child mentions.
    """

    child_table: str
    child_column: str
    parent_table: str
    parent_column: str
    rows: int
    matched_rows: int
    match_rate: float
    orphan_values: int
    coverage: float


class Relationships(Record):
    """Every key to key link between the tables of a shop."""

    relationships: tuple[Relationship, ...]


class MetricValue(Record):
    """A ranking metric of one model, its mean over users and its 95 % bootstrap interval."""

    model: str
    split: Literal["validation", "test"]
    metric: str
    value: float
    low: float
    high: float


class LeakageCheck(Record):
    """One thing that a split must not do, and whether it does."""

    name: str
    is_clean: bool
    detail: str


class SplitReport(Record):
    """How behaviour was split by time.

    `reason` says why this method was chosen. `users`, `events` and `cutoffs` are per split: users with something in it,
    events, and the time, or the rule, that begins it. A user is evaluated from `min_history` earlier products on.
    """

    method: Literal["last_out", "cutoff"]
    reason: str
    positive_events: tuple[str, ...]
    min_history: int
    users: dict[str, int]
    events: dict[str, int]
    cutoffs: dict[str, str]
    leakage: tuple[LeakageCheck, ...]


class EvaluationReport(Record):
    """How models rank what users chose next.

    `models` are in the table's order: baselines first, the combination last. `weights` are the combination's.
    """

    models: tuple[str, ...]
    metrics: tuple[MetricValue, ...]
    weights: dict[str, float]
    leakage: tuple[LeakageCheck, ...]
    users: dict[str, int]
    events: dict[str, int]
    products: int
    cutoffs: dict[str, str] = Field(description="Split name to the time, or the rule, that begins it.")


ModelState = Literal["refused", "waiting", "approved", "rejected", "champion", "replaced", "rolled back"]
"""What became of a registered version; `replaced` was the champion before another one was promoted."""


CROWNING: Final = frozenset({"promoted", "rolled back"})
"""Decisions that make their version the champion."""


class Registration(Record):
    """What the registry was told. `alias` is None where the gate refused; then `reasons` say in words why."""

    name: str
    version: str
    alias: str | None
    decision: Literal["passed", "refused"]
    reasons: tuple[str, ...]
    metrics: dict[str, float]
    run_id: str
    model_uri: str
    tracking_uri: str

    def state(self, decision: Mapping[str, object] | None) -> ModelState:
        """Return what became of the version: what the gate said, or the last decision kept about it.

        Args:
            decision: The metrics of an `inventory/review`, or None where nothing was decided yet.
        """
        if decision is None or self.version not in {decision["version"], decision["from_version"]}:
            return "refused" if self.alias is None else "waiting"
        if decision["decision"] == "approved":
            return "approved"
        if decision["decision"] == "rejected":
            return "rejected"
        if decision["version"] == self.version:
            return "champion"
        return "rolled back" if decision["decision"] == "rolled back" else "replaced"
