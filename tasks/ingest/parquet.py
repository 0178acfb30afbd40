"""Writes the rows of a query to parquet, in their order.

DuckDB computes rows on every thread while others encode them: its own ordered writer waits for itself, and costs
twice as much where most values differ.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.ingest.own_columns import INTERNAL
from tasks.ingest.raw import path_literal
from tasks.schemas import literal, quoted

BATCH_ROWS: Final = 16_384
GROUP_BYTES: Final = 64 * 1024 * 1024
"""A row group ends here, however few rows it has: texts may be long."""

PART_BYTES: Final = 64 * 1024 * 1024
"""A part ends with the group that reaches this, before it is encoded: so much, and a group, is held per core."""

DICTIONARY_BYTES: Final = 64 * 1024
"""Columns with more distinct values than this in a row group are written plain: dictionaries of them cost more."""

BUFFER: Final = "set max_streaming_buffer_size = '256MB'"
NOT_IN_ARROW: Final = ("BIGNUM", "UUID", "JSON", "INTERVAL", "BIT", "UNION", "VARIANT", "TIME WITH TIME")
"""Types that Arrow's writer does not know, or changes."""

HUGE: Final = re.compile(r"\bU?HUGEINT\b")
"""Whole numbers that parquet has no type for: DuckDB writes doubles."""

ROW: Final = f'"{INTERNAL}row"'
"""A row's place in its file, from 0."""


def files_relation(paths: Sequence[Path], *, is_by_name: bool = False) -> str:
    """Return SQL of the rows of files, in their order.

    Args:
        paths: The files.
        is_by_name: Whether a column may be in some of them, and null in the others; without, all have the first's.
    """
    files = ", ".join(map(path_literal, paths))
    return f"read_parquet([{files}]{', union_by_name = true' if is_by_name else ''})"


def numbered_rows(path: Path) -> str:
    """Return SQL of a file's rows with their `ROW`."""
    if any(name.lower() == "file_row_number" for name in pq.read_schema(path).names):
        return f"(select *, row_number() over () - 1 as {ROW} from {files_relation([path])})"
    rows = f"read_parquet({path_literal(path)}, file_row_number=true)"
    return f"(select * exclude (file_row_number), file_row_number as {ROW} from {rows})"


def write_parquet(
    connection: duckdb.DuckDBPyConnection, query: str, target: Path, *, group_rows: int, is_lasting: bool = True
) -> None:
    """Write the rows of a select.

    Args:
        connection: What reads them.
        query: The select.
        target: The file.
        group_rows: Rows to a row group.
        is_lasting: Whether it is compressed, with least and greatest values; what is read whole, and once or twice,
            takes less time without.
    """
    kinds = _kinds(connection, query)
    query = _exact(connection, query, kinds)
    reader = _reader(connection, query, kinds)
    if reader is None:
        _copy(connection, query, target, group_rows)
    else:
        _write(target, reader.schema, _groups(reader, group_rows), is_lasting=is_lasting)


def write_parts(
    connection: duckdb.DuckDBPyConnection, query: str, folder: Path, *, group_rows: int, cores: int
) -> None:
    """Write the rows of a select as `part-00000.parquet` and so on, one part on each core at a time.

    Args:
        connection: What reads them.
        query: The select.
        folder: Where the parts go; without any row there is one without rows.
        group_rows: Rows to a row group.
        cores: How many parts are encoded at once.
    """
    kinds = _kinds(connection, query)
    query = _exact(connection, query, kinds)
    reader = _reader(connection, query, kinds)
    if reader is None:
        _copy(connection, query, folder / "part-00000.parquet", group_rows)
        return
    with ThreadPoolExecutor(cores) as pool:
        writing: deque[Future[None]] = deque()
        for number, part in enumerate(_parts(_groups(reader, group_rows))):
            if len(writing) == cores:
                writing.popleft().result()
            target = folder / f"part-{number:05d}.parquet"
            writing.append(pool.submit(_write, target, reader.schema, part, is_lasting=True))
        for written in writing:
            written.result()


def _kinds(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, str]:
    return {name: kind for name, kind, *_ in connection.execute(f"describe {query}").fetchall()}


def _reader(connection: duckdb.DuckDBPyConnection, query: str, kinds: Mapping[str, str]) -> pa.RecordBatchReader | None:
    """The rows as they are computed, or None where Arrow does not know their types."""
    if any(word in kind for kind in kinds.values() for word in NOT_IN_ARROW):
        return None
    connection.execute(BUFFER)
    return connection.sql(query).to_arrow_reader(BATCH_ROWS)


def _exact(connection: duckdb.DuckDBPyConnection, query: str, kinds: Mapping[str, str]) -> str:
    """The same rows, huge numbers as decimals of 38 digits, or as texts where one has 39."""
    huge = {name: kind for name, kind in kinds.items() if HUGE.search(kind)}
    if not huge:
        return query
    decimals = {name: HUGE.sub("DECIMAL(38, 0)", kind) for name, kind in huge.items()}
    losses = ", ".join(
        f"bool_or(try_cast({quoted(name)} as {kind})::varchar is distinct from {quoted(name)}::varchar)"
        for name, kind in decimals.items()
    )
    (is_too_long,) = connection.execute(f"select {losses} from ({query})").fetchall()
    chosen = {
        name: HUGE.sub("VARCHAR", huge[name]) if is_long else decimals[name]
        for name, is_long in zip(huge, is_too_long, strict=True)
    }
    casts = ", ".join(f"{quoted(name)}::{kind} as {quoted(name)}" for name, kind in chosen.items())
    return f"select * replace ({casts}) from ({query})"


def _copy(connection: duckdb.DuckDBPyConnection, query: str, target: Path, group_rows: int) -> None:
    options = f"format parquet, compression snappy, row_group_size {group_rows}"
    connection.execute(f"copy ({query}) to {literal(str(target))} ({options})")


def _write(target: Path, schema: pa.Schema, groups: Iterable[pa.Table], *, is_lasting: bool) -> None:
    with pq.ParquetWriter(
        target,
        schema,
        compression="snappy" if is_lasting else "none",
        dictionary_pagesize_limit=DICTIONARY_BYTES,
        write_statistics=is_lasting,
        store_schema=False,
    ) as writer:
        for group in groups:
            writer.write_table(group)


def _parts(groups: Iterable[pa.Table]) -> Iterator[list[pa.Table]]:
    held: list[pa.Table] = []
    size, is_first = 0, True
    for group in groups:
        held.append(group)
        size += group.nbytes
        if size >= PART_BYTES:
            yield held
            held, size, is_first = [], 0, False
    if held or is_first:
        yield held


def _groups(reader: pa.RecordBatchReader, rows: int) -> Iterator[pa.Table]:
    held: list[pa.RecordBatch] = []
    count, size = 0, 0
    for batch in reader:
        held.append(batch)
        count, size = count + batch.num_rows, size + batch.nbytes
        if count >= rows or size >= GROUP_BYTES:
            yield pa.Table.from_batches(held)
            held, count, size = [], 0, 0
    if held:
        yield pa.Table.from_batches(held)
