"""Reads csv: DuckDB splits it, and every record it cannot split is known with its line and text."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Final

import duckdb
import numpy as np

from tasks.ingest.config import SourceConfig
from tasks.ingest.csv_records import (
    Record,
    ends_by_returns,
    gaps_before,
    line_after,
    lines_at,
    opened,
    records_in,
    records_of,
)
from tasks.ingest.dialect import dialect, unique_names
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
    delimiter, quote = dialect(sample, source)
    facts = {"format": "csv", "encoding": plain.encoding, "delimiter": delimiter, "quote": quote}
    header = next(records_in(iter(sample), facts))
    if header.problem is not None:
        raise EOFError(f"the line of its column names is broken: {header.problem}")
    columns = dict.fromkeys(unique_names([name.strip() for name in header.fields]), "VARCHAR")
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
    gaps, found = gaps_before(rows.removed), _places(rows, numbers, usable=usable)
    place = next(found, None)
    for number, detail, remembered in _broken(connection):
        line, text = number, (remembered or "").strip("\r\n")
        if place is not None and place.number == number:
            line, text = line_after(place.line, gaps), place.text
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
    if usable + 1 + len(numbers) == rows.plain.lines and not ends_by_returns(rows.plain):
        # Every record is one line: all but the broken ones are passed over without a look.
        for number, text in lines_at(rows.plain.path, numbers):
            yield _Place(number, number - rows.skipped, text)
        return
    with records_of(rows) as records:
        counted = enumerate(records, start=rows.skipped + 1)
        for number in numbers:
            record = next((record for place, record in counted if place == number), None)
            if record is not None:
                yield _Place(number, record.line, record.text)


def _broken(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[int, str, str | None]]:
    for batch in connection.sql(REJECTS).to_arrow_reader(REJECTS_BATCH):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _sample(plain: PlainText) -> tuple[int, list[str]]:
    """The number of blank lines that a file begins with, and the lines that follow."""
    with opened(plain) as file:
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
    with records_of(rows) as records, target.open("w", encoding="utf-8", newline="") as copy:
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


def _reject(record: Record, numbers: Sequence[int], rows: RawRows) -> Reject | None:
    assert rows.plain is not None
    if rows.plain.has_undecodable(numbers[0], numbers[-1]):
        return Reject(numbers[0], "undecodable_bytes", f"The line is not {rows.plain.encoding}.", record.text)
    problem = _problem(record, len(rows.columns))
    return None if problem is None else Reject(numbers[0], "malformed_line", problem, record.text)


def _problems(sample: Sequence[str], rows: RawRows) -> int:
    """How many of a file's first records cannot be read; the last one may be cut."""
    _, *records = records_in(iter(sample), rows.facts)
    return sum(_problem(record, len(rows.columns)) is not None for record in records[:-1])


def _problem(record: Record, columns: int) -> str | None:
    """What is wrong with a record, as DuckDB sees it, which passes over empty fields behind the last column."""
    if record.problem is not None:
        return f"{record.problem}."
    fields = len(record.fields)
    if record.is_blank or (fields >= columns and not any(record.fields[columns:])):
        return None
    return f"Expected Number of Columns: {columns} Found: {fields}"
