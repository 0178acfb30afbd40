"""Reads what of products makes their texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

TEXTS: Final = ("product_id", "title", "brand", "category", "description")


def read_products(files: Sequence[Path]) -> pa.Table:
    """Return product_id, and title, brand, category and description as far as there are."""
    columns = [name for name in pq.read_schema(files[0]).names if name in TEXTS]
    return pa.concat_tables([pq.read_table(file, columns=columns) for file in files])
