from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.retrieval.vectors import read_vectors


def written(folder: Path, name: str, ids: list[str], values: list[list[float]]) -> Path:
    flat = pa.array(np.array(values, np.float32).ravel())
    pq.write_table(pa.table({"product_id": ids, "vector": pa.FixedSizeListArray.from_arrays(flat, 2)}), folder / name)
    return folder / name


def test_vectors_follow_the_products_and_are_zero_where_there_is_none(tmp_path: Path) -> None:
    files = [
        written(tmp_path, "vectors-0.parquet", ["b", "a"], [[0, 1], [1, 0]]),
        written(tmp_path, "vectors-1.parquet", ["c", "stray"], [[0.6, 0.8], [1, 0]]),
    ]
    expected = np.array([[1, 0], [0, 0], [0.6, 0.8], [0, 1]], np.float32).tolist()
    assert read_vectors(files, pa.chunked_array([["a", "x"], ["c", "b"]])).tolist() == expected
    assert read_vectors(files, pa.array(["a", "x", "c", "b"])).tolist() == expected


def test_no_vectors_at_all_are_zeros(tmp_path: Path) -> None:
    flat = pa.FixedSizeListArray.from_arrays(pa.array([], pa.float32()), 2)
    empty = pa.table({"product_id": pa.array([], pa.string()), "vector": flat})
    pq.write_table(empty, tmp_path / "v.parquet")
    assert read_vectors([tmp_path / "v.parquet"], pa.chunked_array([["a"]])).tolist() == [[0, 0]]
