"""Reads products and their vectors, in one order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

TEXTS: Final = ("product_id", "title", "brand", "category", "description")


def read_products(files: Sequence[Path]) -> pa.Table:
    """Return product_id, and title, brand, category and description as far as there are."""
    columns = [name for name in pq.read_schema(files[0]).names if name in TEXTS]
    return pa.concat_tables([pq.read_table(file, columns=columns) for file in files])


def read_vectors(files: Sequence[Path], product_ids: pa.ChunkedArray) -> NDArray[np.float32]:
    """Return a unit vector per product, in the order of `product_ids`; zeros where there is none."""
    table = pa.concat_tables([pq.read_table(file, columns=["product_id", "vector"]) for file in files])
    width = table.schema.field("vector").type.list_size
    stored = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in table["vector"].chunks]
    matrix = np.concatenate([np.empty(0, np.float32), *stored]).reshape(-1, width)
    found = pc.index_in(product_ids, value_set=table["product_id"].combine_chunks())
    rows = found.to_numpy(zero_copy_only=False)
    vectors = np.zeros((len(product_ids), width), np.float32)
    has_vector = ~np.isnan(rows.astype(np.float64))
    vectors[has_vector] = matrix[rows[has_vector].astype(np.int64)]
    return vectors
