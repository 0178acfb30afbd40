"""Tells what a file holds, and reads it by the reader for that."""

from __future__ import annotations

import ast
import codecs
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.bounds import is_out_of_memory
from tasks.errors import DamagedSourceError, UsageError
from tasks.ingest.config import SourceConfig
from tasks.ingest.csv_rows import csv_rows
from tasks.ingest.decimals import exact_relation
from tasks.ingest.object_rows import object_rows
from tasks.ingest.raw import RawRows, path_literal
from tasks.ingest.texts import beginning_of, plain_text
from tasks.ingest.unpacking import archive_members, is_compressed, naming_damage, unpacked
from tasks.schemas import quoted

SUFFIXES: Final = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}

FOREIGN: Final = {
    b"PK\x03\x04": "an Excel workbook or a .zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x1f\x8b": "a .gz file",
    b"\x28\xb5\x2f\xfd": "a .zst file",
    b"\xfd7zXZ\x00": "an .xz file",
    b"%PDF-": "a PDF",
    b"SQLite format 3\x00": "a SQLite database",
    b"Obj\x01": "an Avro file",
    b"<!doctype html": "a web page",
    b"<html": "a web page",
    b"<?xml": "an XML document",
}
"""How files begin, in lower case where they are texts, that are none that can be read as text."""

CALENDAR: Final = {
    "DATE": "date '0001-01-01' and date '9999-12-31'",
    "TIMESTAMP": "timestamp '0001-01-01' and timestamp '9999-12-31 23:59:59.999999'",
    "TIMESTAMP WITH TIME ZONE": "timestamptz '0001-01-01 00:00:00+00' and timestamptz '9999-12-31 23:59:59.999999+00'",
}
"""Type to the first and the last time that a calendar has; the year 9999 is the last of Python, too."""

PARQUET: Final = b"PAR1"
HEAD: Final = 64 * 1024


def raw_rows(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    source: SourceConfig,
    *,
    member: str | None,
    folder: Path,
    name: str | None = None,
) -> RawRows:
    """Return a file's rows, ready to be selected from.

    Args:
        connection: What the rows are read by.
        path: The file, compressed or not.
        source: What the source declares.
        member: The file inside of it, where it is an archive.
        folder: Where copies go.
        name: What the file is called in errors; its own name by default.

    Raises:
        DamagedSourceError: The file cannot be read to its end.
        UsageError: Its format is not known.
    """
    called = name or path.name
    with naming_damage(called, source.table):
        inside = _member(path, member)
        plain = unpacked(path, member=inside, folder=folder)
        kind = _format(path, plain, source, inside)
        foreign = _foreign(plain) if kind != "parquet" else None
        if foreign is not None:
            raise DamagedSourceError(
                source=called,
                table=source.table,
                problem=f"It looks like {foreign}, and not like {kind}.",
                fix="Deliver it as what its name and `format` say, or change those.",
            )
        if kind == "jsonl" and _goes_on(_beginning(plain, source.encoding)):
            raise DamagedSourceError(
                source=called,
                table=source.table,
                problem="Its first line is an object that does not end there, where each line should be one.",
                fix="Deliver one object on each line, or all of them in one list, [{…}, {…}].",
            )
        rows = _read(connection, plain, source, kind=kind, folder=folder)
    rows.name = called
    return rows


def _foreign(path: Path) -> str | None:
    """What a file is that holds no text, or another than rows, as far as its beginning tells."""
    with path.open("rb") as file:
        head = file.read(256)
        file.seek(-min(len(PARQUET), len(head)), os.SEEK_END)
        if head.startswith(PARQUET) and file.read() == PARQUET and len(head) > len(PARQUET):
            return "a parquet file"
    text = head.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    return next((words for mark, words in FOREIGN.items() if head.startswith(mark) or text.startswith(mark)), None)


def _member(path: Path, member: str | None) -> str | None:
    """The file in an archive that nobody looked into before, because it was far away; only one can be meant."""
    if member is not None or path.suffix.lower() != ".zip":
        return member
    names = archive_members(path)
    if len(names) > 1:
        raise zipfile.BadZipFile(f"the archive holds {len(names)} files, and only a local one may hold several")
    return names[0]


