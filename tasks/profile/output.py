"""Profiles as tables: one row per column, one row per relationship."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from tasks.assets.reports import ColumnProfile, Relationships, TableProfile
from tasks.profile.counted import QUANTILES

COLUMNS: Final = pa.schema(
    [
        *[(name, pa.string()) for name in ("name", "type")],
        *[(name, pa.int64()) for name in ("rows", "nulls", "distinct")],
        ("is_distinct_exact", pa.bool_()),
        ("is_key", pa.bool_()),
        *[(name, pa.string()) for name in ("minimum", "maximum")],
        *[(name, pa.float64()) for name in ("mean", "std", "skewness")],
        *[(f"q{name[2:].ljust(2, '0')}", pa.float64()) for name in QUANTILES],
        ("top_value", pa.string()),
        ("top_count", pa.int64()),
        *[(name, pa.int64()) for name in ("min_length", "max_length", "empty")],
        ("mean_length", pa.float64()),
        ("language", pa.string()),
        *[(name, pa.string()) for name in ("first", "last")],
        *[(name, pa.int64()) for name in ("days_in_span", "days_with_rows", "longest_gap_days")],
    ]
)
RELATIONSHIPS: Final = pa.schema(
    [
        *[(name, pa.string()) for name in ("child_table", "child_column", "parent_table", "parent_column")],
        *[(name, pa.int64()) for name in ("rows", "matched_rows")],
        ("match_rate", pa.float64()),
        ("orphan_values", pa.int64()),
        ("coverage", pa.float64()),
    ]
)


def columns_table(profile: TableProfile) -> pa.Table:
    """Return one row per column with the figures that are single values."""
    keys = {key[0] for key in profile.keys if len(key) == 1}
    rows = [{**_row(column), "is_key": column.name in keys} for column in profile.columns]
    return pa.Table.from_pylist(rows, schema=COLUMNS)


def relationships_table(found: Relationships) -> pa.Table:
    """Return one row per relationship."""
    return pa.Table.from_pylist([item.model_dump() for item in found.relationships], schema=RELATIONSHIPS)


def _row(column: ColumnProfile) -> dict[str, object]:
    plain = {name: getattr(column, name) for name in COLUMNS.names if name in ColumnProfile.model_fields}
    plain.update({f"q{name[2:].ljust(2, '0')}": value for name, value in column.quantiles.items()})
    if column.top_values:
        plain.update(top_value=column.top_values[0].value, top_count=column.top_values[0].count)
    if column.text:
        plain.update(column.text.model_dump(exclude={"languages"}), language=next(iter(column.text.languages), None))
    if column.time:
        plain.update(column.time.model_dump(exclude={"by_month"}))
    return plain
