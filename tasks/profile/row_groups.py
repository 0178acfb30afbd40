"""Where a table's rows lie: the row groups of its files, and which of them a sample is drawn from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FEWEST: Final = 4
ROWS_PER_SAMPLED: Final = 6
"""A sample is drawn from at least so many times its rows: it is a matter of chance within a row group."""


@dataclass(frozen=True, slots=True)
class RowGroup:
    """A row group: its file, the file's place among the table's, its own in the file, its first row, and its rows."""

    file: str
    file_place: int
    place: int
    first: int
    rows: int


def row_groups(rows: Iterable[tuple[Any, ...]], files: Sequence[Path]) -> tuple[RowGroup, ...]:
    """Return row groups from (file, group, rows), in the order of the files and their rows."""
    places = {str(file): place for place, file in enumerate(files)}
    sizes: dict[str, list[int]] = {str(file): [] for file in files}
    for file, _, count in sorted(rows, key=lambda row: (places[row[0]], row[1])):
        sizes[file].append(int(count))
    return tuple(
        RowGroup(file, places[file], place, sum(counts[:place]), count)
        for file, counts in sizes.items()
        for place, count in enumerate(counts)
        if count
    )


def spread_groups(groups: Sequence[RowGroup], wanted: int) -> tuple[RowGroup, ...]:
    """Return evenly spread row groups that hold several times as many rows as wanted, or all of them."""
    total = sum(group.rows for group in groups)
    if not total:
        return ()
    needed = max(FEWEST, -(-wanted * ROWS_PER_SAMPLED * len(groups) // total))
    if needed >= len(groups):
        return tuple(groups)
    return tuple(groups[place * (len(groups) - 1) // (needed - 1)] for place in range(needed))
