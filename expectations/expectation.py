"""One expectation, and the words they are built from: plain data, no Great Expectations, nothing of the project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal

Severity = Literal["block", "warn"]
Dimension = Literal["normativity", "completeness", "accuracy", "consistency", "timeliness", "accessibility"]

INGESTED_AT: Final = MappingProxyType({"$PARAMETER": "ingested_at"})
"""A suite parameter, as Great Expectations writes it: when the table was ingested."""

DIMENSIONS: Final[Mapping[str, Dimension]] = MappingProxyType(
    {
        "missing_values": "completeness",
        "missing_records": "completeness",
        "placeholder_values": "accuracy",
        "duplicate_keys": "accuracy",
        "orphan_keys": "consistency",
        "conflicting_values": "consistency",
        "invalid_type": "normativity",
        "invalid_format": "normativity",
        "invalid_category": "normativity",
        "encoding_damage": "normativity",
        "markup_in_text": "normativity",
        "impossible_values": "accuracy",
        "outliers": "accuracy",
        "future_timestamps": "timeliness",
        "disordered_time": "timeliness",
        "schema_change": "consistency",
    }
)
"""The kinds of finding an expectation can raise, and the quality dimension of each."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must hold for a table, in the words of Great Expectations.

    Args:
        id: Its name within the suite; also the name of the file with its failing keys.
        type: The Great Expectations type.
        reason: Who is hurt if it does not hold.
        kind: The kind of finding a failure is.
        action: What a data owner can do about a failure.
        column: The column judged; None for the table, and where `columns` are judged together.
        columns: The columns judged together.
        kwargs: The type's other arguments.
        mostly: The share of the judged rows that must hold.
        where: An SQL condition; only rows that meet it are judged.
        over: Judged over the distinct rows of these columns, so that repeats agreeing in all of them count once. Where
            the table lacks one of them, rows are judged as they are.
        parent: The table and the column that the values must occur in.
        uses: The columns that it cannot be judged without, beside those judged.
        is_own: A shop's own suite has it, none of ours.
    """

    id: str
    type: str
    severity: Severity
    reason: str
    kind: str
    action: str
    column: str | None = None
    columns: tuple[str, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)  # arguments of any JSON type
    mostly: float = 1.0
    where: str | None = None
    over: tuple[str, ...] = ()
    parent: tuple[str, str] | None = None
    uses: tuple[str, ...] = ()
    is_own: bool = False

    @property
    def dimension(self) -> Dimension:
        """The quality dimension of its findings."""
        return DIMENSIONS[self.kind]

    @property
    def named(self) -> tuple[str, ...]:
        """The columns that a table must have for it to be judged, each once."""
        return tuple(dict.fromkeys((*self.judged, *self.uses)))

    @property
    def judged(self) -> tuple[str, ...]:
        """The columns whose values it is about."""
        return self.columns if self.column is None else (self.column,)


def has_rows(severity: Severity, reason: str) -> Expectation:
    """A table that is not empty."""
    return Expectation(
        id="table.not_empty",
        type="expect_table_row_count_to_be_between",
        kwargs={"min_value": 1},
        severity=severity,
        kind="missing_records",
        reason=reason,
        action="Look at the source, and at the quarantine for why its rows could not be used.",
    )


def exists(column: str, reason: str) -> Expectation:
    """A column without which the table is of no use."""
    return Expectation(
        id=f"{column}.exists",
        type="expect_column_to_exist",
        column=column,
        severity="block",
        kind="schema_change",
        reason=reason,
        action=f"Map a source column to `{column}`.",
    )


def typed(column: str, type_: str, reason: str) -> Expectation:
    """A column of one DuckDB type."""
    return Expectation(
        id=f"{column}.type",
        type="expect_column_values_to_be_of_type",
        column=column,
        kwargs={"type_": type_},
        severity="block",
        kind="invalid_type",
        reason=reason,
        action=f"Convert `{column}` to {type_} where its source column is mapped.",
    )


def not_null(column: str, severity: Severity, reason: str, action: str | None = None) -> Expectation:
    """A column that is never empty."""
    return Expectation(
        id=f"{column}.not_null",
        type="expect_column_values_to_not_be_null",
        column=column,
        severity=severity,
        kind="missing_values",
        reason=reason,
        action=action or f"Fill `{column}` in the source, or map another column to it.",
    )


def unique(columns: tuple[str, ...], severity: Severity, reason: str, action: str) -> Expectation:
    """Columns whose values, taken together, stand in one row only."""
    is_one = len(columns) == 1
    return Expectation(
        id=f"{'+'.join(columns)}.unique",
        type="expect_column_values_to_be_unique" if is_one else "expect_compound_columns_to_be_unique",
        column=columns[0] if is_one else None,
        columns=() if is_one else columns,
        severity=severity,
        kind="duplicate_keys",
        reason=reason,
        action=action,
    )


def known(column: str, parent: tuple[str, str], reason: str, *, mostly: float = 1.0) -> Expectation:
    """Keys that another table has: a warning, unless `mostly` allows for some that it has not, then it blocks."""
    is_blocking = mostly < 1
    return Expectation(
        id=f"{column}.{'mostly_' if is_blocking else ''}known_in_{parent[0]}",
        type="expect_column_values_to_be_in_set",
        column=column,
        parent=parent,
        mostly=mostly,
        severity="block" if is_blocking else "warn",
        kind="orphan_keys",
        reason=reason,
        action=f"Deliver the missing rows of {parent[0]}, or check that both sources spell `{column}` alike.",
    )


def within(column: str, kind: str, reason: str, action: str, **limits: Any) -> Expectation:  # numbers or times
    """Values between limits (`min_value`, `max_value`, both inclusive); a breach is a warning."""
    side = "minimum" if "max_value" not in limits else "maximum" if "min_value" not in limits else "range"
    return Expectation(
        id=f"{column}.{side}",
        type="expect_column_values_to_be_between",
        column=column,
        kwargs=limits,
        severity="warn",
        kind=kind,
        reason=reason,
        action=action,
    )


def not_in_future(column: str, reason: str) -> Expectation:
    """Times no later than the ingestion of the table."""
    return within(
        column,
        "future_timestamps",
        reason,
        f"Check the clock and the time zone of the source of `{column}`.",
        max_value=INGESTED_AT,
    )


def matches(column: str, regex: str, reason: str) -> Expectation:
    """Texts of one format; a breach is a warning."""
    return Expectation(
        id=f"{column}.format",
        type="expect_column_values_to_match_regex",
        column=column,
        kwargs={"regex": regex},
        severity="warn",
        kind="invalid_format",
        reason=reason,
        action=f"Spell `{column}` as the format asks where it is mapped.",
    )


MARKUP: Final = (
    r"</?(?:a|b|br|div|em|font|h[1-6]|i|img|li|ol|p|span|strong|table|td|tr|ul|script|style)(?: [^<>]*)? ?/?>"
    r"|&(?:amp|lt|gt|quot|nbsp|apos|#[0-9]{1,6}|#x[0-9a-fA-F]{1,5});"
)
DAMAGE: Final = "\ufffd|\ufeff|[\x01-\x08\x0b\x0c\x0e-\x1f]"


def clean_text(column: str, reason: str) -> tuple[Expectation, Expectation]:
    """Texts without HTML, and without replacement characters, byte order marks or control characters; warnings."""
    markup = Expectation(
        id=f"{column}.no_markup",
        type="expect_column_values_to_not_match_regex",
        column=column,
        kwargs={"regex": MARKUP},
        severity="warn",
        kind="markup_in_text",
        reason=reason,
        action=f"Strip HTML from `{column}` where it is mapped.",
    )
    damage = Expectation(
        id=f"{column}.no_damage",
        type="expect_column_values_to_not_match_regex",
        column=column,
        kwargs={"regex": DAMAGE},
        severity="warn",
        kind="encoding_damage",
        reason=reason,
        action=f"Declare the encoding of the source of `{column}`.",
    )
    return markup, damage


def required(columns: Mapping[str, str], reason: str) -> tuple[Expectation, ...]:
    """Columns, by name and DuckDB type, that must exist, be of that type and never be null; all blocking."""
    return tuple(
        item
        for column, type_ in columns.items()
        for item in (exists(column, reason), typed(column, type_, reason), not_null(column, "block", reason))
    )


def optional(columns: Mapping[str, str], reason: str) -> tuple[Expectation, ...]:
    """Columns, by name and DuckDB type, that must be of that type where the table has them; all blocking."""
    return tuple(typed(column, type_, reason) for column, type_ in columns.items())
