"""Rows as a source has them, and lines that are none: what readers give to the rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tasks.ingest.rejects import Rejects
from tasks.ingest.texts import PlainText
from tasks.schemas import literal

LONGEST_LINE: Final = 16 * 1024 * 1024
"""Bytes of csv, characters of JSON lines; a longer line is set aside."""

REST: Final = "_rest"
"""The map of an object's keys that are not mapped."""


@dataclass(slots=True)
class RawRows:
    """Rows as the source has them.

    Args:
        relation: SQL to select from, in the order of the file.
        columns: Source column to its DuckDB type.
        rejects: Lines that are no rows, where they are lines; of csv only complete when the rows have been read.
        is_numbered: Whether the rows have `_record`, their line, or their number where they are no lines.
        facts: What was found out about the file: format, encoding, delimiter.
        plain: The text that was read, where it was one.
        skipped: Lines at the text's beginning that are not read: blank ones before a header.
        removed: Physical lines of the file that are not read, be they in the text or not; they ascend.
        counted: How many rows there are by parquet's own account, or by the reader of objects; of csv it is not known.
        objects: The number and the text of each row, in order, where rows are objects.
        name: The file, as its reader knows it.
    """

    relation: str
    columns: dict[str, str]
    facts: dict[str, str]
    rejects: Rejects | None = None
    is_numbered: bool = False
    plain: PlainText | None = None
    skipped: int = 0
    removed: Sequence[int] = ()
    counted: int | None = None
    objects: Callable[[], Iterator[tuple[int, str]]] | None = None
    name: str = ""

    @property
    def has_rest(self) -> bool:
        """Whether the rows are objects, with a map of the keys that are not mapped."""
        return self.objects is not None


def path_literal(path: Path) -> str:
    """Return a path as SQL that means this file alone, though its name may hold `*`, `?` or `[`."""
    return literal(re.sub(r"[*?\[]", r"[\g<0>]", str(path)))
