"""Merges shards into one table: exact repeats merged, key conflicts resolved, every row accounted for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.assets.asset import AssetRef
from tasks.errors import UsageError
from tasks.ingest.accounts import SourceCounts, sum_of
from tasks.ingest.config import IngestConfig
from tasks.ingest.parquet import ROW, numbered_rows, write_parts
from tasks.ingest.repeats import repeated_hashes
from tasks.ingest.rules import INTERNAL, REASON
from tasks.ingest.statement import HASH
from tasks.schemas import CANONICAL, SQL_TYPES, Table, quoted

NEWEST_BY: Final = {"products": "updated_at", "users": "signed_up_at"}
"""The column that says which of two rows of one key is the newer one; `timestamp` elsewhere."""

MOMENT: Final = r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?( ?(Z|[+-]\d{2}(:?\d{2})?))?)?"
NUMBER: Final = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?"
DIGITS: Final = 15
"""As many digits of a decimal number a double always holds."""

TEXTS: Final = f"""
  count({{x}}) as filled,
  count(*) filter (try_cast({{x}} as bigint)::varchar = {{x}}) as whole,
  count(*) filter (
    regexp_full_match({{x}}, '{NUMBER}') and not regexp_full_match({{x}}, '-0(\\.0*)?')
    and strlen(ltrim(translate({{x}}, '-.', ''), '0')) <= {DIGITS}
  ) as number,
  max(strlen(split_part({{x}}, '.', 2))) = min(strlen(split_part({{x}}, '.', 2))) as is_even,
  count(*) filter (regexp_matches({{x}}, '\\.[0-9]*0$')) as padded,
  count(*) filter (try_cast({{x}} as double)::varchar = {{x}}) as shortest,
  greatest(
    count(*) filter ({{x}} in ('true', 'false')),
    count(*) filter ({{x}} in ('True', 'False')),
    count(*) filter ({{x}} in ('TRUE', 'FALSE'))
  ) as logical,
  count(*) filter (regexp_full_match({{x}}, '{MOMENT}') and try_cast({{x}} as timestamptz) is not null) as moment
"""
"""What tells whether each text of a column can be told from the number, truth or time that it is.

Of decimal numbers that holds where all have as many decimals, where none ends with a zero, or where all are written as
DuckDB writes them: then no two texts are the same number, and `1.1` is not taken for version `1.10`.
"""

INFERRED_FROM: Final = 10_000
"""Rows that say whether it is worth to look at all of them."""

ASKED_AT_ONCE: Final = 32

SHARD: Final = f'"{INTERNAL}shard"'
KEPT_HASH: Final = f'"{INTERNAL}hash"'
COPY: Final = f'"{INTERNAL}copy"'
RANK: Final = f'"{INTERNAL}rank"'
"""A row's shard, its hash over all values, its number among its repeats, and among the rows of its key."""

REPEATS: Final = f"""
create temp table repeat as
with candidate as (
  select * exclude ({KEPT_HASH}) from everything semi join repeated using ({KEPT_HASH})
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
class ShardInput:
    """A shard's files and what its manifest says of them. Shards of one source have the same `source`."""

    name: str
    source: str
    rows: Path
    quarantine: Path
    priority: int
    metrics: Mapping[str, Any]  # JSON values of any shape


@dataclass(frozen=True, slots=True)
class Merged:
    """What came of a table's rows. `repeats` and `conflicts` count the rows that were merged for either reason."""

    columns: tuple[str, ...]
    sources: dict[str, SourceCounts]
    repeats: int
    conflicts: int
    drift: dict[str, list[str]]

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
    The temporary tables `everything`, `repeat` and `conflict` stay for whoever wants to tell about them.

    Raises:
        UsageError: Files of one source write dates in different order.
    """
    _check_dates(table, shards)
    known = CANONICAL.get(table)
    types = _types(connection, shards, known)
    _stack(connection, shards, types)
    written = {**types, **_inferred(connection, shards, types, known)}
    names = ", ".join(map(quoted, types))
    usable = sum(int(shard.metrics["rows_usable"]) for shard in shards)
    hashes = repeated_hashes(connection, "everything", KEPT_HASH, count=usable)
    connection.register("repeated", pa.table([hashes], [KEPT_HASH[1:-1]]))
    connection.execute(REPEATS.format(columns=names))
    repeats = _number(connection, f"select count(*) from ({REPEATED_ROWS})")
    remaining = f"select * exclude ({KEPT_HASH}) from everything"
    if repeats:
        remaining = f"{remaining} anti join ({REPEATED_ROWS}) using ({SHARD}, {ROW})"
    key = known.key if known else ()
    if key:
        order = _order(table, types, config)
        connection.execute(CONFLICTS.format(remaining=remaining, key=", ".join(map(quoted, key)), order=order))
    else:
        connection.execute(
            f"create temp table conflict as select * exclude ({KEPT_HASH}), 1::bigint as {RANK} from everything limit 0"
        )
    _write_part(connection, written, key, folder, repeats=repeats, config=config)
    return Merged(
        columns=tuple(types),
        sources=_counts(connection, shards),
        repeats=repeats,
        conflicts=_number(connection, f"select count(*) from conflict where {RANK} > 1"),
        drift=_drift(connection, shards),
    )


def shard_relation(path: Path) -> str:
    """Return SQL of a shard's usable rows, with their `ROW`."""
    return f"(select * exclude ({REASON}) from {numbered_rows(path)} where {REASON} is null)"


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


