"""Rows as a source has them, and lines that are none: what readers give to the rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from tasks.ingest.texts import PlainText

REST: Final = "_rest"
"""The map of an object's keys that are not mapped."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A line that is no row, with the reason's code."""

    line: int
    reason: str
    detail: str
    row: str


@dataclass(slots=True)
class RawRows:
    """Rows as the source has them.

    Args:
        relation: SQL to select from, in the order of the file.
        columns: Source column to its DuckDB type.
        rejects: Lines that are no rows; of csv they are only complete when the rows have been read.
        is_numbered: Whether the rows have `_record`, their line, or their number where they are no lines.
        facts: What was found out about the file: format, encoding, delimiter.
        plain: The text that was read, where it was one.
    """

    relation: str
    columns: dict[str, str]
    facts: dict[str, str]
    rejects: list[Reject] = field(default_factory=list)
    is_numbered: bool = False
    plain: PlainText | None = None
