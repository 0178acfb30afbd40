"""Reads files into raw rows for DuckDB: csv and parquet as they lie, JSON and Python literals by way of parquet."""

from __future__ import annotations

import ast
import bisect
import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.errors import DamagedSourceError, UsageError
from tasks.ingest.config import SourceConfig
from tasks.ingest.texts import PlainText, is_compressed, plain_text
from tasks.schemas import literal

BATCH_ROWS: Final = 20_000
REST: Final = "_rest"
SUFFIXES: Final = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}

REJECTS: Final = """
select line, any_value(csv_line) as row, string_agg(distinct error_message, '; ') as detail
from reject_errors
group by line
order by line
"""


@dataclass(frozen=True, slots=True)
class Reject:
    """A line that is no row, with the reason's code."""

    line: int
    reason: str
    detail: str
    row: str


@dataclass(slots=True)
class RawRows:
    """Rows as the source has them.

    Args:
        relation: SQL to select from; `_record` numbers the rows from 1 in the order of the file.
        columns: Source column to its DuckDB type.
        rejects: Lines that are no rows; of csv they are only complete when the rows have been read.
        first_line: The physical line of record 1, where rows are lines; 0 where there are no lines.
        facts: What was found out about the file: format, encoding, delimiter.
        plain: The text that was read, where it was one.
    """

    relation: str
    columns: dict[str, str]
    facts: dict[str, str]
    rejects: list[Reject] = field(default_factory=list)
    first_line: int = 0
    plain: PlainText | None = None


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
        return _csv(connection, plain, source)
    return _objects(connection, plain, source, kind=kind, folder=folder)


def csv_rejects(connection: duckdb.DuckDBPyConnection, rows: RawRows) -> list[Reject]:
    """Return the lines that DuckDB could not split into fields, known once it has read the file."""
    undecodable = set(rows.plain.undecodable) if rows.plain else set()
    found = [
        Reject(line=line, reason="malformed_line", detail=detail, row=row or "")
        for line, row, detail in connection.execute(REJECTS).fetchall()
        if line not in undecodable
    ]
    return [*rows.rejects, *found]


def physical_lines(rows: RawRows, rejected: list[int], records: list[int]) -> dict[int, int | None]:
    """Return the physical line that each record begins at; None where rows are no lines.

    Rows that span lines are found by reading the file once more, which only happens when a row is set aside.
    """
    if rows.plain is None or rows.first_line == 0:
        return dict.fromkeys(records)
    spanning = rows.facts.get("format") == "csv" and rows.facts.get("rows_span_lines") == "yes"
    if spanning:
        return _lines_of_records(rows, records)
    blank = sorted({*rejected, *rows.plain.undecodable})
    return {record: _after(record + rows.first_line - 1, blank) for record in records}


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
    from tasks.ingest.texts import unpacking

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
    rows = f"read_parquet({literal(str(path))}, file_row_number=true)"
    relation = f"(select * exclude (file_row_number), file_row_number + 1 as _record from {rows})"
    try:
        described = connection.execute(f"describe select * from read_parquet({literal(str(path))})").fetchall()
    except duckdb.Error as error:
        raise DamagedSourceError(
            source=path.name, table=table, problem=f"{' '.join(str(error).split())}.", fix="Deliver it again, whole."
        ) from error
    return RawRows(relation, {row[0]: row[1] for row in described}, {"format": "parquet"})


def _csv(connection: duckdb.DuckDBPyConnection, plain: PlainText, source: SourceConfig) -> RawRows:
    with plain.path.open(encoding="utf-8", newline="") as file:
        sample = "".join(islice(file, 200))
    if not sample.strip():
        return RawRows("(select null::varchar as nothing, 0 as _record where false)", {}, {"format": "csv"})
    delimiter, quote = _dialect(sample, source)
    quoting: Final = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    lines = sample.splitlines(keepends=True)
    header = next(csv.reader(lines, delimiter=delimiter, quotechar=quote or None, quoting=quoting))
    names = _unique([name.strip() for name in header])
    columns = ", ".join(f"{literal(name)}: 'varchar'" for name in names)
    options = (
        f"delim={literal(delimiter)}, quote={literal(quote)}, escape={literal(quote)}, columns={{{columns}}}, "
        "header=true, auto_detect=false, store_rejects=true, rejects_limit=0, null_padding=false, "
        "max_line_size=16777216, strict_mode=true, nullstr=''"
    )
    relation = f"(select *, row_number() over () as _record from read_csv({literal(str(plain.path))}, {options}))"
    facts = {"format": "csv", "encoding": plain.encoding, "delimiter": delimiter, "quote": quote}
    rejects = [
        Reject(line, "undecodable_bytes", f"The line is not {plain.encoding}.", text)
        for line, text in plain.undecodable.items()
    ]
    return RawRows(relation, dict.fromkeys(names, "VARCHAR"), facts, rejects, first_line=2, plain=plain)


def _dialect(sample: str, source: SourceConfig) -> tuple[str, str]:
    delimiter = source.delimiter
    if delimiter is None:
        first = sample.splitlines()[0]
        try:
            delimiter = csv.Sniffer().sniff(first, delimiters=",;\t|").delimiter
        except csv.Error:
            delimiter = max(",;\t|", key=first.count)
    quote = source.quote if source.quote is not None else '"'
    return delimiter, quote


def _unique(names: list[str]) -> list[str]:
    found: dict[str, int] = {}
    result = []
    for position, name in enumerate(names):
        base = name or f"column{position}"
        seen = found.get(base.lower(), 0)
        found[base.lower()] = seen + 1
        result.append(base if seen == 0 else f"{base}_{seen + 1}")
    return result


def _objects(
    connection: duckdb.DuckDBPyConnection, plain: PlainText, source: SourceConfig, *, kind: str, folder: Path
) -> RawRows:
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
    return RawRows(relation, columns, facts, rejects, first_line=0 if kind == "json" else 1, plain=plain)


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


def _after(line: int, blank: list[int]) -> int:
    """Return the line that is the n-th one when the lines in `blank` are not counted."""
    passed = 0
    while True:
        skipped = bisect.bisect_right(blank, line + passed)
        if skipped == passed:
            return line + passed
        passed = skipped


def _lines_of_records(rows: RawRows, records: list[int]) -> dict[int, int | None]:
    assert rows.plain is not None
    wanted, found, begins = set(records), dict.fromkeys(records), 1
    width = len(rows.columns)
    record = 0
    with rows.plain.path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file, delimiter=rows.facts["delimiter"], quotechar=rows.facts["quote"] or None)
        for position, fields in enumerate(reader):
            if position > 0 and len(fields) == width:
                record += 1
                if record in wanted:
                    found[record] = begins
            begins = reader.line_num + 1
    return found
