"""How a csv file is written: its delimiter, its quote, and the names of its columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import count
from typing import Final

from tasks.ingest.config import SourceConfig

SAMPLE_CHARACTERS: Final = 64 * 1024
DELIMITERS: Final = ",;\t|"


def dialect(sample: Sequence[str], source: SourceConfig) -> tuple[str, str]:
    """Return the delimiter and the quote of a file that begins with some lines; an empty quote means there is none."""
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
