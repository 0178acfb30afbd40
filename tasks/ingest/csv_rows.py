"""Reads csv: DuckDB splits it, and every record it cannot split is known with its line and text."""

from __future__ import annotations

import bisect
import csv
import re
import sys
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import accumulate, count, groupby, islice
from pathlib import Path
from typing import Final, TextIO

import duckdb
import numpy as np
from numpy.typing import NDArray

from tasks.ingest.config import SourceConfig
from tasks.ingest.raw import LONGEST_LINE, RawRows, path_literal
from tasks.ingest.rejects import Reject, Rejects
from tasks.ingest.texts import PlainText
from tasks.schemas import literal, quoted

BUFFER: Final = 2 * LONGEST_LINE
"""Larger ones, DuckDB's own choice for long lines, are slower."""

PROBE: Final = "store_rejects=true, rejects_limit=0, rejects_table='probe_errors', rejects_scan='probe_scans'"

REJECTS: Final = """
select line, string_agg(distinct error_message, '; ' order by error_message) as detail, min(csv_line) as row
from reject_errors
group by line
order by line
"""
REJECTS_BATCH: Final = 10_000

SAMPLE_LINES: Final = 200
MANY_PROBLEMS: Final = 20
"""Among the sample: DuckDB holds a kilobyte for each record that it cannot split, beside its limit of memory."""

SAMPLE_CHARACTERS: Final = 64 * 1024
DELIMITERS: Final = ",;\t|"
HEAD: Final = 1024 * 1024
BLOCK: Final = 1024 * 1024
LINE_FEED: Final = ord("\n")


@dataclass(frozen=True, slots=True)
class _Record:
    """A record of a csv file: the line it begins at, its lines, and its fields or why it has none."""

    line: int
    lines: tuple[str, ...]
    fields: list[str]
    problem: str | None

    @property
    def text(self) -> str:
        return "".join(self.lines).rstrip("\r\n")

    @property
    def is_blank(self) -> bool:
        return not self.fields and self.problem is None


def csv_rows(connection: duckdb.DuckDBPyConnection, plain: PlainText, source: SourceConfig, folder: Path) -> RawRows:
    """Return a csv file's rows, every column a text.

    Where lines are not in the file's encoding, or end so differently that DuckDB refuses the file, or many of the first
    ones are broken, the records that can be read are copied below `folder`, and the others set aside.

    Raises:
        EOFError: The names of its columns cannot be read.
    """
    blank, sample = _sample(plain)
    if not sample:
        return RawRows("(select null::varchar as nothing where false)", {}, {"format": "csv"})
    delimiter, quote = _dialect(sample, source)
    facts = {"format": "csv", "encoding": plain.encoding, "delimiter": delimiter, "quote": quote}
    header = next(_records(iter(sample), facts))
    if header.problem is not None:
        raise EOFError(f"the line of its column names is broken: {header.problem}")
    columns = dict.fromkeys(_unique([name.strip() for name in header.fields]), "VARCHAR")
    rejects = Rejects(folder / "rejects.parquet")
    rows = RawRows("", columns, facts, rejects, plain=plain, skipped=blank, removed=range(1, blank + 1))
    is_broken = plain.undecodable or _problems(sample, rows) >= MANY_PROBLEMS
    if is_broken or (plain.is_uneven and not _is_readable(connection, rows, sample[0])):
        rows = _repaired(rows, folder / "repaired")
    else:
        rows.plain = replace(plain, lines=plain.lines - blank)
    rows.relation = _relation(rows, "store_rejects=true, rejects_limit=0")
    return rows