def _read(
    connection: duckdb.DuckDBPyConnection, path: Path, source: SourceConfig, *, kind: str, folder: Path
) -> RawRows:
    if kind == "parquet":
        return _parquet(connection, path, source, folder)
    plain = plain_text(path, encoding=source.encoding, folder=folder)
    if kind == "csv":
        return csv_rows(connection, plain, source, folder)
    return object_rows(connection, plain, source, kind=kind, folder=folder)


def _format(path: Path, plain: Path, source: SourceConfig, member: str | None) -> str:
    if source.format not in {"auto", "sql"}:
        return source.format
    name = Path(member or (path.name.removesuffix(path.suffix) if is_compressed(path) else path.name))
    known = SUFFIXES.get(name.suffix.lower())
    if known is not None:
        return known
    if name.suffix.lower() != ".json":
        raise UsageError(
            problem=f"What “{member or path.name}” holds is not known.",
            fix="Set `format` to csv, jsonl, json, parquet or python.",
        )
    return _format_of_json(plain, source.encoding)


def _format_of_json(path: Path, encoding: str) -> str:
    head = _beginning(path, encoding)
    if head.startswith("["):
        return "json"
    first = head.split("\n", 1)[0]
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return "python" if _is_literal(first) else "jsonl"
    return "jsonl"


def _beginning(path: Path, encoding: str) -> str:
    with path.open("rb") as file:
        return beginning_of(file.read(HEAD), encoding).lstrip("\ufeff \t\r\n")


def _goes_on(text: str) -> bool:
    """Whether the first line of a text begins an object that ends in another one."""
    first, _, behind = text.partition("\n")
    if not first.startswith("{") or not behind:
        return False
    try:
        json.loads(first)
    except json.JSONDecodeError as error:
        return error.pos >= len(first.rstrip())
    except (ValueError, RecursionError):
        return False
    return False


def _is_literal(text: str) -> bool:
    try:
        return isinstance(ast.literal_eval(text), dict)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return False


def _parquet(connection: duckdb.DuckDBPyConnection, path: Path, source: SourceConfig, folder: Path) -> RawRows:
    relation = f"read_parquet({path_literal(path)})"
    try:
        columns = _described(connection, relation)
        if any("DOUBLE" in kind for kind in columns.values()):  # which DuckDB takes for decimals of too many digits
            relation = exact_relation(path, table=source.table, folder=folder)
            columns = _described(connection, relation)
        beyond = _beyond_calendars(connection, relation, columns)
        footer = pq.read_metadata(path)
    except (duckdb.Error, pa.ArrowException) as error:
        if is_out_of_memory(error):
            raise
        raise _damage(error) from error
    held = sum(footer.row_group(place).num_rows for place in range(footer.num_row_groups))
    if held != footer.num_rows:
        raise EOFError(f"its footer tells of {footer.num_rows:,} rows, and its row groups hold {held:,}")
    if beyond:
        raise EOFError(f"its column “{beyond[0]}” holds times before the year 1 or after 9999, which no calendar has")
    return RawRows(relation, columns, {"format": "parquet"}, counted=held)


def damage_of(connection: duckdb.DuckDBPyConnection, rows: RawRows) -> EOFError | None:
    """Return what keeps rows of parquet from being read as they are, if something does: then the file is damaged."""
    columns = ", ".join(map(quoted, rows.columns))
    try:
        connection.execute(f"select bit_xor(hash({columns})) from {rows.relation}").fetchall()
    except (duckdb.Error, pa.ArrowException) as error:
        return None if is_out_of_memory(error) else _damage(error)
    return None


def _damage(error: Exception) -> EOFError:
    said = str(error).partition("LINE 1:")[0]  # behind it, DuckDB shows the query
    return EOFError(" ".join(said.split()))


def _beyond_calendars(connection: duckdb.DuckDBPyConnection, relation: str, columns: Mapping[str, str]) -> list[str]:
    """The columns with times that DuckDB can hold and not write down: text of one ends its whole connection."""
    ends = {name: CALENDAR.get(kind) for name, kind in columns.items()}
    tests = {
        name: f"coalesce(bool_or(isfinite({quoted(name)}) and not {quoted(name)} between {end}), false)"
        for name, end in ends.items()
        if end is not None
    }
    if not tests:
        return []
    (found,) = connection.execute(f"select {', '.join(tests.values())} from {relation}").fetchall()
    return [name for name, is_beyond in zip(tests, found, strict=True) if is_beyond]


def _described(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    return {row[0]: row[1] for row in connection.execute(f"describe select * from {relation}").fetchall()}
