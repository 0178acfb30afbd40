"""The suite of a table nobody wrote one for: what is true of it today and safe to demand tomorrow.

It holds on the table it is read off, by construction; copied to the shop's own suites it holds later deliveries to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from expectations.expectation import Expectation, has_rows, not_null, unique

KEY_ENDINGS: Final = ("id", "key", "code", "sku", "upc", "ean", "isbn", "uuid", "number")
ROWS_PER_VALUE: Final = 20
"""A text is a category where it stands in this many rows on average."""

READERS: Final = "Whoever reads the table by its present shape is in for a surprise."


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What is known of a table.

    Args:
        columns: Names, in order, and their DuckDB types.
        nulls: Nulls of each column.
        distinct: Exact counts of distinct values, of the columns that they were asked for.
        values: All distinct texts of the columns that have few.
    """

    rows: int
    columns: Mapping[str, str]
    nulls: Mapping[str, int]
    distinct: Mapping[str, int]
    values: Mapping[str, tuple[str, ...]]


def key_candidates(
    columns: Mapping[str, str], nulls: Mapping[str, int], about: Mapping[str, int], rows: int
) -> list[str]:
    """Return the columns that by name, completeness and their approximate distinct count may be keys."""
    return [
        name
        for name in columns
        if name.lower().endswith(KEY_ENDINGS) and not nulls[name] and rows and about[name] >= 0.9 * rows
    ]


def category_candidates(columns: Mapping[str, str], about: Mapping[str, int], rows: int, most: int) -> list[str]:
    """Return the text columns that by their approximate distinct count may be closed sets of at most `most` values."""
    return [
        name
        for name, type_ in columns.items()
        if type_ == "VARCHAR" and about[name] <= 1.1 * most and about[name] * ROWS_PER_VALUE <= rows
    ]


def inferred_suite(facts: TableFacts, *, most_values: int) -> tuple[Expectation, ...]:
    """Return expectations that a table meets, all of them warnings.

    Args:
        facts: What is known of the table.
        most_values: Most distinct values a closed set may have.
    """
    if not facts.rows:
        return (has_rows("warn", READERS),)
    keys = [name for name, distinct in facts.distinct.items() if distinct == facts.rows]
    sets = {name: values for name, values in facts.values.items() if 0 < len(values) <= most_values}
    return (
        has_rows("warn", READERS),
        _ordered(facts.columns),
        *(_typed(name, type_) for name, type_ in facts.columns.items()),
        *(not_null(name, "warn", f"Every row has had a value so far. {READERS}") for name in _complete(facts)),
        *(
            unique((name,), "warn", "Joins on the column would multiply rows.", f"Deliver one row per `{name}`.")
            for name in keys
        ),
        *(_closed(name, values) for name, values in sets.items()),
    )


def _complete(facts: TableFacts) -> list[str]:
    return [name for name in facts.columns if not facts.nulls[name]]


def _ordered(columns: Mapping[str, str]) -> Expectation:
    return Expectation(
        id="table.columns",
        type="expect_table_columns_to_match_ordered_list",
        kwargs={"column_list": list(columns)},
        severity="warn",
        kind="schema_change",
        reason=READERS,
        action="Compare the source with its last delivery.",
    )


def _typed(column: str, type_: str) -> Expectation:
    return Expectation(
        id=f"{column}.type",
        type="expect_column_values_to_be_of_type",
        column=column,
        kwargs={"type_": type_},
        severity="warn",
        kind="invalid_type",
        reason=READERS,
        action=f"Look for values of `{column}` that are not {type_}.",
    )


def _closed(column: str, values: tuple[str, ...]) -> Expectation:
    return Expectation(
        id=f"{column}.known",
        type="expect_column_values_to_be_in_set",
        column=column,
        kwargs={"value_set": list(values)},
        severity="warn",
        kind="invalid_category",
        reason=f"Reports by `{column}` do not know other values.",
        action="Check the spelling of the new values, or add them to the set.",
    )
