"""The records of a csv file, as Python splits them, and the lines that they begin at."""

from __future__ import annotations

import bisect
import csv
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate, groupby, islice
from pathlib import Path
from typing import Final, TextIO

import numpy as np
from numpy.typing import NDArray

from tasks.ingest.raw import LONGEST_LINE, RawRows
from tasks.ingest.texts import PlainText

HEAD: Final = 1024 * 1024
BLOCK: Final = 1024 * 1024
LINE_FEED: Final = ord("\n")


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a csv file: the line it begins at, its lines, and its fields or why it has none."""

    line: int
    lines: tuple[str, ...]
    fields: list[str]
    problem: str | None

    @property
    def text(self) -> str:
        """Its lines, without the end of the last one."""
        return "".join(self.lines).rstrip("\r\n")

    @property
    def is_blank(self) -> bool:
        """Whether it is a line with nothing in it."""
        return not self.fields and self.problem is None


class PhysicalLines:
    """Tells the physical line that each record of a csv file begins at.

    Where records are lines, that is counting. Where they span lines, the file is read once more, as far as is asked
    for: this only happens where a row is set aside.
    """

    def __init__(self, rows: RawRows, rejected: Sequence[int]) -> None:
        aside = np.unique(np.asarray(rejected, np.int64))
        self._gaps = gaps_before(np.union1d(aside, np.asarray(rows.removed, np.int64)))
        spans = rows.facts.get("rows_span_lines") == "yes"
        self._beginnings = _beginnings(rows, aside) if spans else None
        self._record, self._line = 0, 0

    def of(self, records: Sequence[int]) -> list[int]:
        """Return the lines of records, numbered from 1; they ascend, also from call to call."""
        if self._beginnings is None:
            return [line_after(record + 1, self._gaps) for record in records]
        return [self._beginning(record) for record in records]

    def _beginning(self, record: int) -> int:
        assert self._beginnings is not None
        for line in islice(self._beginnings, record - self._record):
            self._record, self._line = self._record + 1, line
        return self._line


def _beginnings(rows: RawRows, rejected: NDArray[np.int64]) -> Iterator[int]:
    gaps = gaps_before(rows.removed)
    with records_of(rows) as records:
        next(records)
        for record in records:
            line = line_after(record.line, gaps)
            place = int(np.searchsorted(rejected, line))
            is_rejected = place < len(rejected) and rejected[place] == line
            # A blank line is no row, but of a file with one column it is one without a value.
            if not is_rejected and (not record.is_blank or len(rows.columns) == 1):
                yield line


@contextmanager
def records_of(rows: RawRows) -> Iterator[Iterator[Record]]:
    """Read a file's records, the names of its columns first; the lines that are skipped do not count."""
    assert rows.plain is not None
    with opened(rows.plain) as file:
        yield records_in(islice(file, rows.skipped, None), rows.facts)


def records_in(lines: Iterator[str], facts: Mapping[str, str]) -> Iterator[Record]:
    """Yield the records of lines, written with the `delimiter` and the `quote` of some facts."""
    csv.field_size_limit(max(csv.field_size_limit(), min(LONGEST_LINE, sys.maxsize)))
    quote = facts["quote"]
    quoting: Final = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    held: list[str] = []
    bare = _held(lines, held, _spaced_quotes(facts["delimiter"], quote) if quote else None)
    reader = csv.reader(bare, delimiter=facts["delimiter"], quotechar=quote or None, quoting=quoting)
    begins = 1
    while True:
        fields, problem = [], None
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problem = str(error)
        yield Record(begins, tuple(held), fields, problem)
        begins += len(held)
        held.clear()


def _held(lines: Iterator[str], held: list[str], spaced: re.Pattern[str] | None) -> Iterator[str]:
    for line in lines:
        held.append(line)
        yield line if spaced is None else spaced.sub(r"\1\2", line)


def _spaced_quotes(delimiter: str, quote: str) -> re.Pattern[str]:
    """Where a cell begins with a quote behind a space: for DuckDB one space does not count there, and two do."""
    return re.compile(rf"(^|{re.escape(delimiter)}) ({re.escape(quote)})")


def lines_at(path: Path, numbers: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Yield lines, numbered from 1, by their ascending numbers; of those between only the ends are counted."""
    before = _feeds_before_blocks(path)
    with path.open("rb") as file:
        # A line begins behind the feed of the one before it, in the block that has that feed.
        for block, group in groupby(numbers, key=lambda number: max(0, bisect.bisect_left(before, number - 1) - 1)):
            file.seek(block * BLOCK)
            lines = enumerate(file, start=before[block] + 1)
            for number in group:
                text = next((line for place, line in lines if place == number), None)
                if text is not None:
                    yield number, text.decode().rstrip("\r\n")


def _feeds_before_blocks(path: Path) -> list[int]:
    """Return how many line feeds stand before each block of a file."""
    with path.open("rb") as file:
        blocks = iter(lambda: file.read(BLOCK), b"")
        return [0, *accumulate(int(np.count_nonzero(np.frombuffer(block, np.uint8) == LINE_FEED)) for block in blocks)]


def opened(plain: PlainText) -> TextIO:
    """Open a text so that only line feeds end its lines, or carriage returns where it has no others."""
    return plain.path.open(encoding="utf-8", newline="" if ends_by_returns(plain) else "\n")


def ends_by_returns(plain: PlainText) -> bool:
    """Return whether carriage returns alone end a text's lines."""
    with plain.path.open("rb") as file:
        head = file.read(HEAD)
    return b"\r" in head and b"\n" not in head


def gaps_before(left_out: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many other lines stand before each of the ascending ones that are left out, and one."""
    numbers = np.asarray(left_out, np.int64)
    return numbers - np.arange(len(numbers))


def line_after(line: int, gaps: NDArray[np.int64]) -> int:
    """Return the line that is the n-th one when those left out are not counted."""
    return line + int(np.searchsorted(gaps, line, side="right"))
