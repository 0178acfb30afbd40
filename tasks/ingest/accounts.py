"""Accounts for rows: every row that was read is kept, merged or quarantined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, astuple, dataclass
from pathlib import Path

import pyarrow.parquet as pq

from tasks.errors import EmptyTableError, RowsLostError


@dataclass(frozen=True, slots=True)
class SourceCounts:
    """Rows of one source: read = kept + merged + quarantined."""

    rows_read: int
    rows_kept: int
    rows_merged: int
    rows_quarantined: int

    @property
    def add_up(self) -> bool:
        """Whether no row is lost and none is there twice."""
        return self.rows_read == self.rows_kept + self.rows_merged + self.rows_quarantined


def sum_of(counts: Iterable[SourceCounts]) -> SourceCounts:
    """Return the sums over sources."""
    return SourceCounts(*(sum(column) for column in zip(*map(astuple, counts), strict=True)))


def check_accounts(table: str, sources: Mapping[str, SourceCounts], *, rows: Path, quarantine: Path) -> None:
    """See that every row that was read stands in a table's files, was merged, or stands in its quarantine.

    Args:
        table: The table's name.
        sources: What came of each source's rows.
        rows: Folder of the table's files.
        quarantine: Folder of the files of rows that cannot be used.

    Raises:
        EmptyTableError: No row can be used.
        RowsLostError: The numbers do not add up.
    """
    total = sum_of(sources.values())
    if total.rows_kept == 0:
        raise EmptyTableError(
            table=table,
            rows_read=total.rows_read,
            rows_quarantined=total.rows_quarantined,
            fix="Look into the source and its mapping in shop.yaml; nothing was published.",
        )
    written = SourceCounts(total.rows_read, _rows_in(rows), total.rows_merged, _rows_in(quarantine))
    for counts in (written, *sources.values()):
        if not counts.add_up:
            raise RowsLostError(table=table, fix="This is a bug in pandian; nothing was published.", **asdict(counts))


def _rows_in(folder: Path) -> int:
    return sum(pq.read_metadata(file).num_rows for file in folder.glob("part-*.parquet"))