def set_rejects_aside(connection: duckdb.DuckDBPyConnection, rows: RawRows, *, usable: int) -> None:
    """Add the records that DuckDB could not split into fields to a file's rejects, known once it has read the file.

    DuckDB numbers records, not lines, and at times remembers the text of another one: both are looked up in the file.

    Args:
        connection: It has read the file.
        rows: What it read.
        usable: How many records it could split, the names of the columns left out.
    """
    assert rows.plain is not None
    assert rows.rejects is not None
    held = connection.execute("select distinct line from reject_errors order by line").fetchnumpy()["line"]
    numbers = array("q", np.asarray(held, np.int64).tobytes())
    if not numbers:
        return
    gaps, found = _gaps(rows.removed), _places(rows, numbers, usable=usable)
    place = next(found, None)
    for number, detail, remembered in _broken(connection):
        line, text = number, (remembered or "").strip("\r\n")
        if place is not None and place.number == number:
            line, text = _after(place.line, gaps), place.text
            place = next(found, None)
        rows.rejects.add(Reject(line, "malformed_line", detail, text))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a record of a number that DuckDB tells lies: the line it begins at, without those that are skipped."""

    number: int
    line: int
    text: str


def _places(rows: RawRows, numbers: Sequence[int], *, usable: int) -> Iterator[_Place]:
    """Yield the records of ascending numbers, as far as there are such."""
    assert rows.plain is not None
    if usable + 1 + len(numbers) == rows.plain.lines and not _ends_by_returns(rows.plain):
        # Every record is one line: all but the broken ones are passed over without a look.
        for number, text in _lines_at(rows.plain.path, numbers):
            yield _Place(number, number - rows.skipped, text)
        return
    with _records_of(rows) as records:
        counted = enumerate(records, start=rows.skipped + 1)
        for number in numbers:
            record = next((record for place, record in counted if place == number), None)
            if record is not None:
                yield _Place(number, record.line, record.text)


def _broken(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[int, str, str | None]]:
    for batch in connection.sql(REJECTS).to_arrow_reader(REJECTS_BATCH):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


class PhysicalLines:
    """Tells the physical line that each record of a csv file begins at.

    Where records are lines, that is counting. Where they span lines, the file is read once more, as far as is asked
    for: this only happens where a row is set aside.
    """

    def __init__(self, rows: RawRows, rejected: Sequence[int]) -> None:
        aside = np.unique(np.asarray(rejected, np.int64))
        self._gaps = _gaps(np.union1d(aside, np.asarray(rows.removed, np.int64)))
        spans = rows.facts.get("rows_span_lines") == "yes"
        self._beginnings = _beginnings(rows, aside) if spans else None
        self._record, self._line = 0, 0

    def of(self, records: Sequence[int]) -> list[int]:
        """Return the lines of records, numbered from 1; they ascend, also from call to call."""
        if self._beginnings is None:
            return [_after(record + 1, self._gaps) for record in records]
        return [self._beginning(record) for record in records]

    def _beginning(self, record: int) -> int:
        assert self._beginnings is not None
        for line in islice(self._beginnings, record - self._record):
            self._record, self._line = self._record + 1, line
        return self._line


def _beginnings(rows: RawRows, rejected: NDArray[np.int64]) -> Iterator[int]:
    gaps = _gaps(rows.removed)
    with _records_of(rows) as records:
        next(records)
        for record in records:
            line = _after(record.line, gaps)
            place = int(np.searchsorted(rejected, line))
            is_rejected = place < len(rejected) and rejected[place] == line
            # A blank line is no row, but of a file with one column it is one without a value.
            if not is_rejected and (not record.is_blank or len(rows.columns) == 1):
                yield line


@contextmanager
def _records_of(rows: RawRows) -> Iterator[Iterator[_Record]]:
    """Read a file's records, the names of its columns first; the lines that are skipped do not count."""
    assert rows.plain is not None
    with _opened(rows.plain) as file:
        yield _records(islice(file, rows.skipped, None), rows.facts)


def _records(lines: Iterator[str], facts: Mapping[str, str]) -> Iterator[_Record]:
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
        yield _Record(begins, tuple(held), fields, problem)
        begins += len(held)
        held.clear()


def _held(lines: Iterator[str], held: list[str], spaced: re.Pattern[str] | None) -> Iterator[str]:
    for line in lines:
        held.append(line)
        yield line if spaced is None else spaced.sub(r"\1\2", line)


def _spaced_quotes(delimiter: str, quote: str) -> re.Pattern[str]:
    """Where a cell begins with a quote behind a space: for DuckDB one space does not count there, and two do."""
    return re.compile(rf"(^|{re.escape(delimiter)}) ({re.escape(quote)})")


def _lines_at(path: Path, numbers: Sequence[int]) -> Iterator[tuple[int, str]]:
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


def _opened(plain: PlainText) -> TextIO:
    """Open a text so that only line feeds end its lines, or carriage returns where it has no others."""
    return plain.path.open(encoding="utf-8", newline="" if _ends_by_returns(plain) else "\n")


def _ends_by_returns(plain: PlainText) -> bool:
    with plain.path.open("rb") as file:
        head = file.read(HEAD)
    return b"\r" in head and b"\n" not in head


def _sample(plain: PlainText) -> tuple[int, list[str]]:
    """The number of blank lines that a file begins with, and the lines that follow."""
    with _opened(plain) as file:
        for blank, line in enumerate(file):
            if line.strip():
                return blank, [line, *islice(file, SAMPLE_LINES)]
    return 0, []


def _relation(rows: RawRows, errors: str) -> str:
    assert rows.plain is not None
    quote = literal(rows.facts["quote"])
    columns = ", ".join(f"{literal(name)}: 'varchar'" for name in rows.columns)
    options = (
        f"delim={literal(rows.facts['delimiter'])}, quote={quote}, escape={quote}, columns={{{columns}}}, "
        f"skip={rows.skipped}, header=true, auto_detect=false, {errors}, null_padding=false, "
        f"max_line_size={LONGEST_LINE}, buffer_size={BUFFER}, strict_mode=true, nullstr=''"
    )
    return f"read_csv({path_literal(rows.plain.path)}, {options})"


