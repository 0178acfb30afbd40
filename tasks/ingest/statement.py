"""The one statement that standardises a file: reads it, applies the rules, and writes what came of every row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import duckdb

from tasks.ingest.own_columns import (
    INTERNAL,
    ORIGINAL,
    REASON,
    RECORD,
    bits_name,
    given_name,
    helper_name,
    parsed_name,
    raw_name,
    source_name,
    unread_name,
)
from tasks.ingest.raw import RawRows
from tasks.ingest.rules import ColumnRules
from tasks.schemas import Table, literal, quoted

HASH: Final = f"{INTERNAL}hash:{duckdb.__version__}"
"""Column of a row's hash over the values that it must have, which tell most rows apart.

Another version of DuckDB may find another hash.
"""

STANDARDISE: Final = """
with raw as (
  select {raws} from {relation}
),
parsed as (
  select *{parsed} from raw
),
helped as (
  select *{helpers} from parsed
),
valued as (
  select *{values} from helped
),
priced as (
  select *{currency} from valued
),
judged as (
  select *, {reason} as {reason_name} from priced
)
select {columns} from judged
"""


def standardise_sql(columns: Sequence[ColumnRules], rows: RawRows, table: Table | None) -> str:
    """Return SQL of every row of a file in its order.

    A row has its columns and, all behind `INTERNAL`, `rules:COLUMN` with the bits of the rules that changed a value,
    `unread:COLUMN` with a value that was not understood, and, where it cannot be used, `reason` and, unless rows are
    objects, `original` as JSON. `record` is its line where rows are lines with gaps between them. Where all columns are
    canonical, a row has its `HASH`.
    """
    can_fail_whole = any(table is not None and rule.name in table.required for rule in columns)
    has_original = can_fail_whole and not rows.has_rest
    sources = [f"{quoted(name)} as {source_name(name)}" for name in rows.columns] if has_original else []
    raws = [f"{rule.raw} as {raw_name(rule.name)}" for rule in columns]
    record = [f"_record as {RECORD}"] if rows.is_numbered else []
    given = [f"{rule.given} as {given_name(rule.name)}" for rule in columns if rule.given]
    late = [rule for rule in columns if rule.name == "currency" and rule.raw == "null::varchar"]
    return STANDARDISE.format(
        raws=", ".join([*raws, *given, *sources, *record]) or "null as nothing",
        relation=rows.relation,
        parsed="".join(f", {rule.parsed} as {parsed_name(rule.name)}" for rule in columns if rule.parsed),
        helpers="".join(f", {rule.helper} as {helper_name(rule.name)}" for rule in columns if rule.helper),
        values="".join(f", {rule.value} as {quoted(rule.name)}" for rule in columns if rule not in late),
        currency="".join(f", {rule.value} as {quoted(rule.name)}" for rule in late),
        reason=_reason(columns, table),
        reason_name=REASON,
        columns=", ".join([*_written(columns, rows, has_original=has_original), *_hash(columns, table)]),
    )


def _written(columns: Sequence[ColumnRules], rows: RawRows, *, has_original: bool) -> list[str]:
    unread = [
        f"case when {rule.is_unread} then {raw_name(rule.name)}::varchar end as {unread_name(rule.name)}"
        for rule in columns
        if rule.can_fail
    ]
    fields = ", ".join(f"{quoted(name)} := {source_name(name)}" for name in rows.columns)
    original = f"case when {REASON} is not null then to_json(struct_pack({fields}))::varchar end as {ORIGINAL}"
    return [
        *(quoted(rule.name) for rule in columns),
        *(f"nullif({rule.changes}, 0)::usmallint as {bits_name(rule.name)}" for rule in columns if rule.changes),
        *unread,
        REASON,
        *([original] if has_original else []),
        *([RECORD] if rows.is_numbered else []),
    ]


def _hash(columns: Sequence[ColumnRules], table: Table | None) -> list[str]:
    """The hash by which merging finds rows that may be repeats, where their types are not left to merging."""
    held = {rule.name for rule in columns}
    canonical = () if table is None else tuple(column for column in table.columns if column.name in held)
    if len(canonical) < len(held) or not held:
        return []
    telling = [column for column in canonical if column.name in table.required] if table else []
    parts = (f"{quoted(column.name)}::{column.sql_type}" for column in telling or canonical)
    return [f"hash({', '.join(parts)}) as {quoted(HASH)}"]


def _reason(columns: Sequence[ColumnRules], table: Table | None) -> str:
    branches = []
    for rule in columns:
        if table is None or rule.name not in table.required:
            continue
        invalid = "unknown_event_type" if rule.name == "event_type" else f"invalid_{rule.name}"
        value, raw = quoted(rule.name), raw_name(rule.name)
        is_there = f"{raw} is not null and not {rule.is_missing}"
        branches.append(f"when {value} is null and {is_there} then {literal(invalid)}")
        branches.append(f"when {value} is null then {literal(f'missing_{rule.name}')}")
    return f"case {' '.join(branches)} end" if branches else "null::varchar"
