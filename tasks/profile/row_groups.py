"""Where a table's rows lie: the row groups of its files, and which of them a sample is drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

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


def row_groups(sizes: Mapping[str, Sequence[int]]) -> tuple[RowGroup, ...]:
    """Return row groups from the rows of each file's, in the order of the files and their rows."""
    return tuple(
        RowGroup(file, file_place, place, sum(counts[:place]), count)
        for file_place, (file, counts) in enumerate(sizes.items())
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
