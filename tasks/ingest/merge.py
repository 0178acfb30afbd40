"""Merges shards into one table: exact repeats merged, key conflicts resolved, every row accounted for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb

from tasks.errors import EmptyTableError, RowsLostError
from tasks.ingest.config import IngestConfig
from tasks.ingest.parquet import write_parquet
from tasks.ingest.statement import HASH
from tasks.schemas import CANONICAL, SQL_TYPES, Table, literal, quoted

TECHNICAL: Final = "_"
NEWEST_BY: Final = {"products": "updated_at", "users": "signed_up_at"}
"""The column that says which of two rows of one key is the newer one; `timestamp` elsewhere."""

INFERRED: Final = ("bigint", "double", "boolean", "timestamp with time zone")
"""Types that a text column of an extra table may turn out to be, the narrowest first."""

INFERRED_FROM: Final = 10_000
"""Rows that say whether it is worth to look at all of them."""

ONCE: Final = "create temp table repeated as select _hash from everything group by _hash having count(*) > 1"
"""Only hashes are grouped at first: most rows need no closer look."""

REPEATS: Final = """
create temp table repeat as
with candidate as (
  select * exclude (_hash) from everything semi join repeated using (_hash)
)
select *, row_number() over (partition by {columns} order by _shard, _row) as _copy from candidate
"""

REPEATED_ROWS: Final = "select _shard, _row from repeat where _copy > 1"

CONFLICTS: Final = """
create temp table conflict as
with remaining as (
  {remaining}
),
clashing as (
  select {key} from remaining group by {key} having count(*) > 1
)
select remaining.*, row_number() over (partition by {key} order by {order}) as _rank
from remaining semi join clashing using ({key})
"""


@dataclass(frozen=True, slots=True)
class ShardInput:
    """A shard's files and what its manifest says of them."""

    name: str
    rows: Path
    quarantine: Path
    priority: int
    metrics: Mapping[str, Any]  # JSON values of any shape


@dataclass(frozen=True, slots=True)
class SourceCounts:
    """Rows of one source: read = kept + merged + quarantined."""

    rows_read: int
    rows_kept: int
    rows_merged: int
    rows_quarantined: int


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
        counts = list(self.sources.values())
        return SourceCounts(
            rows_read=sum(item.rows_read for item in counts),
            rows_kept=sum(item.rows_kept for item in counts),
            rows_merged=sum(item.rows_merged for item in counts),
            rows_quarantined=sum(item.rows_quarantined for item in counts),
        )


def merge(
    connection: duckdb.DuckDBPyConnection, table: str, shards: Sequence[ShardInput], config: IngestConfig, folder: Path
) -> Merged:
    """Write a table's rows to `part-00000.parquet`, in the order of shards and their rows.

    Where rows share a key, the row that wins by `config.conflict` gives the values, and what it lacks comes from the
    next; such rows stand at the end.
    The temporary tables `everything`, `repeat` and `conflict` stay for whoever wants to tell about them.

    Raises:
        EmptyTableError: No row can be used.
        RowsLostError: The numbers do not add up.
    """
    known = CANONICAL.get(table)
    types = _types(connection, shards, known)
    _stack(connection, shards, types)
    names = ", ".join(map(quoted, types))
    connection.execute(ONCE)
    connection.execute(REPEATS.format(columns=names))
    repeats = _number(connection, f"select count(*) from ({REPEATED_ROWS})")
    remaining = "select * exclude (_hash) from everything"
    if repeats:
        remaining = f"{remaining} anti join ({REPEATED_ROWS}) using (_shard, _row)"
    key = known.key if known else ()
    if key:
        order = _order(table, types, config)
        connection.execute(CONFLICTS.format(remaining=remaining, key=", ".join(map(quoted, key)), order=order))
    else:
        connection.execute(
            "create temp table conflict as select * exclude (_hash), 1::bigint as _rank from everything limit 0"
        )
    _write_part(connection, types, key, folder, repeats=repeats, row_group=config.row_group_rows)
    merged = Merged(
        columns=tuple(types),
        sources=_counts(connection, shards),
        repeats=repeats,
        conflicts=_number(connection, "select count(*) from conflict where _rank > 1"),
        drift=_drift(connection, shards),
    )
    _check(connection, table, merged, folder)
    return merged


