"""Reads JSON, JSON lines and Python literals, by way of a parquet file, in bounded memory."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.errors import DamagedSourceError
from tasks.ingest.config import SourceConfig
from tasks.ingest.raw import REST, RawRows, Reject
from tasks.ingest.texts import PlainText
from tasks.schemas import literal

BATCH_ROWS: Final = 20_000


def object_rows(plain: PlainText, source: SourceConfig, *, kind: str, folder: Path) -> RawRows:
    """Return a file's objects: a text for each key that is mapped, and a map of the others.

    Raises:
        DamagedSourceError: A JSON array does not end.
    """
    wanted = sorted(
        {column for column in source.columns.values() if isinstance(column, str)} | _mentioned(plain, source, kind)
    )
    rejects: list[Reject] = [
        Reject(line, "undecodable_bytes", f"The line is not {plain.encoding}.", text)
        for line, text in plain.undecodable.items()
    ]
    schema = pa.schema(
        [
            *(pa.field(name, pa.string()) for name in wanted),
            pa.field(REST, pa.map_(pa.string(), pa.string())),
            pa.field("_record", pa.int64()),
        ]
    )
    target = folder / "objects.parquet"
    try:
        with pq.ParquetWriter(target, schema) as writer:
            rows = _rows(plain, kind, wanted, rejects)
            while batch := list(islice(rows, BATCH_ROWS)):
                writer.write_table(pa.Table.from_pylist(batch, schema=schema))
    except ValueError as error:
        raise DamagedSourceError(
            source=plain.path.name, table=source.table, problem=f"{error}.", fix="Deliver it again, whole."
        ) from error
    columns = {**dict.fromkeys(wanted, "VARCHAR"), REST: "MAP(VARCHAR, VARCHAR)"}
    facts = {"format": kind, "encoding": plain.encoding}
    relation = f"read_parquet({literal(str(target))})"
    return RawRows(relation, columns, facts, rejects, is_numbered=True, plain=plain)


def _mentioned(plain: PlainText, source: SourceConfig, kind: str) -> set[str]:
    """Names of keys that the source's SQL expressions mention; only they need columns of their own."""
    expressions = " ".join(column.sql for column in source.columns.values() if not isinstance(column, str))
    if not expressions:
        return set()
    keys: set[str] = set()
    for row in islice(_values(plain, kind, []), 1000):
        keys |= set(row[1])
    return {key for key in keys if key in expressions}


def _rows(plain: PlainText, kind: str, wanted: list[str], rejects: list[Reject]) -> Iterator[dict[str, object]]:
    names = set(wanted)
    for number, value in _values(plain, kind, rejects):
        texts = {key: _text(item) for key, item in value.items()}
        rest = [(key, text) for key, text in texts.items() if key not in names and text not in {None, "", "[]", "{}"}]
        yield {**{name: texts.get(name) for name in wanted}, REST: rest, "_record": number}


def _values(plain: PlainText, kind: str, rejects: list[Reject]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    if kind == "json":
        import ijson

        with plain.path.open("rb") as file:
            try:
                for number, value in enumerate(ijson.items(file, "item", use_float=True), start=1):
                    if isinstance(value, dict):
                        yield number, value
                    else:
                        rejects.append(Reject(number, "malformed_line", "The entry is no object.", json.dumps(value)))
            except ijson.JSONError as error:
                raise ValueError(f"it is not JSON to its end ({error})") from error
        return
    parse = json.loads if kind == "jsonl" else ast.literal_eval
    with plain.path.open(encoding="utf-8", newline="\n") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                value = parse(line)
            except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
                rejects.append(Reject(number, "malformed_line", f"{error}", line.rstrip("\n")))
                continue
            if isinstance(value, dict):
                yield number, value
            else:
                rejects.append(Reject(number, "malformed_line", "The line is no object.", line.rstrip("\n")))


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return json.dumps(value, ensure_ascii=False)
