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
            hashes = connection.sql(query).to_arrow_table()["hash"].to_numpy()
            found += pool.map(_repeated, (hashes[hashes < MIDDLE], hashes[hashes >= MIDDLE]))
    return pa.array(np.concatenate(found), pa.uint64())


def _repeated(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    hashes.sort()
    repeats: NDArray[np.uint64] = np.unique(hashes[1:][hashes[1:] == hashes[:-1]])
    return repeats
