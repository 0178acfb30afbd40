"""Stacks a table's shards: all of their rows as one relation, whose types hold every value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow.parquet as pq

from tasks.ingest.own_columns import INTERNAL, REASON
from tasks.ingest.parquet import ROW, files_relation, numbered_rows
from tasks.ingest.statement import HASH
from tasks.schemas import SQL_TYPES, Table, quoted

SHARD: Final = f'"{INTERNAL}shard"'
KEPT_HASH: Final = f'"{INTERNAL}hash"'
"""A row's shard, by its place among the table's, and its hash over the values that tell most rows apart."""

VIEW: Final = "everything"
NULL: Final = '"NULL"'
"""The type of a column without any value."""

FAMILIES: Final = (
    re.compile(r"U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL\([^)]*\)"),
    re.compile(r"DATE|TIMESTAMP[^\[]*"),
)
"""Types that may have one in common: numbers and times."""

WIDER: Final = {"HUGEINT": "DECIMAL(38,0)", "FLOAT": "DOUBLE"}
"""What is taken in the place of a common type that parquet has not, or that holds fewer digits than another does."""

RESERVED: Final = frozenset({"file_index", "file_row_number"})
"""What DuckDB calls a row's file and its place in it, where no column is called so."""


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
class Stack:
    """The usable rows of all shards, in their order: a view of the connection, with `SHARD`, `ROW` and `KEPT_HASH`.

    Args:
        types: Column to its type: canonical ones first, then the others in the order they are met.
        texts: Those of them that are not canonical, hold texts and come from csv, where anything is a text.
        drift: Shard to the columns that others have and it lacks, and to those that it has of another type.
    """

    view: str
    types: dict[str, str]
    texts: tuple[str, ...]
    drift: dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class _File:
    """A shard's file, and its columns with their types. Names of columns are told apart in lower case."""

    shard: ShardInput
    written: Mapping[str, str]

    @property
    def columns(self) -> dict[str, str]:
        """Those that a table gets from here."""
        empty = self.shard.metrics["empty_columns"]
        return {name: kind for name, kind in self.written.items() if not (name.startswith(INTERNAL) or name in empty)}

    @property
    def holds(self) -> set[str]:
        return {name.lower() for name in self.columns}


def stack(connection: duckdb.DuckDBPyConnection, shards: Sequence[ShardInput], known: Table | None) -> Stack:
    """Return a table's shards as one relation. Names of columns that differ by their case alone are one column."""
    files = list(_files(connection, shards))
    canonical = {column.name for column in known.columns} if known else set()
    types = _types(connection, files, known)
    connection.execute(f"create temp view {VIEW} as {_stacked(files, types)}")
    of_csv = {name for file in files if file.shard.metrics["facts"].get("format") == "csv" for name in file.holds}
    texts = (name for name, kind in types.items() if kind == "VARCHAR" and name not in canonical)
    return Stack(
        view=VIEW,
        types=types,
        texts=tuple(name for name in texts if name.lower() in of_csv),
        drift=_drift(files, types, canonical),
    )


def _files(connection: duckdb.DuckDBPyConnection, shards: Sequence[ShardInput]) -> Iterator[_File]:
    """Yield each shard's file; DuckDB is asked once about those of one schema, for it takes its time."""
    known: dict[str, dict[str, str]] = {}
    for shard in shards:
        schema = str(pq.read_metadata(shard.rows).schema).partition("\n")[2]  # its first line names an object
        if schema not in known:
            described = connection.execute(f"describe select * from {files_relation([shard.rows])}").fetchall()
            known[schema] = {name: kind for name, kind, *_ in described}
        yield _File(shard, known[schema])


def _types(connection: duckdb.DuckDBPyConnection, files: Sequence[_File], known: Table | None) -> dict[str, str]:
    met: dict[str, dict[str, list[Path]]] = {}
    names: dict[str, str] = {}
    for file in files:
        for name, kind in file.columns.items():
            kinds = met.setdefault(names.setdefault(name.lower(), name), {})
            kinds.setdefault(kind, []).append(file.shard.rows)
    canonical = {column.name: SQL_TYPES[column.kind] for column in known.columns if column.name in met} if known else {}
    extra = {name: _common(connection, name, kinds) for name, kinds in met.items() if name not in canonical}
    return {**canonical, **extra}


def _common(connection: duckdb.DuckDBPyConnection, name: str, files: Mapping[str, Sequence[Path]]) -> str:
    """The type of a column, by the files of each type: one that gives every value back, or texts."""
    kinds = [kind for kind in files if kind != NULL] or [NULL]
    if len(kinds) == 1:
        return kinds[0]
    if not any(all(family.fullmatch(kind) for kind in kinds) for family in FAMILIES):
        return "VARCHAR"
    nulls = " union all ".join(f"select null::{kind} as x" for kind in kinds)
    found = connection.execute(f"select typeof(x) from ({nulls}) limit 1").fetchall()[0][0]
    common = WIDER.get(found, found)
    value = quoted(name)
    for kind in kinds:
        lost = f"try_cast(try_cast({value} as {common}) as {kind}) is distinct from {value}"
        rows = files_relation(files[kind], is_by_name=True)
        if connection.execute(f"select 1 from {rows} where {lost} limit 1").fetchall():
            return "VARCHAR"
    return str(common)


def _stacked(files: Sequence[_File], types: Mapping[str, str]) -> str:
    are_hashed = all(HASH in file.written for file in files)
    stacked = " union all ".join(_selects(files, types, are_hashed=are_hashed))
    if are_hashed:
        return stacked
    return f"select *, hash({', '.join(map(quoted, types))}) as {KEPT_HASH} from ({stacked})"


def _selects(files: Sequence[_File], types: Mapping[str, str], *, are_hashed: bool) -> Iterator[str]:
    """Yield SQL of files' rows: of neighbours with the same columns at once, as a short statement is soon planned."""
    first = 0
    for _, group in groupby(files, _columns_and_place):
        alike = list(group)
        held = {name.lower() for name in alike[0].written}
        columns = [
            f"{quoted(name) if name.lower() in held else 'null'}::{kind} as {quoted(name)}"
            for name, kind in types.items()
        ]
        columns += [f"{quoted(HASH)} as {KEPT_HASH}"] if are_hashed else []
        yield f"select {', '.join(columns)}, {_numbered(alike, first)} where {REASON} is null"
        first += len(alike)


def _columns_and_place(file: _File) -> tuple[object, Path | None]:
    return tuple(file.written.items()), file.shard.rows if file.holds & RESERVED else None


def _numbered(files: Sequence[_File], first: int) -> str:
    """SQL of the numbers of files, of their rows, and where both are from."""
    if len(files) == 1:
        return f"{first} as {SHARD}, {ROW} from {numbered_rows(files[0].shard.rows)}"
    rows = files_relation([file.shard.rows for file in files])
    return f"(file_index + {first})::integer as {SHARD}, file_row_number as {ROW} from {rows}"


def _drift(files: Sequence[_File], types: Mapping[str, str], canonical: set[str]) -> dict[str, list[str]]:
    found = {}
    for file in files:
        held = {name.lower(): kind for name, kind in file.columns.items()}
        lacking = [name for name in types if name.lower() not in held]
        others = [
            name for name in types if name not in canonical and held.get(name.lower(), types[name]) != types[name]
        ]
        told = sorted([*lacking, *(f"{name} ({held[name.lower()]})" for name in others)])
        if told:
            found[file.shard.name] = told
    return found
