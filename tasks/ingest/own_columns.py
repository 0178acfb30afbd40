"""The columns that are ingest's own, between the steps from a source's row to a table's: their names."""

from __future__ import annotations

from typing import Final

from tasks.schemas import quoted

INTERNAL: Final = "pandian:"
"""What the names of all columns begin with that are ingest's own; no column of a source may be called so."""

REASON: Final = f'"{INTERNAL}reason"'
ORIGINAL: Final = f'"{INTERNAL}original"'
RECORD: Final = f'"{INTERNAL}record"'
"""Why a row cannot be used, the row itself as JSON, and its line or number, quoted."""


def raw_name(name: str) -> str:
    """Return the quoted name of a column's raw value between the steps."""
    return quoted(f"{INTERNAL}raw:{name}")


def given_name(name: str) -> str:
    """Return the quoted name of the source's value of a column between the steps."""
    return quoted(f"{INTERNAL}given:{name}")


def parsed_name(name: str) -> str:
    """Return the quoted name of a column's parsed value between the steps."""
    return quoted(f"{INTERNAL}parsed:{name}")


def helper_name(name: str) -> str:
    """Return the quoted name of a column's helper between the steps."""
    return quoted(f"{INTERNAL}helper:{name}")


def source_name(name: str) -> str:
    """Return the quoted name of a source's column between the steps."""
    return quoted(f"{INTERNAL}source:{name}")


def unread_name(name: str) -> str:
    """Return the quoted name of a column's values that were not understood."""
    return quoted(f"{INTERNAL}unread:{name}")


def bits_name(name: str) -> str:
    """Return the quoted name of the bits of the rules that changed a column."""
    return quoted(f"{INTERNAL}rules:{name}")
