"""One table, described: its columns, how they move together, and what identifies a row."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from tasks.assets.manifest import Finding
from tasks.assets.reports import ColumnProfile, Correlation, TableProfile
from tasks.profile.columns import MOST_ELEMENTS, describe_column
from tasks.profile.config import ProfileConfig
from tasks.profile.correlations import correlations
from tasks.profile.keys import Key, find_keys
from tasks.profile.kinds import Field, is_identifier, kind_of
from tasks.profile.queries import TableQueries, open_connection, read_fields
from tasks.schemas import CANONICAL

COLUMNS_AT_ONCE: Final = 2
"""While one is computed in Python, or waits for a small answer, DuckDB has another's rows to go through."""

EXPECTED_CONSTANTS = frozenset({"currency", "language", "event_type"})


def describe_table(table: str, files: Sequence[Path], config: ProfileConfig, *, spill: Path) -> TableProfile:
    """Return the profile of a table.

    Args:
        table: The table's name.
        files: Its parquet files.
        config: The settings.
        spill: The folder for what does not fit into memory.
    """
    with open_connection(config, spill) as connection:
        fields = read_fields(connection, files)
        if not fields:
            return TableProfile(table=table, rows=0, columns=(), correlations=(), keys=())
        queries = TableQueries(connection, files, fields, config)
        columns = list(zip(fields, _profiles(fields, queries, config), strict=True))
        keys = find_keys(table, columns, queries, config)
        return TableProfile(
            table=table,
            rows=queries.rows,
            columns=tuple(_verified(profile, keys) for _, profile in columns),
            correlations=_correlations(columns, queries, config),
            keys=keys,
        )


def element_counts(
    files: Sequence[Path], profile: TableProfile, config: ProfileConfig, *, spill: Path
) -> dict[str, int]:
    """Return, for each column of lists or maps, how many different elements or keys there are: tags, attributes.

    Args:
        files: The parquet files of the table.
        profile: Its profile.
        config: The settings.
        spill: The folder for what does not fit into memory.
    """
    nested = {
        column.name
        for column in profile.columns
        if kind_of(column.type) in {"list", "map"}
        and (column.mean or 0.0) * (column.rows - column.nulls) <= MOST_ELEMENTS
    }
    if not nested:
        return {}
    with open_connection(config, spill) as connection:
        fields = read_fields(connection, files)
        queries = TableQueries(connection, files, fields, config)
        return {field.name: queries.distinct_elements(field) for field in fields if field.name in nested}


def constant_columns(profile: TableProfile) -> list[Finding]:
    """Return a finding for each column that says the same in every row.

    A canonical column that is the same for a whole shop, as its currency, is no news.
    """
    expected = EXPECTED_CONSTANTS if profile.table in CANONICAL else frozenset()
    return [
        Finding(
            id=f"{profile.table}.{column.name}.constant",
            table=profile.table,
            column=column.name,
            kind="constant_column",
            severity="info",
            dimension="accessibility",
            count=column.rows,
            share=1.0,
            message=f"“{column.name}” has the same value in all {column.rows:,} rows.",
            examples=tuple(item.value for item in column.top_values[:1]),
            action="Leave the column out, or find out why its source sends one value only.",
        )
        for column in profile.columns
        if profile.rows > 1 and _is_constant(column) and column.name not in expected
    ]


def _profiles(fields: Sequence[Field], queries: TableQueries, config: ProfileConfig) -> list[ColumnProfile]:
    """Return what each column holds, in their order."""

    def profile(field: Field) -> ColumnProfile:
        with queries.beside() as own:
            return describe_column(field, own, config)

    with ThreadPoolExecutor(COLUMNS_AT_ONCE) as pool:
        return list(pool.map(profile, fields))


def _verified(column: ColumnProfile, keys: Sequence[Key]) -> ColumnProfile:
    """Return the profile of a key with its exact number of distinct values: its rows."""
    if (column.name,) not in keys:
        return column
    return column.model_copy(update={"distinct": column.rows, "is_distinct_exact": True})


def _is_constant(column: ColumnProfile) -> bool:
    return column.is_distinct_exact and column.distinct == 1 and not column.nulls


def _correlations(
    columns: Sequence[tuple[Field, ColumnProfile]], queries: TableQueries, config: ProfileConfig
) -> tuple[Correlation, ...]:
    measures = [
        field
        for field, profile in columns
        if field.kind in {"integer", "number"} and profile.distinct > 1 and not is_identifier(field.name)
    ][: config.correlation_columns]
    return correlations(queries.correlated(measures)) if len(measures) > 1 else ()
