"""Merges shards into one table: exact repeats merged, key conflicts resolved, every row accounted for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.assets.asset import AssetRef
from tasks.errors import UsageError
from tasks.ingest.accounts import SourceCounts, sum_of
from tasks.ingest.config import IngestConfig
from tasks.ingest.inference import inferred_types
from tasks.ingest.own_columns import INTERNAL
from tasks.ingest.parquet import ROW, write_parts
from tasks.ingest.repeats import repeated_hashes
from tasks.ingest.stacking import KEPT_HASH, SHARD, ShardInput, Stack, stack
from tasks.schemas import CANONICAL, quoted

NEWEST_BY: Final = {"products": "updated_at", "users": "signed_up_at"}
"""The column that says which of two rows of one key is the newer one; `timestamp` elsewhere."""

TIME: Final = re.compile(r"DATE$|TIMESTAMP[^\[]*$", re.IGNORECASE)
"""Types of times; a text that looks like one is ordered by its letters."""

COPY: Final = f'"{INTERNAL}copy"'
RANK: Final = f'"{INTERNAL}rank"'
"""A row's number among its repeats, and among the rows of its key."""

REPEATS: Final = f"""
create temp table repeat as
with candidate as (
  select * exclude ({KEPT_HASH}) from {{rows}} semi join repeated using ({KEPT_HASH})
)
select *, row_number() over (partition by {{columns}} order by {SHARD}, {ROW}) as {COPY} from candidate
"""

REPEATED_ROWS: Final = f"select {SHARD}, {ROW} from repeat where {COPY} > 1"

CONFLICTS: Final = f"""
create temp table conflict as
with remaining as (
  {{remaining}}
),
clashing as (
  select {{key}} from remaining group by {{key}} having count(*) > 1
)
select remaining.*, row_number() over (partition by {{key}} order by {{order}}) as {RANK}
from remaining semi join clashing using ({{key}})
"""


@dataclass(frozen=True, slots=True)
class Merged:
    """What came of a table's rows.

    Args:
        columns: The table's.
        sources: What came of each source's rows.
        repeats: Rows that were merged for repeating another one.
        conflicts: Rows that were merged for having another one's key.
        drift: Shard to the columns that it lacks, or has of another type.
        repeated: SQL of the rows that were repeated, each once and with its number of `copies`.
        conflicting: SQL of the keys that several rows have, each with their number, `rows`. Both are for the connection
            that merged, as long as it is open.
    """

    columns: tuple[str, ...]
    sources: dict[str, SourceCounts]
    repeats: int
    conflicts: int
    drift: dict[str, list[str]]
    repeated: str
    conflicting: str

    @property
    def total(self) -> SourceCounts:
        """The sums over all sources."""
        return sum_of(self.sources.values())


def shard_names(table: str, shards: Sequence[AssetRef]) -> list[str]:
    """Return the names of a table's shards, which differ also where one file is read in several ways.

    Raises:
        UsageError: A source is listed twice, with the same settings.
    """
    names: list[str] = []
    for position, ref in enumerate(shards):
        name = ref.key.rsplit("/", 1)[-1]
        if ref in shards[:position]:
            raise UsageError(
                problem=f"A source of the table “{table}” is listed twice: its file “{name}” would count double.",
                fix="Take one of the two out of `sources` in shop.yaml.",
            )
        same = sum(other.key == ref.key for other in shards[:position])
        names.append(f"{name}-{same + 1}" if same else name)
    return names


def merge(
    connection: duckdb.DuckDBPyConnection, table: str, shards: Sequence[ShardInput], config: IngestConfig, folder: Path
) -> Merged:
    """Write a table's rows to `part-*.parquet`, in the order of shards and their rows.

    Where rows share a key, the row that wins by `config.conflict` gives the values, and what it lacks comes from the
    next; such rows stand at the end.

    Raises:
        UsageError: Files of one source write dates in different order.
    """
    _check_dates(table, shards)
    known = CANONICAL.get(table)
    key = known.key if known else ()
    rows = stack(connection, shards, known)
    written = {**rows.types, **inferred_types(connection, rows.view, rows.texts)}
    repeats = _find_repeats(connection, rows, count=sum(int(shard.metrics["rows_usable"]) for shard in shards))
    order = _order(table, written, shards, config)
    conflicts = _find_conflicts(connection, rows, key, order, has_repeats=bool(repeats))
    query = _result(rows, written, key, has_repeats=bool(repeats), has_conflicts=bool(conflicts))
    write_parts(connection, query, folder, group_rows=config.row_group_rows, cores=config.threads)
    names, keys = (", ".join(map(quoted, columns)) for columns in (rows.types, key))
    return Merged(
        columns=tuple(rows.types),
        sources=_counts(connection, rows, shards),
        repeats=repeats,
        conflicts=conflicts,
        drift=rows.drift,
        repeated=f"select {names}, max({COPY}) as copies from repeat group by {names} having max({COPY}) > 1",
        conflicting=f"select {keys}, count(*) as rows from conflict group by {keys}",
    )


