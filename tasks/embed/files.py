"""What embed reads of a products table, and the files it writes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.embed.encoding import Vectors

READ: Final = ("product_id", "title", "brand", "category", "description")
ROWS_PER_FILE: Final = 262_144
ROWS_PER_GROUP: Final = 16_384


def read_products(files: Sequence[Path]) -> pa.Table:
    """Return the columns that a passage is made of, as far as the table has them."""
    return pa.concat_tables([_read(file) for file in files])


def write_vectors(
    folder: Path, product_ids: pa.ChunkedArray, digests: Sequence[str], vectors: Vectors, dimension: int
) -> None:
    """Write one row per product, in the table's order, as `vectors-*.parquet`.

    Args:
        folder: Where the files go.
        product_ids: One per row.
        digests: The digest of each product's text.
        vectors: Digest to vector.
        dimension: The length of a vector.
    """
    kind = pa.list_(pa.float32(), dimension)
    schema = pa.schema({"product_id": pa.string(), "text_digest": pa.string(), "vector": kind})
    for number, start in enumerate(range(0, max(1, len(digests)), ROWS_PER_FILE)):
        with pq.ParquetWriter(folder / f"vectors-{number:05d}.parquet", schema, compression="none") as writer:
            end = min(start + ROWS_PER_FILE, len(digests))
            for begin in range(start, end, ROWS_PER_GROUP):
                rows = digests[begin : min(begin + ROWS_PER_GROUP, end)]
                matrix = np.stack([vectors[digest] for digest in rows]).astype(np.float32, copy=False)
                column = pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), type=kind)
                ids = product_ids.slice(begin, len(rows)).cast(pa.string()).combine_chunks()
                writer.write_table(pa.Table.from_arrays([ids, pa.array(rows, pa.string()), column], schema=schema))


def write_encoder(folder: Path, facts: Mapping[str, object]) -> None:
    """Write `encoder.json`: what made the vectors beside it."""
    (folder / "encoder.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def _read(file: Path) -> pa.Table:
    there = pq.read_schema(file).names
    return pq.read_table(file, columns=[name for name in READ if name in there])
