"""Reads the vectors of products, in the order of a catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray


def read_vectors(files: Sequence[Path], product_ids: pa.Array | pa.ChunkedArray) -> NDArray[np.float32]:
    """Return a unit vector per product, in the order of `product_ids`; zeros where there is none."""
    table = pa.concat_tables([pq.read_table(file, columns=["product_id", "vector"]) for file in files])
    width = table.schema.field("vector").type.list_size
    stored = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in table["vector"].chunks]
    matrix = np.concatenate([np.empty(0, np.float32), *stored]).reshape(-1, width)
    rows = pc.index_in(product_ids, value_set=table["product_id"].combine_chunks())
    has_vector = np.asarray(pc.is_valid(rows))
    vectors = np.zeros((len(product_ids), width), np.float32)
    vectors[has_vector] = matrix[np.asarray(rows.drop_null())]
    return vectors