def _types(connection: duckdb.DuckDBPyConnection, shards: Sequence[ShardInput], known: Table | None) -> dict[str, str]:
    """Column to type as the shards have it: canonical columns first, then the others in the order they are met.

    Names that differ by their case alone are one column.
    """
    met: dict[str, set[str]] = {}
    names: dict[str, str] = {}
    for shard in shards:
        for name, kind in _held(connection, shard).items():
            if name not in shard.metrics["empty_columns"]:
                met.setdefault(names.setdefault(name.lower(), name), set()).add(kind)
    canonical = {column.name: SQL_TYPES[column.kind] for column in known.columns if column.name in met} if known else {}
    extra = {
        name: next(iter(kinds)) if len(kinds) == 1 else "VARCHAR"
        for name, kinds in met.items()
        if name not in canonical
    }
    return {**canonical, **extra}


def _inferred(
    connection: duckdb.DuckDBPyConnection,
    shards: Sequence[ShardInput],
    types: Mapping[str, str],
    known: Table | None,
) -> dict[str, str]:
    """Columns of csv files that are not canonical, and whose every text can be told from a value of a narrower type."""
    canonical = {column.name for column in known.columns} if known else set()
    texts = {
        name.lower()
        for shard in shards
        if shard.metrics["facts"].get("format") == "csv"
        for name in _held(connection, shard)
    }
    names = [name for name, kind in types.items() if kind == "VARCHAR" and name.lower() in texts - canonical]
    some = _fitting(connection, f"select * from everything limit {INFERRED_FROM}", names)
    return _fitting(connection, "select * from everything", list(some))


def _fitting(connection: duckdb.DuckDBPyConnection, rows: str, names: Sequence[str]) -> dict[str, str]:
    """Ask about a few columns at a time: what DuckDB needs for a statement grows faster than its length."""
    found: dict[str, str] = {}
    for start in range(0, len(names), ASKED_AT_ONCE):
        found.update(_fitting_few(connection, rows, names[start : start + ASKED_AT_ONCE]))
    return found


def _fitting_few(connection: duckdb.DuckDBPyConnection, rows: str, names: Sequence[str]) -> dict[str, str]:
    asks = ", ".join(TEXTS.replace("{x}", quoted(name)) for name in names)
    (row,) = connection.execute(f"select {asks} from ({rows})").fetchall()
    width = len(row) // len(names)
    fits = {name: _fit(*row[place * width : (place + 1) * width]) for place, name in enumerate(names)}
    return {name: kind for name, kind in fits.items() if kind}


def _fit(filled: int, *counts: int) -> str | None:
    whole, number, is_even, padded, shortest, logical, moment = counts
    are_told_apart = is_even or not padded or shortest == filled
    fits = {
        "bigint": whole == filled,
        "double": number == filled and are_told_apart,
        "boolean": logical == filled,
        "timestamp with time zone": moment == filled,
    }
    return next((kind for kind, is_fit in fits.items() if is_fit and filled), None)