def shard_relation(path: Path) -> str:
    """Return SQL of a shard's usable rows; `_row` is their place in the file, from 0."""
    rows = f"read_parquet({literal(str(path))}, file_row_number=true)"
    return f"(select * exclude (file_row_number, _reason), file_row_number as _row from {rows} where _reason is null)"


def _types(connection: duckdb.DuckDBPyConnection, shards: Sequence[ShardInput], known: Table | None) -> dict[str, str]:
    """Column to type: canonical columns first, then the others in the order they are met."""
    met: dict[str, set[str]] = {}
    texts: set[str] = set()
    for shard in shards:
        for name, kind, *_ in connection.execute(f"describe select * from {shard_relation(shard.rows)}").fetchall():
            if not name.startswith(TECHNICAL) and name not in shard.metrics["empty_columns"]:
                met.setdefault(name, set()).add(kind)
                if shard.metrics.get("facts", {}).get("format") == "csv":
                    texts.add(name)
    canonical = {column.name: SQL_TYPES[column.kind] for column in known.columns if column.name in met} if known else {}
    extra = {
        name: kinds.pop() if len(kinds) == 1 else "VARCHAR" for name, kinds in met.items() if name not in canonical
    }
    asked = [name for name, kind in extra.items() if kind == "VARCHAR" and name in texts]
    return {**canonical, **extra, **_inferred(connection, shards, asked)}


def _inferred(
    connection: duckdb.DuckDBPyConnection, shards: Sequence[ShardInput], names: Sequence[str]
) -> dict[str, str]:
    """The narrowest type that every text of a column is, where no number begins with a superfluous zero."""
    if not names:
        return {}
    union = " union all by name ".join(f"select * from {shard_relation(shard.rows)}" for shard in shards)
    some = _fitting(connection, f"{union} limit {INFERRED_FROM}", names)
    return _fitting(connection, union, list(some)) if some else {}


def _fitting(connection: duckdb.DuckDBPyConnection, rows: str, names: Sequence[str]) -> dict[str, str]:
    asks = [
        part
        for name in names
        for part in (
            f"count({quoted(name)})",
            f"count(*) filter (regexp_matches({quoted(name)}, '^[-+]?0[0-9]|^\\+|^\\s|\\s$'))",
            f"count(*) filter (regexp_matches({quoted(name)}, '^-?[0-9]{{1,18}}$'))",
            *(f"count(try_cast({quoted(name)} as {kind}))" for kind in INFERRED[1:]),
        )
    ]
    (row,) = connection.execute(f"select {', '.join(asks)} from ({rows})").fetchall()
    width = 2 + len(INFERRED)
    found = {}
    for position, name in enumerate(names):
        filled, padded, *fitting = row[position * width : (position + 1) * width]
        fits = [kind for kind, count in zip(INFERRED, fitting, strict=True) if count == filled]
        if filled and fits and not padded:
            found[name] = fits[0]
    return found


def _stack(connection: duckdb.DuckDBPyConnection, shards: Sequence[ShardInput], types: Mapping[str, str]) -> None:
    held = [_held(connection, shard) for shard in shards]
    are_hashed = _are_hashed(held)
    selects = []
    for position, shard in enumerate(shards):
        columns = ", ".join(
            f"{quoted(name)}::{kind} as {quoted(name)}" if name in held[position] else f"null::{kind} as {quoted(name)}"
            for name, kind in types.items()
        )
        kept = f", {quoted(HASH)} as _hash" if are_hashed else ""
        selects.append(f"select {columns}{kept}, {position} as _shard, _row from {shard_relation(shard.rows)}")
    stacked = " union all ".join(selects)
    if not are_hashed:
        stacked = f"select *, hash({', '.join(map(quoted, types))}) as _hash from ({stacked})"
    connection.execute(f"create temp view everything as {stacked}")


def _held(connection: duckdb.DuckDBPyConnection, shard: ShardInput) -> set[str]:
    return {row[0] for row in connection.execute(f"describe select * from {shard_relation(shard.rows)}").fetchall()}


