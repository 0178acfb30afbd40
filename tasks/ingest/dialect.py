"""How a csv file is written: its delimiter, its quote, and the names of its columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import count
from typing import Final

from tasks.ingest.config import SourceConfig

SAMPLE_CHARACTERS: Final = 64 * 1024
DELIMITERS: Final = ",;\t|"
QUOTE: Final = '"'
OTHER_QUOTE: Final = "'"


def dialect(sample: Sequence[str], source: SourceConfig) -> tuple[str, str]:
    """Return the delimiter and the quote of a file that begins with some lines; an empty quote means there is none.

    They are the ones that part the names of the columns into most fields, as many as most of the rows have.
    """
    delimiters = source.delimiter or DELIMITERS
    text = "".join(sample)
    is_cut = len(text) > SAMPLE_CHARACTERS
    seen = text[:SAMPLE_CHARACTERS]
    quotes = _quotes(seen, delimiters) if source.quote is None else (source.quote,)
    lines = {quote: _lines(_without_quoted(seen, quote, delimiters), is_cut=is_cut) for quote in quotes}
    # Behind a comma that is part of a text there is a space.
    return max(
        ((delimiter, quote) for quote in quotes for delimiter in delimiters),
        key=lambda it: (_agreeing_marks(lines[it[1]], it[0]), -lines[it[1]][0].count(f"{it[0]} ")),
    )


def _quotes(text: str, delimiters: str) -> tuple[str, ...]:
    """Return the quotes that cells may stand in, the likeliest first. An apostrophe mostly is a part of a text."""
    without = _without_quoted(text, OTHER_QUOTE, delimiters)
    begins_a_cell = re.search(rf"(?:^|[{re.escape(delimiters)}]){OTHER_QUOTE}", without, re.MULTILINE)
    if without == text or begins_a_cell or _without_quoted(text, QUOTE, delimiters) != text:
        return (QUOTE,)
    return (OTHER_QUOTE,) if text.startswith(OTHER_QUOTE) else (QUOTE, OTHER_QUOTE)


def _lines(text: str, *, is_cut: bool) -> list[str]:
    lines = [line for line in text.splitlines() if line.strip()] or [""]
    return lines[:-1] if is_cut and len(lines) > 1 else lines


def _without_quoted(text: str, quote: str, delimiters: str) -> str:
    if not quote:
        return text
    mark, between = re.escape(quote), re.escape(delimiters)
    cell = rf"(?:^|(?<=[{between}])){mark}(?:[^{mark}]++|{mark}{mark})*+{mark}(?=[{between}\r\n]|\Z)"
    return re.sub(cell, "", text, flags=re.MULTILINE)


def _agreeing_marks(lines: Sequence[str], delimiter: str) -> float:
    names, *rows = [line.count(delimiter) for line in lines]
    return names * (sum(marks == names for marks in rows) / len(rows) if rows else 1)


def unique_names(names: list[str]) -> list[str]:
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
