"""Profiles and relationships as flat tables, for those who would rather ask SQL than read JSON."""

from __future__ import annotations

import pyarrow as pa

from tasks.assets.reports import Relationships, TableProfile

COLUMNS = pa.schema(
    {
        "column": pa.string(),
        "type": pa.string(),
        "rows": pa.int64(),
        "nulls": pa.int64(),
        "distinct": pa.int64(),
        "is_distinct_exact": pa.bool_(),
        "minimum": pa.string(),
        "maximum": pa.string(),
        "mean": pa.float64(),
        "std": pa.float64(),
        "skewness": pa.float64(),
        "quantiles": pa.map_(pa.string(), pa.float64()),
        "most_frequent": pa.string(),
        "most_frequent_rows": pa.int64(),
        "mean_length": pa.float64(),
        "language": pa.string(),
        "first": pa.string(),
        "last": pa.string(),
    }
)
RELATIONSHIPS = pa.schema(
    {
        "child_table": pa.string(),
        "child_column": pa.string(),
        "parent_table": pa.string(),
        "parent_column": pa.string(),
        "rows": pa.int64(),
        "matched_rows": pa.int64(),
        "match_rate": pa.float64(),
        "orphan_values": pa.int64(),
        "coverage": pa.float64(),
    }
)


def columns_table(profile: TableProfile) -> pa.Table:
    """Return a profile as one row per column, the nested parts cut to the first of each."""
    rows = [
        {
            **{
                name: getattr(item, name)
                for name in COLUMNS.names
                if name in type(item).model_fields and name != "quantiles"
            },
            "column": item.name,
            "quantiles": list(item.quantiles.items()),
            "most_frequent": item.top_values[0].value if item.top_values else None,
            "most_frequent_rows": item.top_values[0].count if item.top_values else None,
            "mean_length": item.text.mean_length if item.text else None,
            "language": next(iter(item.text.languages), None) if item.text else None,
            "first": item.time.first if item.time else None,
            "last": item.time.last if item.time else None,
        }
        for item in profile.columns
    ]
    return pa.Table.from_pylist(rows, schema=COLUMNS)


def relationships_table(found: Relationships) -> pa.Table:
    """Return relationships as one row each."""
    return pa.Table.from_pylist([item.model_dump() for item in found.relationships], schema=RELATIONSHIPS)
