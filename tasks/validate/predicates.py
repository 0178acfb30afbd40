"""The SQL condition that a failing value meets, for the expectation types that SQL judges exactly as GX does."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from tasks.schemas import literal, quoted
from tasks.validate import sql

Kwargs = Mapping[str, Any]  # an expectation's arguments, of any JSON type

VALUE: Final = quoted(sql.VALUE)
NULLNESS: Final = frozenset({"expect_column_values_to_not_be_null", "expect_column_values_to_be_null"})
NUMBERS: Final = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "FLOAT", "DOUBLE")
ZONED: Final = ("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS")
TIMES: Final = (*ZONED, "TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S", "DATE")
ROUNDED: Final = 2**53
"""From here on Great Expectations, to which a limit is a double, may take for one what SQL tells apart."""
READ_OTHERWISE: Final = re.compile(r"\\[sSwWdDbB]|\$|\(\?<[^=!]")
r"""pandas hands patterns to RE2, as DuckDB does, but for those that RE2 refuses and some that Python reads otherwise:
`\s`; `\w`, `\d` and `\b` where there is text beyond ASCII, `$` where there is a line break. DuckDB's RE2 is older
and does not know `(?<name>…)`."""


def is_nullness(type_: str) -> bool:
    """Return whether an expectation type looks only at whether a value is null."""
    return type_ in NULLNESS


def failure(type_: str, kwargs: Kwargs, sql_type: str) -> str | None:
    """Return the condition under which a value fails, or None where SQL might judge otherwise than GX.

    Nulls are judged by the two nullness expectations alone; for the others the condition is asked of values only.

    Args:
        type_: The Great Expectations type.
        kwargs: Its arguments, resolved.
        sql_type: The column's DuckDB type.
    """
    build = BUILDERS.get(type_)
    return None if build is None else build(kwargs, sql_type)


def _lacks(kwargs: Kwargs, sql_type: str) -> str | None:
    words = _literals(kwargs.get("value_set"), sql_type)
    return None if words is None else f"{VALUE} not in ({words})"


def _hits(kwargs: Kwargs, sql_type: str) -> str | None:
    words = _literals(kwargs.get("value_set"), sql_type)
    return None if words is None else f"{VALUE} in ({words})"


def _literals(values: object, sql_type: str) -> str | None:
    if not isinstance(values, Sequence) or isinstance(values, str) or not values:
        return None
    if sql_type == "VARCHAR" and all(isinstance(item, str) for item in values):
        return ", ".join(literal(item) for item in values)
    if sql_type in NUMBERS and all(_is_number(item) for item in values):
        return ", ".join(_spelled(item, sql_type) for item in values)
    return None


def _outside(kwargs: Kwargs, sql_type: str) -> str | None:
    return _beyond(VALUE, kwargs, sql_type)


def _too_long_or_short(kwargs: Kwargs, sql_type: str) -> str | None:
    return _beyond(f"length({VALUE})", kwargs, "BIGINT") if sql_type == "VARCHAR" else None


def _of_other_length(kwargs: Kwargs, sql_type: str) -> str | None:
    length = kwargs.get("value")
    return f"length({VALUE}) <> {length}" if sql_type == "VARCHAR" and _is_number(length) else None


def _beyond(what: str, kwargs: Kwargs, sql_type: str) -> str | None:
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    sides = []
    for limit, sign, is_strict in ((low, "<", kwargs.get("strict_min")), (high, ">", kwargs.get("strict_max"))):
        if limit is None:
            continue
        word = _limit(limit, sql_type)
        if word is None:
            return None
        sides.append(f"{what} {sign}{'=' if is_strict else ''} {word}")
    return " or ".join(sides) or None


def _limit(limit: object, sql_type: str) -> str | None:
    if sql_type in NUMBERS and _is_number(limit):
        return _spelled(limit, sql_type)
    if sql_type in TIMES and isinstance(limit, datetime | date):
        return f"{literal(limit.isoformat())}::{'timestamptz' if sql_type.endswith('ZONE') else sql_type}"
    return None


def _spelled(number: object, sql_type: str) -> str:
    # DuckDB would round the limit to the column's type, as Great Expectations does not.
    return f"{number!r}::double" if sql_type == "FLOAT" else repr(number)


def _unmatched(kwargs: Kwargs, sql_type: str) -> str | None:
    found = _regex(kwargs.get("regex"), sql_type)
    return None if found is None else f"not {found}"


def _matched(kwargs: Kwargs, sql_type: str) -> str | None:
    return _regex(kwargs.get("regex"), sql_type)


def _regex(pattern: object, sql_type: str) -> str | None:
    if sql_type != "VARCHAR" or not isinstance(pattern, str) or READ_OTHERWISE.search(pattern):
        return None
    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except pa.ArrowInvalid:
        return None
    return f"regexp_matches({VALUE}, {literal(pattern)})"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < ROUNDED


BUILDERS: Final[Mapping[str, Callable[[Kwargs, str], str | None]]] = {
    "expect_column_values_to_not_be_null": lambda _, __: f"{VALUE} is null",
    "expect_column_values_to_be_null": lambda _, __: f"{VALUE} is not null",
    "expect_column_values_to_be_in_set": _lacks,
    "expect_column_values_to_not_be_in_set": _hits,
    "expect_column_values_to_be_between": _outside,
    "expect_column_value_lengths_to_be_between": _too_long_or_short,
    "expect_column_value_lengths_to_equal": _of_other_length,
    "expect_column_values_to_match_regex": _unmatched,
    "expect_column_values_to_not_match_regex": _matched,
}
