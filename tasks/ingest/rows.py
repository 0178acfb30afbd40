"""Tells what a file holds, and reads it by the reader for that."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Final

import duckdb

from tasks.errors import DamagedSourceError, UsageError
from tasks.ingest.config import SourceConfig
from tasks.ingest.csv_rows import csv_rows
from tasks.ingest.object_rows import object_rows
from tasks.ingest.raw import RawRows
from tasks.ingest.texts import is_compressed, plain_text, unpacking
from tasks.schemas import literal

SUFFIXES: Final = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}


def raw_rows(
    connection: duckdb.DuckDBPyConnection, path: Path, source: SourceConfig, *, member: str | None, folder: Path
) -> RawRows:
    """Return a file's rows, ready to be selected from.

    Raises:
        DamagedSourceError: The file cannot be read to its end.
        UsageError: Its format is not known.
    """
    kind = _format(path, source, member)
    if kind == "parquet":
        return _parquet(connection, path, source.table)
    plain = plain_text(path, member=member, encoding=source.encoding, folder=folder, table=source.table)
    if kind == "csv":
        return csv_rows(plain, source)
    return object_rows(plain, source, kind=kind, folder=folder)


def _format(path: Path, source: SourceConfig, member: str | None) -> str:
    if source.format not in {"auto", "sql"}:
        return source.format
    name = Path(member or (path.name.removesuffix(path.suffix) if is_compressed(path) else path.name))
    known = SUFFIXES.get(name.suffix.lower())
    if known is not None:
        return known
    if name.suffix.lower() != ".json":
        raise UsageError(
            problem=f"What “{path.name}” holds is not known.",
            fix="Set `format` to csv, jsonl, json, parquet or python.",
        )
    return _format_of_json(path, member)


def _format_of_json(path: Path, member: str | None) -> str:
    with unpacking(path, member) as file:
        head = file.read(65536).lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"["):
        return "json"
    first = head.split(b"\n", 1)[0].decode("utf-8", "replace")
    try:
        json.loads(first)
    except ValueError:
        return "python" if _is_literal(first) else "jsonl"
    return "jsonl"


def _is_literal(text: str) -> bool:
    try:
        return isinstance(ast.literal_eval(text), dict)
    except (ValueError, SyntaxError):
        return False


def _parquet(connection: duckdb.DuckDBPyConnection, path: Path, table: str) -> RawRows:
    relation = f"read_parquet({literal(str(path))})"
    try:
        described = connection.execute(f"describe select * from {relation}").fetchall()
    except duckdb.Error as error:
        raise DamagedSourceError(
            source=path.name, table=table, problem=f"{' '.join(str(error).split())}.", fix="Deliver it again, whole."
        ) from error
    return RawRows(relation, {row[0]: row[1] for row in described}, {"format": "parquet"})
