"""What is known of a column, gathered, and the record it becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Final

from tasks.assets.reports import Bin, ColumnProfile, TextProfile, TimeProfile, ValueCount
from tasks.profile.kinds import Field
from tasks.profile.languages import language_shares
from tasks.profile.moments import Moments, tidy

Row = tuple[Any, ...]  # what a query returned: values of the columns' types
ELLIPSIS: Final = "…"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the queries found in one column.

    Args:
        present: Rows with a value.
        top: The most frequent values with their rows.
    """

    present: int
    distinct: int
    _: KW_ONLY
    is_exact: bool
    low: str | None = None
    high: str | None = None
    moments: Moments = field(default_factory=Moments)
    quantiles: Mapping[str, float] = field(default_factory=dict)
    histogram: tuple[Bin, ...] = ()
    top: Sequence[Row] = ()
    text: TextProfile | None = None
    time: TimeProfile | None = None


def to_profile(column: Field, facts: Facts, *, rows: int, characters: int) -> ColumnProfile:
    """Return the record of a column: numbers that JSON can hold, values no longer than so many characters."""
    has_numbers = facts.moments.count > 0
    return ColumnProfile(
        name=column.name,
        type=column.type,
        rows=rows,
        nulls=rows - facts.present,
        distinct=min(facts.distinct, facts.present),  # an estimate may be above
        is_distinct_exact=facts.is_exact,
        minimum=clipped(facts.low, characters),
        maximum=clipped(facts.high, characters),
        mean=tidy(facts.moments.mean) if has_numbers else None,
        std=tidy(facts.moments.std),
        skewness=tidy(facts.moments.skewness),
        quantiles={name: tidy(value) or 0.0 for name, value in facts.quantiles.items()},
        top_values=tuple(ValueCount(value=clipped(value, characters) or "", count=count) for value, count in facts.top),
        histogram=facts.histogram,
        text=facts.text,
        time=facts.time,
    )


def text_facts(lengths: Row, *, present: int, texts: Sequence[str]) -> TextProfile | None:
    """Return what is known of texts: shortest, longest and total length, empty rows, and a sample of them."""
    if not present:
        return None
    shortest, longest, total, empty = lengths
    return TextProfile(
        min_length=shortest,
        mean_length=round(total / present, 4),
        max_length=longest,
        empty=empty,
        languages=language_shares(texts),
    )


def clipped(text: str | None, characters: int) -> str | None:
    """Return a text of at most so many characters; a longer one ends in an ellipsis."""
    if text is None or len(text) <= characters:
        return text
    return text[: characters - 1] + ELLIPSIS