def _check_dates(table: str, shards: Sequence[ShardInput]) -> None:
    """Refuse dates that one file of a source seems to write month first, another day first."""
    read: dict[tuple[str, str], dict[str, str]] = {}
    for shard in shards:
        for rule in shard.metrics["always"]:
            column, _, form = rule.rpartition(".timestamp_")
            if form in {"month_first", "day_first"}:
                read.setdefault((shard.source, column), {}).setdefault(form, shard.name)
    for (_, column), files in read.items():
        if len(files) > 1:
            raise UsageError(
                problem=f"Dates of “{column}” in “{table}” look month first in “{files['month_first']}” and day first "
                f"in “{files['day_first']}”, which are files of one source: some would be read wrong.",
                fix="Set `timestamp_format` of that source to `day_first` or `month_first`.",
            )


def _find_repeats(connection: duckdb.DuckDBPyConnection, rows: Stack, *, count: int) -> int:
    """Make `repeat`, the rows that others may repeat, and return how many repeat an earlier one."""
    hashes = repeated_hashes(connection, rows.view, KEPT_HASH, count=count)
    connection.register("repeated", pa.table([hashes], [KEPT_HASH[1:-1]]))
    connection.execute(REPEATS.format(rows=rows.view, columns=", ".join(map(quoted, rows.types))))
    return _number(connection, f"select count(*) from ({REPEATED_ROWS})")


def _find_conflicts(
    connection: duckdb.DuckDBPyConnection, rows: Stack, key: Sequence[str], order: str, *, has_repeats: bool
) -> int:
    """Make `conflict`, the rows whose key others have, and return how many lose to another one."""
    remaining = f"select * exclude ({KEPT_HASH}) from {rows.view}"
    if not key:
        connection.execute(f"create temp table conflict as select *, 1 as {RANK} from ({remaining}) limit 0")
        return 0
    if has_repeats:
        remaining = f"{remaining} anti join ({REPEATED_ROWS}) using ({SHARD}, {ROW})"
    connection.execute(CONFLICTS.format(remaining=remaining, key=", ".join(map(quoted, key)), order=order))
    return _number(connection, f"select count(*) from conflict where {RANK} > 1")


def _order(table: str, types: Mapping[str, str], shards: Sequence[ShardInput], config: IngestConfig) -> str:
    """SQL that puts the row that wins first: ties are won by the later source, then the later row."""
    time = NEWEST_BY.get(table, "timestamp")
    kind = types.get(time, "")
    newest = [f"{quoted(time)}::{kind} desc nulls last"] if TIME.match(kind) else []
    priority = [f"([{', '.join(str(shard.priority) for shard in shards)}])[{SHARD} + 1] desc"]
    chosen = priority + newest if config.conflict == "source_priority" else newest + priority
    return ", ".join([*chosen, f"{SHARD} desc", f"{ROW} desc"])


def _result(
    rows: Stack, types: Mapping[str, str], key: Sequence[str], *, has_repeats: bool, has_conflicts: bool
) -> str:
    """SQL of the table's rows: what is no repeat and in no conflict, then what came of each conflict."""
    names = ", ".join(f"{quoted(name)}::{kind} as {quoted(name)}" for name, kind in types.items())
    query = f"select {names} from {rows.view}"
    if has_repeats or has_conflicts:
        dropped = f"{REPEATED_ROWS} union all select {SHARD}, {ROW} from conflict"
        query = f"{query} anti join ({dropped}) using ({SHARD}, {ROW})"
    if has_conflicts:
        keys = ", ".join(f"conflict.{quoted(name)}" for name in key)
        fused = f"select {_fused(tuple(types))} from conflict group by {keys} order by {keys}"
        query = f"{query} union all (select {names} from ({fused}))"
    return query


def _fused(names: Sequence[str]) -> str:
    """SQL of a row made of several: the first value that there is, and of a price the currency of its own row."""
    values = {name: _first(name, f"{quoted(name)} is not null") for name in names}
    if {"price", "currency"} <= values.keys():
        values["currency"] = (
            f"case when count(price) > 0 then {_first('currency', 'price is not null')} else {values['currency']} end"
        )
    return ", ".join(f"{value} as {quoted(name)}" for name, value in values.items())


def _first(name: str, where: str) -> str:
    return f"first({quoted(name)} order by {RANK}) filter ({where})"


def _counts(
    connection: duckdb.DuckDBPyConnection, rows: Stack, shards: Sequence[ShardInput]
) -> dict[str, SourceCounts]:
    """Rows of each file: read as its reader counted them, the others as they are counted where they lie."""
    gone = f"select {SHARD} from ({REPEATED_ROWS}) union all select {SHARD} from conflict where {RANK} > 1"
    usable, merged = _by_shard(connection, f"select {SHARD} from {rows.view}"), _by_shard(connection, gone)
    found = {}
    for position, shard in enumerate(shards):
        lost = merged.get(position, 0)
        quarantined = pq.read_metadata(shard.quarantine).num_rows
        kept = usable.get(position, 0) - lost
        found[shard.name] = SourceCounts(int(shard.metrics["rows_read"]), kept, lost, quarantined)
    return found


def _by_shard(connection: duckdb.DuckDBPyConnection, query: str) -> dict[int, int]:
    return dict(connection.execute(f"select {SHARD}, count(*) from ({query}) group by {SHARD}").fetchall())


def _number(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    ((number,),) = connection.execute(query).fetchall()
    return int(number)
