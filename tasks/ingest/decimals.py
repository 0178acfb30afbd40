"""Decimal numbers of parquet with more digits than DuckDB's: exact in another type, where it would take doubles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.errors import UsageError
from tasks.ingest.raw import path_literal
from tasks.schemas import quoted

DIGITS: Final = 38
"""As many digits DuckDB's decimals have."""

BATCH_ROWS: Final = 65_536


def exact_relation(path: Path, *, table: str, folder: Path) -> str:
    """Return SQL of a parquet file's rows, no digit of its decimal numbers lost.

    A column of more than 38 digits whose values all have fewer is one of 38, any other one is a text.

    Args:
        path: The file.
        table: The table it belongs to.
        folder: Where a copy of such columns goes.

    Raises:
        UsageError: Such numbers stand inside of lists or structures.
    """
    file = f"read_parquet({path_literal(path)})"
    wide = [field for field in pq.read_schema(path) if _is_wide(field.type)]
    if not wide:
        return file
    nested = next((field.name for field in wide if not pa.types.is_decimal(field.type)), None)
    if nested is not None:
        raise UsageError(
            problem=f"“{nested}” of a source of “{table}” holds decimal numbers of more than {DIGITS} digits inside of "
            "lists or structures, and they would lose some.",
            fix="Deliver them as texts, or as decimals of fewer digits.",
        )
    copy = folder / "decimals.parquet"
    _copy(path, pa.schema([pa.field(field.name, _fitting(path, field)) for field in wide]), copy)
    exact = ", ".join(f"exact.{quoted(field.name)} as {quoted(field.name)}" for field in wide)
    beside = f"positional join read_parquet({path_literal(copy)}) as exact"
    return f"(select given.* replace ({exact}) from {file} as given {beside})"


def _is_wide(kind: pa.DataType) -> bool:
    if pa.types.is_decimal(kind):
        return bool(kind.precision > DIGITS)
    return any(_is_wide(kind.field(position).type) for position in range(kind.num_fields))


def _fitting(path: Path, field: pa.Field) -> pa.DataType:
    """The type that holds every digit of a column's values."""
    if field.type.scale > DIGITS:
        return pa.string()
    kind = pa.decimal128(DIGITS, field.type.scale)
    try:
        for batch in _batches(path, [field.name]):
            batch[0].cast(kind)
    except pa.ArrowInvalid:
        return pa.string()
    return kind


def _copy(path: Path, schema: pa.Schema, target: Path) -> None:
    with pq.ParquetWriter(target, schema) as writer:
        for batch in _batches(path, schema.names):
            columns = [batch[field.name].cast(field.type) for field in schema]
            writer.write_batch(pa.record_batch(columns, schema=schema))


def _batches(path: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path) as file:
        yield from file.iter_batches(BATCH_ROWS, columns=columns)
