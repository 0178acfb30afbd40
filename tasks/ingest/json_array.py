"""Splits a JSON array into the texts of its entries, in bounded memory, whatever is wrong inside of one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TextIO

from tasks.ingest.literals import DECODER

BLOCK: Final = 1024 * 1024
LONGEST_ENTRY: Final = 64 * 1024 * 1024
MARK: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"|"|[\[{]|[\]}]|,', re.DOTALL)
"""A whole string, one that does not end here, what opens or closes, or a comma."""

SPACE: Final = " \t\r\n"
AFTER_SPACE: Final = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry's text, and what it says, or why it says nothing."""

    text: str
    value: object
    problem: Exception | None = None


def entries(file: TextIO, block: int = BLOCK) -> Iterator[Entry]:
    """Yield the entries of the array that a file holds; one that is not JSON is yielded with what is wrong.

    Raises:
        EOFError: The file is no array, or does not end as one.
    """
    buffer = file.read(block).lstrip("\ufeff" + SPACE)
    if not buffer.startswith("["):
        raise EOFError("it is no JSON array")
    number, place = 0, 1
    while True:
        found = _entry(buffer, place)
        if found is None:
            more = file.read(max(block, len(buffer) - place))
            if not more or len(buffer) - place > LONGEST_ENTRY:
                raise EOFError(f"it is not JSON to its end: entry {number + 1} of its array does not end")
            buffer, place = buffer[place:] + more, 0
            continue
        entry, end = found
        closes = buffer[end] == "]"
        if entry.text or not closes or number:
            number += 1
            yield entry
        place = end + 1
        if closes:
            break
    if (buffer[place:] + file.read(block)).strip(SPACE):
        raise EOFError(f"it is not JSON to its end: something stands behind its array of {number} entries")


def _entry(text: str, place: int) -> tuple[Entry, int] | None:
    """The entry at a place, and where the comma or bracket behind it is; nothing where the text ends before that."""
    begins = AFTER_SPACE.match(text, place).end()  # type: ignore[union-attr]  # it matches everywhere
    problem: Exception = ValueError("Expecting ',' or ']' behind an entry")
    try:
        value, end = DECODER.raw_decode(text, begins)
    except (ValueError, RecursionError) as error:
        problem = error
    else:
        behind = AFTER_SPACE.match(text, end).end()  # type: ignore[union-attr]  # it matches everywhere
        if text[behind : behind + 1] in {",", "]"}:
            return Entry(text[begins:end], value), behind
    close = _end(text, begins)
    return None if close is None else (Entry(text[begins:close].rstrip(SPACE), None, problem), close)


def _end(text: str, place: int) -> int | None:
    """Where the entry that begins at a place ends: at a comma or bracket that is not inside of it."""
    depth = 0
    for mark in MARK.finditer(text, place):
        letter = text[mark.start()]
        if letter == '"':
            if mark.end() == mark.start() + 1:
                return None
        elif letter in "[{":
            depth += 1
        elif letter in "]}":
            if depth == 0:
                return mark.start() if letter == "]" else None
            depth -= 1
        elif depth == 0:
            return mark.start()
    return None
