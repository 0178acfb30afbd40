"""Which expectations can be judged on a table, and in which way each is judged without the table in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any, Final, Literal

from expectations.expectation import Expectation
from tasks.validate.predicates import NULLNESS, ZONED, failure, is_nullness

Scope = Literal["fact", "columns", "nullness", "values", "keys", "parent", "rows", "column"]
"""What is handed to Great Expectations: a fact of the whole table; its empty frame; whether values are null; the values
of one column; keys that repeat; whether a key is known; rows; all rows of the columns concerned at once."""

ON_COLUMN_NAMES: Final = frozenset(
    {
        "expect_column_to_exist",
        "expect_table_columns_to_match_ordered_list",
        "expect_table_columns_to_match_set",
        "expect_table_column_count_to_be_between",
        "expect_table_column_count_to_equal",
    }
)
ON_FACTS: Final = frozenset(
    {
        "expect_table_row_count_to_be_between",
        "expect_table_row_count_to_equal",
        "expect_column_values_to_be_of_type",
        "expect_column_values_to_be_in_type_list",
    }
)
ON_KEYS: Final = frozenset({"expect_column_values_to_be_unique", "expect_compound_columns_to_be_unique"})
ON_NEIGHBOURS: Final = frozenset(
    {
        "expect_column_value_z_scores_to_be_less_than",
        "expect_column_values_to_be_increasing",
        "expect_column_values_to_be_decreasing",
        "expect_column_values_to_not_be_outliers",
    }
)
"""These judge a value by the others of its column."""

SCOPES: Final[Mapping[Scope, frozenset[str]]] = MappingProxyType(
    {"columns": ON_COLUMN_NAMES, "fact": ON_FACTS, "keys": ON_KEYS, "nullness": NULLNESS}
)

ROW_BY_ROW: Final = (
    "expect_column_value",
    "expect_column_pair_values",
    "expect_multicolumn",
    "expect_select_column_values",
    "expect_compound_columns",
)
"""How the types begin that say of each row whether it fails; all others say one thing of the whole table."""


@dataclass(frozen=True, slots=True)
class Check:
    """An expectation that can be judged on a table.

    Args:
        expectation: With its parameters filled in.
        written: As the suite has it.
        scope: What Great Expectations is handed.
        failure: The SQL condition that a failing value meets; None where SQL cannot say it.
    """

    expectation: Expectation
    written: Expectation
    scope: Scope
    failure: str | None = None

    @property
    def id(self) -> str:
        """The expectation's name."""
        return self.expectation.id

    @property
    def file_name(self) -> str:
        """The name as part of a path: letters, digits, and `._+-`."""
        return "".join(letter if letter.isalnum() or letter in "._+-" else "_" for letter in self.id)


def applicable(
    suite: Iterable[Expectation],
    columns: Mapping[str, str],
    *,
    parents: Mapping[str, Mapping[str, str]],
    ingested_at: datetime,
) -> tuple[Check, ...]:
    """Return the checks of those expectations that a table's columns, and the tables at hand, allow to be judged.

    A column that is absent is judged for its absence alone, a column of a wrong type for its type and nulls alone. A
    type that only a shop's own suite demands is wrong for that suite alone: it takes none of our checks away.

    Args:
        suite: The expectations.
        columns: The table's columns and their DuckDB types.
        parents: The same of each table that may be referred to.
        ingested_at: What the suite parameter of that name stands for.
    """
    items = tuple(suite)
    wrong = [
        item for item in items if item.type in ON_FACTS and item.column in columns and not _has_type(item, columns)
    ]
    found = []
    for item in items:
        if item.type not in ON_COLUMN_NAMES and not set(item.named) <= set(columns):
            continue
        if item.parent is not None and item.parent[1] not in parents.get(item.parent[0], {}):
            continue
        mistyped = {other.column for other in wrong if item.is_own or not other.is_own}
        if mistyped.isdisjoint(item.named) or item.type in ON_FACTS or is_nullness(item.type):
            over = item.over if set(item.over) <= set(columns) else ()
            types = {name: columns[name] for name in item.judged if name in columns}
            kwargs = {name: _resolved(value, types, ingested_at) for name, value in item.kwargs.items()}
            found.append(_check(replace(item, over=over, kwargs=kwargs), item, columns))
    return tuple(found)


def accepted_types(item: Expectation) -> list[str]:
    """Return the DuckDB types that a type expectation accepts: those it names, and what others call so."""
    named = [str(name) for name in item.kwargs.get("type_list") or [item.kwargs["type_"]]]
    return list(dict.fromkeys(type_.upper() for name in named for type_ in (name, ALIASES.get(name.lower(), name))))


ALIASES: Final[Mapping[str, str]] = {
    "str": "VARCHAR",
    "string": "VARCHAR",
    "object": "VARCHAR",
    "text": "VARCHAR",
    "int": "BIGINT",
    "int64": "BIGINT",
    "int32": "INTEGER",
    "float": "DOUBLE",
    "float64": "DOUBLE",
    "bool": "BOOLEAN",
    "timestamptz": "TIMESTAMP WITH TIME ZONE",
    "datetime64[us, utc]": "TIMESTAMP WITH TIME ZONE",
    "datetime64[ns, utc]": "TIMESTAMPTZ_NS",
    "datetime64[us]": "TIMESTAMP",
    "datetime64[ns]": "TIMESTAMP_NS",
}


def _has_type(item: Expectation, columns: Mapping[str, str]) -> bool:
    return item.column is None or columns[item.column].upper() in accepted_types(item)


def _check(item: Expectation, written: Expectation, columns: Mapping[str, str]) -> Check:
    scope = _scope(item)
    if scope not in {"values", "nullness"} or item.column is None:
        return Check(item, written, scope)
    return Check(item, written, scope, failure(item.type, item.kwargs, columns[item.column]))


def _scope(item: Expectation) -> Scope:
    if item.parent is not None:
        return "parent"
    found: Iterator[Scope] = (scope for scope, types in SCOPES.items() if item.type in types)
    scope: Scope = next(found, "values")
    is_conditional = "row_condition" in item.kwargs and scope != "columns" and (scope != "fact" or item.column is None)
    if is_conditional and scope == "keys":
        return "column"
    if not is_conditional and scope != "values":
        return scope
    if item.type in ON_NEIGHBOURS or not counts_rows(item.type):
        return "column"
    return "rows" if is_conditional or item.column is None else "values"


def counts_rows(type_: str) -> bool:
    """Return whether an expectation type says of each row whether it fails."""
    return type_.startswith(ROW_BY_ROW)


def _resolved(value: Any, types: Mapping[str, str], ingested_at: datetime) -> Any:  # an argument of any JSON type
    if isinstance(value, Mapping) and set(value) == {"$PARAMETER"} and value["$PARAMETER"] == "ingested_at":
        value = ingested_at
    kinds = set(types.values())
    if len(kinds) == 1 and (kind := next(iter(kinds))).startswith(("TIMESTAMP", "DATE")):
        return _as_time(value, kind)
    if isinstance(value, tuple):
        return list(value)
    return value


def _as_time(value: Any, kind: str) -> Any:  # what is no time stays as it is
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return value
    if not isinstance(value, datetime):
        return value
    value = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if kind == "DATE":
        return value.date()
    return value if kind in ZONED else value.replace(tzinfo=None)


def spelled(value: object) -> str:
    """Return an argument as text: times in ISO 8601, lists with commas, suite parameters by name."""
    if isinstance(value, Mapping) and "$PARAMETER" in value:
        return str(value["$PARAMETER"])
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return ", ".join(spelled(item) for item in value)
    return str(value)
