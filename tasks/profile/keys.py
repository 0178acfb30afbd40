"""Which columns, or sets of them, identify a row: candidates by what is known of the columns, verified exactly."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import prod
from typing import Final

from tasks.assets.reports import ColumnProfile
from tasks.profile.config import ProfileConfig
from tasks.profile.kinds import Field, is_identifier
from tasks.profile.queries import TableQueries
from tasks.schemas import CANONICAL

Key = tuple[str, ...]
NEAR_UNIQUE: Final = 0.85
"""A distinct count is an estimate, so that a key is looked for from this share of the rows on."""
LONGEST_MEAN: Final = 64
"""Longer texts are prose: if they never repeat, that identifies nothing."""
MOST_COLUMNS: Final = 8
MOST_LEADS: Final = 4
SUBSET_ROWS: Final = 200_000


def find_keys(
    table: str, columns: Sequence[tuple[Field, ColumnProfile]], queries: TableQueries, config: ProfileConfig
) -> tuple[Key, ...]:
    """Return the keys of a table: columns that identify by name first, then in the order of the columns.

    Sets of columns are looked for where no column with an identifier's name is a key. They are minimal. Of a canonical
    table only the set that its grain names is tried.
    """
    if queries.rows < 2:
        return ()
    fields = {profile.name: field for field, profile in columns}
    profiles = [profile for field, profile in columns if may_identify(field, profile)]
    single = [profile.name for profile in profiles if _is_key(profile, fields[profile.name], queries)]
    single.sort(key=lambda name: not is_identifier(name))
    found: list[Key] = [(name,) for name in single]
    if any(is_identifier(name) for name in single):
        return tuple(found)
    if table in CANONICAL:
        key = CANONICAL[table].key
        is_key = len(key) > 1 and set(key) <= {profile.name for profile in profiles}
        return (*found, key) if is_key and queries.is_unique([fields[name] for name in key]) else tuple(found)
    return (*found, *_sets(profiles, found, fields, queries=queries, most=config.key_columns))


def may_identify(field: Field, profile: ColumnProfile) -> bool:
    """Return whether a column's values could be part of a key: never missing, and neither measures nor prose."""
    if profile.nulls or field.kind in {"number", "list", "map"}:
        return False
    return profile.text is None or profile.text.mean_length <= LONGEST_MEAN or is_identifier(profile.name)


def candidate_sets(profiles: Sequence[ColumnProfile], known: Sequence[Key], *, rows: int, most: int) -> list[Key]:
    """Return sets of two or more columns that could be keys, the smaller and the more identifying ones first.

    A set with fewer combinations than rows is none, nor is one that holds a known key. A column that is nearly unique
    alone makes a key of whatever stands beside it, which says nothing.
    """
    varied = [
        profile for profile in profiles if 1 < profile.distinct < rows * NEAR_UNIQUE and (profile.name,) not in known
    ]
    varied.sort(key=lambda profile: (not is_identifier(profile.name), -profile.distinct))
    return [
        tuple(profile.name for profile in chosen)
        for size in range(2, most + 1)
        for chosen in combinations(varied[:MOST_COLUMNS], size)
        if prod(profile.distinct for profile in chosen) >= rows * NEAR_UNIQUE
    ]


def _is_key(profile: ColumnProfile, field: Field, queries: TableQueries) -> bool:
    if field.kind in {"time", "boolean"}:
        return False
    if profile.is_distinct_exact:
        return profile.distinct == profile.rows
    if profile.distinct < NEAR_UNIQUE * profile.rows:
        return False
    if queries.repeats_nearby(field):
        return False
    queries.take_subset(field, [field], max(1, profile.rows // SUBSET_ROWS))
    return not queries.repeats_in_subset([field]) and queries.is_unique([field])


def _sets(
    profiles: Sequence[ColumnProfile],
    known: Sequence[Key],
    fields: dict[str, Field],
    *,
    queries: TableQueries,
    most: int,
) -> list[Key]:
    distinct = {profile.name: profile.distinct for profile in profiles}
    candidates = candidate_sets(profiles, known, rows=queries.rows, most=most)
    leads = {key: max(key, key=lambda name: distinct[name]) for key in candidates}
    plausible: list[Key] = []
    for lead in sorted(set(leads.values()), key=lambda name: -distinct[name])[:MOST_LEADS]:
        keys = [key for key in candidates if leads[key] == lead]
        used = sorted({name for key in keys for name in key})
        part = max(1, min(queries.rows // SUBSET_ROWS, distinct[lead] // 8))
        queries.take_subset(fields[lead], [fields[name] for name in used], part)
        plausible += [key for key in keys if not queries.repeats_in_subset([fields[name] for name in key])]
    found: list[Key] = []
    for key in sorted(plausible, key=candidates.index):
        if not any(set(smaller) <= set(key) for smaller in found) and queries.is_unique([fields[n] for n in key]):
            found.append(key)
    return [_in_order(key, fields) for key in found]


def _in_order(key: Key, fields: dict[str, Field]) -> Key:
    return tuple(sorted(key, key=lambda name: fields[name].place))
