"""Writes the rows of a query to one parquet file, in their order.

DuckDB computes rows on every thread while this one encodes them: its own ordered writer waits for itself, and costs
twice as much where most values differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.ingest.rules import INTERNAL
from tasks.schemas import literal

BATCH_ROWS: Final = 16_384
GROUP_BYTES: Final = 256 * 1024 * 1024
"""A row group ends here, however few rows it has: texts may be long."""

DICTIONARY_BYTES: Final = 64 * 1024
"""Columns with more distinct values than this in a row group are written plain: dictionaries of them cost more."""

BUFFER: Final = "set max_streaming_buffer_size = '256MB'"
NOT_IN_ARROW: Final = ("HUGEINT", "BIGNUM", "UUID", "JSON", "INTERVAL", "BIT", "UNION", "VARIANT", "TIME WITH TIME")
"""Types that Arrow's writer does not know, or changes."""


ROW: Final = f'"{INTERNAL}row"'
"""A row's place in its file, from 0."""


def numbered_rows(path: Path) -> str:
    """Return SQL of a file's rows with their `ROW`."""
    if any(name.lower() == "file_row_number" for name in pq.read_schema(path).names):
        return f"(select *, row_number() over () - 1 as {ROW} from read_parquet({literal(str(path))}))"
    rows = f"read_parquet({literal(str(path))}, file_row_number=true)"
    return f"(select * exclude (file_row_number), file_row_number as {ROW} from {rows})"


def write_parquet(
    connection: duckdb.DuckDBPyConnection, query: str, target: Path, *, group_rows: int, has_statistics: bool = True
) -> None:
    """Write the rows of a select.

    Args:
        connection: What reads them.
        query: The select.
        target: The file.
        group_rows: Rows to a row group.
        has_statistics: Whether least and greatest values stand in it; who reads all of it has no use for them.
    """
    described = connection.execute(f"describe {query}").fetchall()
    if any(word in kind for _, kind, *_ in described for word in NOT_IN_ARROW):
        options = f"format parquet, compression snappy, row_group_size {group_rows}"
        connection.execute(f"copy ({query}) to {literal(str(target))} ({options})")
        return
    connection.execute(BUFFER)
    reader = connection.sql(query).to_arrow_reader(BATCH_ROWS)
    with pq.ParquetWriter(
        target,
        reader.schema,
        compression="snappy",
        dictionary_pagesize_limit=DICTIONARY_BYTES,
        write_statistics=has_statistics,
        store_schema=False,
    ) as writer:
        for group in _groups(reader, group_rows):
            writer.write_table(group)


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
