"""Types of columns that csv files have as texts, where every text can be told from a value of a narrower type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import duckdb

from tasks.schemas import quoted

MOMENT: Final = r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?( ?(Z|[+-]\d{2}(:?\d{2})?))?)?"
NUMBER: Final = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?"
DIGITS: Final = 15
"""As many digits of a decimal number a double always holds."""

TEXTS: Final = f"""
  count({{x}}) as filled,
  count(*) filter (try_cast({{x}} as bigint)::varchar = {{x}}) as whole,
  count(*) filter (
    regexp_full_match({{x}}, '{NUMBER}') and not regexp_full_match({{x}}, '-0(\\.0*)?')
    and strlen(ltrim(translate({{x}}, '-.', ''), '0')) <= {DIGITS}
  ) as number,
  max(strlen(split_part({{x}}, '.', 2))) = min(strlen(split_part({{x}}, '.', 2))) as is_even,
  count(*) filter (regexp_matches({{x}}, '\\.[0-9]*0$')) as padded,
  count(*) filter (try_cast({{x}} as double)::varchar = {{x}}) as shortest,
  greatest(
    count(*) filter ({{x}} in ('true', 'false')),
    count(*) filter ({{x}} in ('True', 'False')),
    count(*) filter ({{x}} in ('TRUE', 'FALSE'))
  ) as logical,
  count(*) filter (regexp_full_match({{x}}, '{MOMENT}') and try_cast({{x}} as timestamptz) is not null) as moment
"""
"""What tells whether each text of a column can be told from the number, truth or time that it is.

Of decimal numbers that holds where all have as many decimals, where none ends with a zero, or where all are written as
DuckDB writes them: then no two texts are the same number, and `1.1` is not taken for version `1.10`.
"""

INFERRED_FROM: Final = 10_000
"""Rows that say whether it is worth to look at all of them."""

ASKED_AT_ONCE: Final = 32

EMPTY: Final = "empty"
"""What fits where no row has a text."""


def inferred_types(connection: duckdb.DuckDBPyConnection, rows: str, names: Sequence[str]) -> dict[str, str]:
    """Return the type of each column of texts that are values of one; the others are texts.

    Args:
        connection: What reads the rows.
        rows: A relation.
        names: Columns of it.
    """
    some = _fitting(connection, f"select * from {rows} limit {INFERRED_FROM}", names)
    fits = _fitting(connection, f"select * from {rows}", list(some))
    return {name: kind for name, kind in fits.items() if kind != EMPTY}


def _fitting(connection: duckdb.DuckDBPyConnection, rows: str, names: Sequence[str]) -> dict[str, str]:
    """Ask about a few columns at a time: what DuckDB needs for a statement grows faster than its length."""
    found: dict[str, str] = {}
    for start in range(0, len(names), ASKED_AT_ONCE):
        found.update(_fitting_few(connection, rows, names[start : start + ASKED_AT_ONCE]))
    return found


def _fitting_few(connection: duckdb.DuckDBPyConnection, rows: str, names: Sequence[str]) -> dict[str, str]:
    asks = ", ".join(TEXTS.replace("{x}", quoted(name)) for name in names)
    (row,) = connection.execute(f"select {asks} from ({rows})").fetchall()
    width = len(row) // len(names)
    fits = {name: _fit(*row[place * width : (place + 1) * width]) for place, name in enumerate(names)}
    return {name: kind for name, kind in fits.items() if kind}


def _fit(filled: int, *counts: int) -> str | None:
    whole, number, is_even, padded, shortest, logical, moment = counts
    are_told_apart = is_even or not padded or shortest == filled
    fits = {
        "bigint": whole == filled,
        "double": number == filled and are_told_apart,
        "boolean": logical == filled,
        "timestamp with time zone": moment == filled,
    }
    return next((kind for kind, is_fit in fits.items() if is_fit), None) if filled else EMPTY