def _stack(connection: duckdb.DuckDBPyConnection, shards: Sequence[ShardInput], types: Mapping[str, str]) -> None:
    held = [{name.lower() for name in _held(connection, shard)} for shard in shards]
    are_hashed = _are_hashed(connection, shards)
    selects = []
    for position, shard in enumerate(shards):
        columns = ", ".join(
            f"{quoted(name)}::{kind} as {quoted(name)}"
            if name.lower() in held[position]
            else f"null::{kind} as {quoted(name)}"
            for name, kind in types.items()
        )
        kept = f", {quoted(HASH)} as {KEPT_HASH}" if are_hashed else ""
        selects.append(f"select {columns}{kept}, {position} as {SHARD}, {ROW} from {shard_relation(shard.rows)}")
    stacked = " union all ".join(selects)
    if not are_hashed:
        stacked = f"select *, hash({', '.join(map(quoted, types))}) as {KEPT_HASH} from ({stacked})"
    connection.execute(f"create temp view everything as {stacked}")


def _held(connection: duckdb.DuckDBPyConnection, shard: ShardInput) -> dict[str, str]:
    """A shard's columns and their types, without those that are ingest's own."""
    described = connection.execute(f"describe select * from {shard_relation(shard.rows)}").fetchall()
    return {name: kind for name, kind, *_ in described if not name.startswith(INTERNAL)}


def _are_hashed(connection: duckdb.DuckDBPyConnection, shards: Sequence[ShardInput]) -> bool:
    """Whether every shard has its rows' hashes, over the same columns."""
    columns = {frozenset(_held(connection, shard)) for shard in shards}
    return len(columns) == 1 and all(HASH in pq.read_schema(shard.rows).names for shard in shards)


def _order(table: str, types: Mapping[str, str], config: IngestConfig) -> str:
    """SQL that puts the row that wins first: ties are won by the later source, then the later row."""
    time = NEWEST_BY.get(table, "timestamp")
    newest = [f"{quoted(time)} desc nulls last"] if time in types else []
    priority = [f"list_extract(getvariable('priorities'), {SHARD} + 1) desc"]
    chosen = priority + newest if config.conflict == "source_priority" else newest + priority
    return ", ".join([*chosen, f"{SHARD} desc", f"{ROW} desc"])


def _write_part(
    connection: duckdb.DuckDBPyConnection,
    types: Mapping[str, str],
    key: Sequence[str],
    folder: Path,
    *,
    repeats: int,
    config: IngestConfig,
) -> None:
    names = ", ".join(f"{quoted(name)}::{kind} as {quoted(name)}" for name, kind in types.items())
    query = f"select {names} from everything"
    conflicts = _number(connection, "select count(*) from conflict")
    if conflicts or repeats:
        dropped = f"{REPEATED_ROWS} union all select {SHARD}, {ROW} from conflict"
        query = f"select {names} from everything anti join ({dropped}) using ({SHARD}, {ROW})"
    if conflicts:
        fused = ", ".join(
            f"first({quoted(name)} order by {RANK}) filter ({quoted(name)} is not null) as {quoted(name)}"
            for name in types
        )
        keys = ", ".join(f"conflict.{quoted(name)}" for name in key)
        query = (
            f"{query} union all (select {names} from (select {fused} from conflict group by {keys} order by {keys}))"
        )
    write_parts(connection, query, folder, group_rows=config.row_group_rows, cores=config.threads)


def _counts(connection: duckdb.DuckDBPyConnection, shards: Sequence[ShardInput]) -> dict[str, SourceCounts]:
    """Rows of each file: read as its reader counted them, the others as they are counted where they lie."""
    gone = f"select {SHARD} from ({REPEATED_ROWS}) union all select {SHARD} from conflict where {RANK} > 1"
    merged = dict(connection.execute(f"select {SHARD}, count(*) from ({gone}) group by {SHARD}").fetchall())
    found = {}
    for position, shard in enumerate(shards):
        usable = _number(connection, f"select count(*) from {shard_relation(shard.rows)}")
        lost = int(merged.get(position, 0))
        quarantined = pq.read_metadata(shard.quarantine).num_rows
        found[shard.name] = SourceCounts(int(shard.metrics["rows_read"]), usable - lost, lost, quarantined)
    return found


def _drift(connection: duckdb.DuckDBPyConnection, shards: Sequence[ShardInput]) -> dict[str, list[str]]:
    """Shard to the columns that others have and it lacks."""
    held = {shard.name: {name.lower(): name for name in _held(connection, shard)} for shard in shards}
    union = {low: name for columns in reversed(held.values()) for low, name in columns.items()}
    lacks = {shard: sorted(name for low, name in union.items() if low not in held[shard]) for shard in held}
    return {shard: names for shard, names in lacks.items() if names}


def _number(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    ((number,),) = connection.execute(query).fetchall()
    return int(number)
