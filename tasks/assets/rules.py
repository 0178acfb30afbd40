"""The rules of a suite in plain words, for people who do not read Great Expectations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tasks.assets.reports import ExpectationResult

SENTENCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "expect_column_to_exist": "must be a column of the table",
        "expect_column_values_to_be_of_type": "must be of the type {type_}",
        "expect_column_values_to_not_be_null": "must never be empty",
        "expect_column_values_to_be_null": "must always be empty",
        "expect_column_values_to_be_unique": "must not repeat",
        "expect_compound_columns_to_be_unique": "must not repeat together",
        "expect_column_values_to_match_regex": "must have the form {regex}",
        "expect_column_values_to_not_match_regex": "must not hold {regex}",
        "expect_column_values_to_be_in_set": "must be one of {value_set}",
        "expect_column_values_to_not_be_in_set": "must be none of {value_set}",
        "expect_table_columns_to_match_ordered_list": "must have the columns {column_list}, in this order",
    }
)
BETWEEN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "expect_column_values_to_be_between": "must be {}",
        "expect_column_value_lengths_to_be_between": "must be {} characters long",
        "expect_table_row_count_to_be_between": "must have {} rows",
    }
)
KNOWN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "table.not_empty": "must have rows",
        "no_markup": "must hold no HTML",
        "no_damage": "must hold no damaged characters",
    }
)
"""Rules of our own whose patterns nobody wants to read, by their id or the end of it."""

MIDNIGHT: Final = re.compile(r"T00:00:00(?:\.0+)?(?:\+00:00|Z)?$")
INGESTED: Final = "ingested_at"


def in_words(result: ExpectationResult) -> str:
    """Return what a rule asks, as it goes on after the name of its column: `must be 0 or more`.

    A rule of a kind that we do not use ourselves is spelled as Great Expectations names it, with its parameters.
    """
    left = dict(result.parameters)
    told = _sentence(result, left)
    over, where, mostly = (left.pop(name, None) for name in ("over", "where", "mostly"))
    if mostly is not None:
        told += f" in at least {float(mostly):.0%} of the rows"
    if where is not None:
        told += f", of the rows with {where.replace('is distinct from', 'other than')}"
    if over is not None:
        told += f"; rows that agree in {_listed(over)} count once"
    return told + "".join(f"; {name.replace('_', ' ')} {value}" for name, value in left.items())


def subject(result: ExpectationResult) -> str:
    """Return what a rule is about, columns between backticks: `user_id` and `timestamp`; nothing for the table."""
    return " and ".join(f"`{name}`" for name in (result.column or "").split("+") if name)


def _sentence(result: ExpectationResult, left: dict[str, str]) -> str:
    """Say the rule, and take out of `left` what was said."""
    known = KNOWN.get(result.id) or (KNOWN.get(result.id.rpartition(".")[2]) if "regex" in left else None)
    if known is not None:
        for name in ("regex", "min_value"):
            left.pop(name, None)
        return known
    if "parent" in left:
        return f"must be a value that {left.pop('parent')} has"
    if result.expectation in BETWEEN:
        limits = _limits(left.pop("min_value", None), left.pop("max_value", None))
        return BETWEEN[result.expectation].format(limits)
    template = SENTENCES.get(result.expectation)
    named = re.findall(r"\{(\w+)\}", template or "")
    if template is None or not set(named) <= set(left):
        return result.expectation.removeprefix("expect_").replace("_to_", " to ").replace("_", " ")
    return template.format(**{name: left.pop(name) for name in named})


def _limits(low: str | None, high: str | None) -> str:
    if high == INGESTED:
        since = f"{_plain(low)} or later, and " if low is not None else ""
        return f"{since}no later than when the table was ingested"
    if low is not None and high is not None:
        return f"between {_plain(low)} and {_plain(high)}"
    if low is not None:
        return f"{_plain(low)} or {'later' if 'T' in low else 'more'}"
    return "of any value" if high is None else f"{_plain(high)} or {'earlier' if 'T' in high else 'less'}"


def _plain(value: str | None) -> str:
    return MIDNIGHT.sub("", value or "")


def _listed(names: str) -> str:
    *first, last = names.split(", ")
    return f"{', '.join(first)} and {last}" if first else last
