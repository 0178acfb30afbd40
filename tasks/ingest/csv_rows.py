"""Reads csv: DuckDB splits it, and every line it cannot split is known with its number."""

from __future__ import annotations

import bisect
import csv
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

import duckdb

from tasks.ingest.config import SourceConfig
from tasks.ingest.raw import RawRows, Reject
from tasks.ingest.texts import PlainText
from tasks.schemas import literal

LONGEST_LINE: Final = 16 * 1024 * 1024
BUFFER: Final = 2 * LONGEST_LINE
"""Larger ones, DuckDB's own choice for long lines, are slower."""

REJECTS: Final = """
select line, any_value(csv_line) as row, string_agg(distinct error_message, '; ') as detail
from reject_errors
group by line
order by line
"""


def csv_rows(plain: PlainText, source: SourceConfig) -> RawRows:
    """Return a csv file's rows, every column a text."""
    with plain.path.open(encoding="utf-8", newline="") as file:
        sample = "".join(islice(file, 200))
    if not sample.strip():
        return RawRows("(select null::varchar as nothing where false)", {}, {"format": "csv"})
    delimiter, quote = _dialect(sample, source)
    quoting: Final = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    lines = sample.splitlines(keepends=True)
    header = next(csv.reader(lines, delimiter=delimiter, quotechar=quote or None, quoting=quoting))
    names = _unique([name.strip() for name in header])
    columns = ", ".join(f"{literal(name)}: 'varchar'" for name in names)
    options = (
        f"delim={literal(delimiter)}, quote={literal(quote)}, escape={literal(quote)}, columns={{{columns}}}, "
        "header=true, auto_detect=false, store_rejects=true, rejects_limit=0, null_padding=false, "
        f"max_line_size={LONGEST_LINE}, buffer_size={BUFFER}, strict_mode=true, nullstr=''"
    )
    relation = f"read_csv({literal(str(plain.path))}, {options})"
    facts = {"format": "csv", "encoding": plain.encoding, "delimiter": delimiter, "quote": quote}
    rejects = [
        Reject(line, "undecodable_bytes", f"The line is not {plain.encoding}.", text)
        for line, text in plain.undecodable.items()
    ]
    return RawRows(relation, dict.fromkeys(names, "VARCHAR"), facts, rejects, plain=plain)


def csv_rejects(connection: duckdb.DuckDBPyConnection, rows: RawRows) -> list[Reject]:
    """Return the lines that DuckDB could not split into fields, known once it has read the file."""
    undecodable = set(rows.plain.undecodable) if rows.plain else set()
    found = [
        Reject(line=line, reason="malformed_line", detail=detail, row=row or "")
        for line, row, detail in connection.execute(REJECTS).fetchall()
        if line not in undecodable
    ]
    return [*rows.rejects, *found]


class PhysicalLines:
    """Tells the physical line that each record of a csv file begins at.

    Where records are lines, that is counting. Where they span lines, the file is read once more, as far as is asked
    for: this only happens where a row is set aside.
    """

    def __init__(self, rows: RawRows, rejected: Sequence[int]) -> None:
        undecodable = () if rows.plain is None else rows.plain.undecodable
        self._without = sorted({*rejected, *undecodable})
        spans = rows.facts.get("rows_span_lines") == "yes"
        self._beginnings = _beginnings(rows, set(self._without)) if spans else None
        self._record, self._line = 0, 0

    def of(self, records: Sequence[int]) -> list[int]:
        """Return the lines of records, numbered from 1; they ascend, also from call to call."""
        if self._beginnings is None:
            return [_after(record + 1, self._without) for record in records]
        return [self._beginning(record) for record in records]

    def _beginning(self, record: int) -> int:
        assert self._beginnings is not None
        for line in islice(self._beginnings, record - self._record):
            self._record, self._line = self._record + 1, line
        return self._line


def _beginnings(rows: RawRows, without: set[int]) -> Iterator[int]:
    assert rows.plain is not None
    csv.field_size_limit(max(csv.field_size_limit(), min(LONGEST_LINE, sys.maxsize)))
    quote = rows.facts["quote"]
    quoting: Final = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    with rows.plain.path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file, delimiter=rows.facts["delimiter"], quotechar=quote or None, quoting=quoting)
        next(reader)
        begins = reader.line_num + 1
        for fields in reader:
            if fields and begins not in without:
                yield begins
            begins = reader.line_num + 1


def _after(line: int, blank: list[int]) -> int:
    """Return the line that is the n-th one when the lines in `blank` are not counted."""
    passed = 0
    while True:
        skipped = bisect.bisect_right(blank, line + passed)
        if skipped == passed:
            return line + passed
        passed = skipped


def _dialect(sample: str, source: SourceConfig) -> tuple[str, str]:
    delimiter = source.delimiter
    if delimiter is None:
        first = sample.splitlines()[0]
        try:
            delimiter = csv.Sniffer().sniff(first, delimiters=",;\t|").delimiter
        except csv.Error:
            delimiter = max(",;\t|", key=first.count)
    quote = source.quote if source.quote is not None else '"'
    return delimiter, quote


def _unique(names: list[str]) -> list[str]:
    found: dict[str, int] = {}
    result = []
    for position, name in enumerate(names):
        base = name or f"column{position}"
        seen = found.get(base.lower(), 0)
        found[base.lower()] = seen + 1
        result.append(base if seen == 0 else f"{base}_{seen + 1}")
    return result
