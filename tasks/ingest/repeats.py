"""Finds the hashes that several rows share, so that only these rows are looked at closely."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

HASHES_AT_ONCE: Final = 16 * 1024 * 1024
"""Sorted in memory: 128 MiB, in less time than a hash table of them takes."""

BATCH_ROWS: Final = 65_536

MIDDLE: Final = np.uint64(2**63)


def repeated_hashes(connection: duckdb.DuckDBPyConnection, rows: str, hashed: str, *, count: int) -> pa.Array:
    """Return every hash that more than one row has, once.

    Where there are more rows than fit, they are gone through several times, a part of all hashes at a time.

    Args:
        connection: What the rows are read by.
        rows: A relation.
        hashed: SQL of its column of hashes, unsigned and of 64 bits.
        count: How many rows there are.
    """
    parts = max(1, -(-count // HASHES_AT_ONCE))
    found: list[NDArray[np.uint64]] = []
    with ThreadPoolExecutor(2) as pool:
        for part in range(parts):
            query = f"select {hashed} as hash from {rows}"
            if parts > 1:
                query = f"{query} where {hashed} % {parts} = {part}"
            found += pool.map(_repeated, _halves(connection.sql(query).to_arrow_reader(BATCH_ROWS), count))
    return pa.array(np.concatenate(found), pa.uint64())


def _halves(reader: pa.RecordBatchReader, count: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Hashes below the middle and those above it, of at most `count`: in one memory, touched only as far as filled."""
    hashes = np.empty(count, np.uint64)
    low, high = 0, count
    for batch in reader:
        values = batch["hash"].to_numpy()
        is_low = values < MIDDLE
        below, above = values[is_low], values[~is_low]
        hashes[low : low + below.size] = below
        hashes[high - above.size : high] = above
        low, high = low + below.size, high - above.size
    assert low <= high, "there are more hashes than rows"
    return hashes[:low], hashes[high:]


def _repeated(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    hashes.sort()
    repeats: NDArray[np.uint64] = np.unique(hashes[1:][hashes[1:] == hashes[:-1]])
    return repeats
