"""Reads JSON, JSON lines and Python literals, by way of a parquet file, in bounded memory."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, TextIO

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.errors import UsageError
from tasks.ingest.config import SourceConfig
from tasks.ingest.expressions import SESSION, columns_of
from tasks.ingest.json_array import entries
from tasks.ingest.literals import DECODER, Number, json_text, python_value
from tasks.ingest.raw import LONGEST_LINE, REST, RawRows, path_literal
from tasks.ingest.rejects import Reject, Rejects
from tasks.ingest.texts import PlainText
from tasks.schemas import CANONICAL

BATCH_ROWS: Final = 20_000
BATCH_CHARACTERS: Final = 32 * 1024 * 1024
"""Objects are written when so many are held, or so much text of theirs, whichever comes first."""

KEY_ROWS: Final = 1_000
RECORD: Final = "_record"
SHOWN: Final = 64 * 1024
"""Characters of a line that is too long that are kept."""

EMPTY: Final = frozenset({None, "", "[]", "{}"})
"""Texts of keys that hold nothing."""

SURROGATE: Final = re.compile(r"\\(?:u|U0000)[dD][89a-fA-F]")
UNREADABLE: Final = (ValueError, SyntaxError, TypeError, RecursionError, MemoryError, OverflowError)
"""What parsing a text, or writing what it holds as one, may raise."""


def object_rows(
    connection: duckdb.DuckDBPyConnection, plain: PlainText, source: SourceConfig, *, kind: str, folder: Path
) -> RawRows:
    """Return a file's objects: a text for each key that is mapped, canonical or read by SQL, and a map of the others.

    Raises:
        EOFError: A JSON array does not end.
        UsageError: A key that is mapped cannot be told from another.
    """
    rejects = Rejects(folder / "rejects.parquet")
    objects = _Objects(plain, kind, rejects.add)
    keys = _keys(connection, objects, source)
    schema = pa.schema(
        [
            *(pa.field(name, pa.string()) for name in keys.columns),
            pa.field(REST, pa.map_(pa.string(), pa.string())),
            pa.field(RECORD, pa.int64()),
        ]
    )
    target, counted = folder / "objects.parquet", 0
    with pq.ParquetWriter(target, schema) as writer:
        for batch in _batches(objects):
            counted += len(batch)
            writer.write_table(pa.Table.from_pylist([keys.row(item) for item in batch], schema=schema))
    columns = {**dict.fromkeys(keys.columns, "VARCHAR"), REST: "MAP(VARCHAR, VARCHAR)"}
    facts = {"format": kind, "encoding": plain.encoding}
    relation = f"read_parquet({path_literal(target)})"
    return RawRows(
        relation, columns, facts, rejects, is_numbered=True, plain=plain, counted=counted, objects=objects.texts
    )


@dataclass(frozen=True, slots=True)
class _Keys:
    """Keys that get columns of their own.

    Args:
        mapped: Found by their exact name.
        free: Found whatever their case, as columns of csv are: lower case to the column's name.
    """

    mapped: frozenset[str]
    free: Mapping[str, str]

    @property
    def columns(self) -> list[str]:
        return sorted({*self.mapped, *self.free.values()})

    def row(self, item: _Object) -> dict[str, object]:
        found: dict[str, object] = {name: item.texts.get(name) for name in (*self.mapped, *self.free.values())}
        rest = []
        for key, text in sorted(item.texts.items()):
            if key in found:
                continue
            name = self.free.get(key.lower())
            if name is not None and found[name] is None:
                found[name] = text
            elif text not in EMPTY:
                rest.append((key, text))
        return {**found, REST: rest, RECORD: item.number}


def _keys(connection: duckdb.DuckDBPyConnection, objects: _Objects, source: SourceConfig) -> _Keys:
    mapped = {column for column in source.columns.values() if isinstance(column, str)}
    spoken = _spoken(connection, source)
    kept = sorted(name for name in {*mapped, *spoken.values()} if name.lower() in {REST, RECORD})
    if kept:
        raise UsageError(
            problem=f"The key “{kept[0]}” of a source of “{source.table}” has a name that ingest keeps for itself.",
            fix="Give it another name at the source, or leave it out of `columns`.",
        )
    spelled = _spelled(mapped)
    is_unclear = len(spelled) < len(mapped) or not SESSION.isdisjoint(spoken)
    keys = {key for item in objects.first() for key in item.texts} if is_unclear else set()
    unspoken = SESSION - {key.lower() for key in keys}
    free = {
        lower: name
        for lower, name in {**spoken, **_asked(source)}.items()
        if lower not in {*spelled, *unspoken, REST, RECORD}
    }
    return _Keys(frozenset(_one(names, keys, source) for names in spelled.values()), free)


def _spoken(connection: duckdb.DuckDBPyConnection, source: SourceConfig) -> dict[str, str]:
    """Names of keys that SQL expressions speak of, by their lower case."""
    expressions = [column.sql for column in source.columns.values() if not isinstance(column, str)]
    return {lower: name for sql in expressions for lower, name in columns_of(connection, sql).items()}


def _asked(source: SourceConfig) -> dict[str, str]:
    """Names of canonical columns that nothing else becomes."""
    table = CANONICAL.get(source.table)
    columns = table.columns if table else ()
    return {column.name: column.name for column in columns if column.name not in {*source.columns, *source.constants}}


def _spelled(names: set[str]) -> dict[str, list[str]]:
    found = defaultdict(list)
    for name in sorted(names):
        found[name.lower()].append(name)
    return found


def _one(names: list[str], keys: set[str], source: SourceConfig) -> str:
    """The one of names that differ in case alone; columns are told apart by more than case."""
    there = [name for name in names if name in keys]
    if len(there) > 1:
        words = " and ".join(f"“{name}”" for name in there)
        raise UsageError(
            problem=f"The keys {words} of a source of “{source.table}” differ in case alone, and both are read.",
            fix="Map one of them only, or give one another name at the source.",
        )
    return (there or names)[0]


@dataclass(frozen=True, slots=True)
class _Object:
    number: int
    texts: dict[str, str | None]


@dataclass(frozen=True, slots=True)
class _Objects:
    """The objects of a file, in its order; `set_aside` is told of what is none."""

    plain: PlainText
    kind: str
    set_aside: Callable[[Reject], None]

    def __iter__(self) -> Iterator[_Object]:
        noun = "entry" if self.kind == "json" else "line"
        for number, text, value in self._values():
            try:
                texts = _texts(value, text, noun)
            except UNREADABLE as error:
                self._reject(number, error, text)
                continue
            yield _Object(number, texts)

    def first(self) -> Iterator[_Object]:
        return islice(_Objects(self.plain, self.kind, lambda _: None), KEY_ROWS)

    def texts(self) -> Iterator[tuple[int, str]]:
        """Yield the number and the text of each entry of a JSON list, or each line, be it an object or none."""
        with self.plain.path.open(encoding="utf-8", newline="\n") as file:
            if self.kind == "json":
                yield from ((number, entry.text) for number, entry in enumerate(entries(file), start=1))
            else:
                yield from ((number, line.rstrip("\r\n")) for number, (line, _) in enumerate(_bounded(file), start=1))

    def _values(self) -> Iterator[tuple[int, str, object]]:
        with self.plain.path.open(encoding="utf-8", newline="\n") as file:
            yield from (self._entries(file) if self.kind == "json" else self._lines(file))

    def _entries(self, file: TextIO) -> Iterator[tuple[int, str, object]]:
        for number, entry in enumerate(entries(file), start=1):
            if entry.problem is None:
                yield number, entry.text, entry.value
            else:
                self._reject(number, entry.problem, entry.text)

    def _lines(self, file: TextIO) -> Iterator[tuple[int, str, object]]:
        parse: Callable[[str], object] = python_value if self.kind == "python" else DECODER.decode
        for number, (line, length) in enumerate(_bounded(file), start=1):
            text = line.rstrip("\r\n")
            if length > LONGEST_LINE:
                detail = f"The line has {length:,} characters, and may have {LONGEST_LINE:,}; its beginning is kept"
                self._reject(number, ValueError(detail), text)
            elif self.plain.has_undecodable(number, number):
                detail = f"The line is not {self.plain.encoding}."
                self.set_aside(Reject(number, "undecodable_bytes", detail, text))
            elif text.strip():
                try:
                    value = parse(text)
                except UNREADABLE as error:
                    self._reject(number, error, text)
                    continue
                yield number, text, value

    def _reject(self, number: int, error: BaseException, text: str) -> None:
        detail = f"{str(error).rstrip('.') or type(error).__name__}."
        self.set_aside(Reject(number, "malformed_line", detail, text))


def _batches(objects: Iterable[_Object]) -> Iterator[list[_Object]]:
    batch: list[_Object] = []
    characters = 0
    for item in objects:
        batch.append(item)
        characters += sum(len(text) for text in item.texts.values() if text)
        if len(batch) == BATCH_ROWS or characters >= BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _bounded(file: TextIO) -> Iterator[tuple[str, int]]:
    """Yield lines and their lengths, of one that is too long its beginning: the rest is not held."""
    most = LONGEST_LINE + len("\r\n")
    while line := file.readline(most):
        length = len(line.rstrip("\r\n"))
        if length <= LONGEST_LINE:
            yield line, length
            continue
        beginning, is_ended = line[:SHOWN], line.endswith("\n")
        del line
        while not is_ended and (rest := file.readline(most)):
            length, is_ended = length + len(rest.rstrip("\r\n")), rest.endswith("\n")
        yield beginning, length


def _texts(value: object, text: str, noun: str) -> dict[str, str | None]:
    if not isinstance(value, dict):
        raise TypeError(f"The {noun} is no object")
    texts = {str(key): _text(item) for key, item in value.items()}
    if SURROGATE.search(text):
        "".join((*texts, *filter(None, texts.values()))).encode()  # half a character cannot be written
    return texts


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, Number) else json_text(value)