def _is_readable(connection: duckdb.DuckDBPyConnection, rows: RawRows, first: str) -> bool:
    """Whether DuckDB takes a file whose lines end differently: one that has line feeds inside of cells alone.

    Where it cannot split a record of such a file, it may also return part of it as a row.
    """
    assert rows.plain is not None
    if rows.plain.has_strays or not first.endswith("\r\n"):
        return False
    try:
        # As it is read later: DuckDB takes some files where nobody wants all columns, or what cannot be read.
        every = ", ".join(map(quoted, rows.columns))
        connection.execute(f"select bit_xor(hash({every})) from {_relation(rows, PROBE)}").fetchall()
        ((errors,),) = connection.execute("select count(*) from probe_errors").fetchall()
    except duckdb.InvalidInputException:
        return False
    return not errors


def _repaired(rows: RawRows, target: Path) -> RawRows:
    """Copy the records that can be read, their lines ended alike."""
    assert rows.plain is not None
    assert rows.rejects is not None
    kept, removed = 0, array("q", rows.removed)
    with _records_of(rows) as records, target.open("w", encoding="utf-8", newline="") as copy:
        copy.write(f"{next(records).text}\n")
        for record in records:
            first = rows.skipped + record.line
            numbers = range(first, first + len(record.lines))
            reject = _reject(record, numbers, rows)
            if reject is None:
                copy.write(f"{record.text}\n")
                kept += len(numbers)
            else:
                rows.rejects.add(reject)
                removed.extend(numbers)
    # As many lines as there would be, were every record that is set aside one line.
    plain = PlainText(target, rows.plain.encoding, lines=1 + kept + len(rows.rejects.lines))
    return replace(rows, plain=plain, skipped=0, removed=removed)


def _reject(record: _Record, numbers: Sequence[int], rows: RawRows) -> Reject | None:
    assert rows.plain is not None
    if rows.plain.has_undecodable(numbers[0], numbers[-1]):
        return Reject(numbers[0], "undecodable_bytes", f"The line is not {rows.plain.encoding}.", record.text)
    problem = _problem(record, len(rows.columns))
    return None if problem is None else Reject(numbers[0], "malformed_line", problem, record.text)


def _problems(sample: Sequence[str], rows: RawRows) -> int:
    """How many of a file's first records cannot be read; the last one may be cut."""
    _, *records = _records(iter(sample), rows.facts)
    return sum(_problem(record, len(rows.columns)) is not None for record in records[:-1])


def _problem(record: _Record, columns: int) -> str | None:
    """What is wrong with a record, as DuckDB sees it, which passes over empty fields behind the last column."""
    if record.problem is not None:
        return f"{record.problem}."
    fields = len(record.fields)
    if record.is_blank or (fields >= columns and not any(record.fields[columns:])):
        return None
    return f"Expected Number of Columns: {columns} Found: {fields}"


def _gaps(left_out: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many other lines stand before each of the ascending ones that are left out, and one."""
    numbers = np.asarray(left_out, np.int64)
    return numbers - np.arange(len(numbers))


def _after(line: int, gaps: NDArray[np.int64]) -> int:
    """Return the line that is the n-th one when those left out are not counted."""
    return line + int(np.searchsorted(gaps, line, side="right"))


def _dialect(sample: Sequence[str], source: SourceConfig) -> tuple[str, str]:
    quote = source.quote if source.quote is not None else '"'
    return source.delimiter or _delimiter(sample, quote), quote


def _delimiter(sample: Sequence[str], quote: str) -> str:
    """The one that parts the names of the columns into most fields, as many as most of the rows have."""
    text = "".join(sample)
    is_cut = len(text) > SAMPLE_CHARACTERS
    bare = _without_quoted(text[:SAMPLE_CHARACTERS], quote)
    lines = [line for line in bare.splitlines() if line.strip()] or [""]
    if is_cut and len(lines) > 1:
        lines.pop()
    # Behind a comma that is part of a text there is a space.
    return max(DELIMITERS, key=lambda it: (_agreeing_marks(lines, it), -lines[0].count(f"{it} ")))


def _without_quoted(text: str, quote: str) -> str:
    if not quote:
        return text
    mark = re.escape(quote)
    cell = rf"(?:^|(?<=[{DELIMITERS}])){mark}(?:[^{mark}]++|{mark}{mark})*+{mark}(?=[{DELIMITERS}\r\n]|\Z)"
    return re.sub(cell, "", text, flags=re.MULTILINE)


def _agreeing_marks(lines: Sequence[str], delimiter: str) -> float:
    names, *rows = [line.count(delimiter) for line in lines]
    return names * (sum(marks == names for marks in rows) / len(rows) if rows else 1)


def _unique(names: list[str]) -> list[str]:
    """Return names of which no two are the same, whatever their case; the first to bear a name keeps it."""
    bases = [name or f"column{position}" for position, name in enumerate(names)]
    taken = {base.lower() for base in bases}
    used: set[str] = set()
    result = []
    for base in bases:
        name = base
        if base.lower() in used:
            name = next(it for it in (f"{base}_{number}" for number in count(2)) if it.lower() not in taken)
            taken.add(name.lower())
        used.add(name.lower())
        result.append(name)
    return result
