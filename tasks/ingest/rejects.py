"""Lines that are no rows. They are written to a file as they come, and only their numbers are held."""

from __future__ import annotations

from array import array
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

BATCH_ROWS: Final = 10_000
BATCH_CHARACTERS: Final = 16 * 1024 * 1024
SCHEMA: Final = pa.schema({"reason": pa.string(), "detail": pa.string(), "line": pa.int64(), "row": pa.string()})


@dataclass(frozen=True, slots=True)
class Reject:
    """A line that is no row, with the reason's code."""

    line: int
    reason: str
    detail: str
    row: str


@dataclass(slots=True)
class Rejects:
    """The lines of one file that are no rows.

    Args:
        path: The file that they are written to, which `close` leaves behind, of `SCHEMA`.
        lines: Their numbers, in the order they came.
    """

    path: Path
    lines: array[int] = field(default_factory=lambda: array("q"))
    _held: list[Reject] = field(default_factory=list)
    _characters: int = 0
    _writer: pq.ParquetWriter | None = None

    def add(self, reject: Reject) -> None:
        """Take one more."""
        self.lines.append(reject.line)
        self._held.append(reject)
        self._characters += len(reject.row)
        if len(self._held) == BATCH_ROWS or self._characters > BATCH_CHARACTERS:
            self._write()

    def close(self) -> None:
        """Write those that are still held; no more can be added."""
        self._write()
        if self._writer is not None:
            self._writer.close()

    def _write(self) -> None:
        if self._writer is None:
            self._writer = pq.ParquetWriter(self.path, SCHEMA)
        self._writer.write_table(pa.Table.from_pylist([asdict(item) for item in self._held], schema=SCHEMA))
        self._held.clear()
        self._characters = 0