def _are_hashed(held: Sequence[set[str]]) -> bool:
    """Whether every shard has its rows' hashes, over the same columns."""
    values = {frozenset(name for name in columns if not name.startswith(TECHNICAL)) for columns in held}
    return len(values) == 1 and all(HASH in columns for columns in held)


def _order(table: str, types: Mapping[str, str], config: IngestConfig) -> str:
    """SQL that puts the row that wins first: ties are won by the later source, then the later row."""
    time = NEWEST_BY.get(table, "timestamp")
    newest = [f"{quoted(time)} desc nulls last"] if time in types else []
    priority = ["list_extract(getvariable('priorities'), _shard + 1) desc"]
    chosen = priority + newest if config.conflict == "source_priority" else newest + priority
    return ", ".join([*chosen, "_shard desc", "_row desc"])


def _write_part(
    connection: duckdb.DuckDBPyConnection,
    types: Mapping[str, str],
    key: Sequence[str],
    folder: Path,
    *,
    repeats: int,
    row_group: int,
) -> None:
    names = ", ".join(map(quoted, types))
    query = f"select {names} from everything"
    conflicts = _number(connection, "select count(*) from conflict")
    if conflicts or repeats:
        dropped = f"{REPEATED_ROWS} union all select _shard, _row from conflict"
        query = f"select {names} from everything anti join ({dropped}) using (_shard, _row)"
    if conflicts:
        fused = ", ".join(
            f"first({quoted(name)} order by _rank) filter ({quoted(name)} is not null) as {quoted(name)}"
            for name in types
        )
        keys = ", ".join(f"conflict.{quoted(name)}" for name in key)
        query = f"{query} union all (select {fused} from conflict group by {keys} order by {keys})"
    write_parquet(connection, query, folder / "part-00000.parquet", group_rows=row_group)


def _counts(connection: duckdb.DuckDBPyConnection, shards: Sequence[ShardInput]) -> dict[str, SourceCounts]:
    gone = f"select _shard from ({REPEATED_ROWS}) union all select _shard from conflict where _rank > 1"
    merged = dict(connection.execute(f"select _shard, count(*) from ({gone}) group by _shard").fetchall())
    found = {}
    for position, shard in enumerate(shards):
        read, quarantined = int(shard.metrics["rows_read"]), int(shard.metrics["rows_quarantined"])
        usable = int(shard.metrics["rows_usable"])
        lost = int(merged.get(position, 0))
        found[shard.name] = SourceCounts(read, usable - lost, lost, quarantined)
    return found


def _drift(connection: duckdb.DuckDBPyConnection, shards: Sequence[ShardInput]) -> dict[str, list[str]]:
    """Shard to the columns that others have and it lacks."""
    held = {
        shard.name: {name for name in _held(connection, shard) if not name.startswith(TECHNICAL)} for shard in shards
    }
    union = set().union(*held.values()) if held else set()
    return {name: sorted(union - columns) for name, columns in held.items() if union - columns}


def _check(connection: duckdb.DuckDBPyConnection, table: str, merged: Merged, folder: Path) -> None:
    total = merged.total
    written = _number(connection, f"select count(*) from read_parquet({literal(str(folder / 'part-*.parquet'))})")
    if written == 0:
        raise EmptyTableError(
            table=table,
            rows_read=total.rows_read,
            rows_quarantined=total.rows_quarantined,
            fix="Look into the source and its mapping in shop.yaml; nothing was published.",
        )
    for counts in merged.sources.values():
        if counts.rows_read != counts.rows_kept + counts.rows_merged + counts.rows_quarantined:
            raise _lost(table, counts)
    if written != total.rows_kept:
        raise _lost(table, SourceCounts(total.rows_read, written, total.rows_merged, total.rows_quarantined))


def _lost(table: str, counts: SourceCounts) -> RowsLostError:
    return RowsLostError(
        table=table,
        rows_read=counts.rows_read,
        rows_kept=counts.rows_kept,
        rows_merged=counts.rows_merged,
        rows_quarantined=counts.rows_quarantined,
        fix="This is a bug in pandian; nothing was published.",
    )


def _number(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    ((number,),) = connection.execute(query).fetchall()
    return int(number)
