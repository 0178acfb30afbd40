"""Finds which columns point to another table's key: candidates by name and type, match rates by exact counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import duckdb

from tasks.assets.reports import Relationship, Relationships, TableProfile
from tasks.profile import queries
from tasks.profile.config import ProfileConfig


def relationships(
    connection: duckdb.DuckDBPyConnection,
    profiles: Mapping[str, TableProfile],
    sources: Mapping[str, str],
    config: ProfileConfig,
) -> Relationships:
    """Return every column that points to a single-column key of another table, with exact match rates.

    A column is looked at when its name is that of the key (as `product_id`, or `id` of `products`), which keeps numbers
    that merely overlap from counting as references.

    Args:
        connection: From `queries.connected`.
        profiles: Table name to its profile.
        sources: Table name to SQL to select from.
        config: How much must match.
    """
    found = []
    for child, column, parent, key in _candidates(profiles):
        rows, matched, orphans, coverage = queries.match(connection, (sources[child], column), (sources[parent], key))
        rate = matched / rows if rows else 0.0
        if rate >= config.min_match_rate:
            found.append(
                Relationship(
                    child_table=child,
                    child_column=column,
                    parent_table=parent,
                    parent_column=key,
                    rows=rows,
                    matched_rows=matched,
                    match_rate=rate,
                    orphan_values=orphans,
                    coverage=coverage,
                )
            )
    return Relationships(relationships=tuple(found))


def _candidates(profiles: Mapping[str, TableProfile]) -> Iterator[tuple[str, str, str, str]]:
    for parent, profile in sorted(profiles.items()):
        for key in sorted(names[0] for names in profile.keys if len(names) == 1):
            for child, other in sorted(profiles.items()):
                if child == parent:
                    continue
                for column in other.columns:
                    if column.rows > column.nulls and _points(column.name, parent, key):
                        yield child, column.name, parent, key


def _points(column: str, parent: str, key: str) -> bool:
    singular = parent.removesuffix("s")
    names = {key.lower()}
    if key.lower() in {"id", "key", "code"}:
        names = {f"{singular}_{key.lower()}", f"{singular}{key.lower()}"}
    looks_like_key = key.lower().endswith(("id", "key", "code", "upc", "sku", "asin", "ean"))
    return looks_like_key and column.lower() in names
