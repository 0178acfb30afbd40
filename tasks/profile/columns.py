"""One column, described: which queries its kind needs, and what follows from their answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.assets.reports import ColumnProfile, TimeProfile
from tasks.profile.bins import Borders, Bulk
from tasks.profile.config import ProfileConfig
from tasks.profile.counted import quantiles
from tasks.profile.facts import Facts, Row, text_facts, to_profile
from tasks.profile.kinds import Field, is_identifier
from tasks.profile.languages import LOOKED_AT
from tasks.profile.moments import Moments
from tasks.profile.queries import SEEN_OFTEN, Frequencies, TableQueries
from tasks.profile.sketch import Sketch, buckets
from tasks.profile.times import time_profile

MOST_ELEMENTS: Final = 20_000_000
"""Lists with more elements together are described by their lengths alone: vectors, not tags."""


def describe_column(field: Field, queries: TableQueries, config: ProfileConfig) -> ColumnProfile:
    """Return what a column holds.

    Few distinct values are counted one by one, so that all that follows is exact. Many are estimated in a few scans.
    Of lists and maps the numbers are those of their lengths, the top values those of their elements or keys.
    """
    return to_profile(field, _facts(field, queries, config), rows=queries.rows, characters=config.value_characters)


def believed_distinct(seen: Frequencies, *, is_whole: bool) -> float:
    """Return a guess at a column's distinct values from those in the sample, or in the whole table (Chao 1984)."""
    if is_whole:
        return seen.distinct
    return seen.distinct + seen.once**2 / (2 * seen.twice) if seen.twice else seen.distinct + seen.once**2


def _facts(field: Field, queries: TableQueries, config: ProfileConfig) -> Facts:
    if field.kind in {"list", "map"}:
        return _nested(field, queries, config)
    seen = queries.frequencies(field)
    believed = believed_distinct(seen, is_whole=queries.is_sample_whole)
    if believed <= config.exact_values or field.kind == "boolean":
        return _counted(field, queries, config)
    if field.kind == "time":
        return _many_times(field, queries)
    is_number = field.kind in {"integer", "number"}
    facts = _many_numbers(field, queries, config) if is_number else _many_texts(field, queries)
    return replace(facts, top=queries.likely_top(field)) if seen.most >= SEEN_OFTEN else facts


def _counted(field: Field, queries: TableQueries, config: ProfileConfig) -> Facts:
    queries.count_values(field.alias)
    distinct, present, highest, low, high = queries.counted_totals()
    top = queries.counted_top() if highest > 1 or distinct == 1 else []
    if field.kind in {"integer", "number"}:
        low, high = queries.counted_range()
        numbers = _number_facts(
            *queries.counted_numbers(), is_integer=field.kind == "integer", bins=config.histogram_bins
        )
        return Facts(present, distinct, is_exact=True, low=low, high=high, **numbers, top=top)
    if field.kind == "time":
        time = _time(queries.time_range(field), *queries.counted_days())
        return Facts(present, distinct, is_exact=True, **_ends(time), top=top, time=time)
    text = None
    if field.kind == "text":
        texts = [] if is_identifier(field.name) else queries.counted_texts(LOOKED_AT)
        text = text_facts(queries.counted_lengths(), present=present, texts=texts)
    return Facts(present, distinct, is_exact=True, low=low, high=high, top=top, text=text)


def _many_numbers(field: Field, queries: TableQueries, config: ProfileConfig) -> Facts:
    present, distinct = queries.totals(field)
    low, high, least, most = queries.number_range(field)
    if least is None:
        return Facts(present, distinct, is_exact=False)
    is_integer = field.kind == "integer"
    bulk = Bulk.of(*queries.sampled_numbers(field))
    borders = Borders.between(least, most, bulk=bulk, bins=config.histogram_bins, is_integer=is_integer)
    cut = buckets(borders.all[1:-1])  # what is in another bucket of the sketch is in one bin, whatever it is
    ends = buckets(np.array([least, most]))
    first, last = ends[0] - 1, ends[1] + 1  # what another library reads as the least double may be one beside
    is_cut = np.isin(np.arange(first, last + 1), cut)

    def summarise(values: NDArray[np.float64]) -> tuple[Sketch, NDArray[np.int64], Moments]:
        keys = buckets(values)
        return Sketch.of(keys), borders.totals(values[is_cut[keys - first]]), Moments.of(values)

    bins, sketch, moments = np.zeros(len(borders.all) - 1, np.int64), Sketch(), Moments()
    for some_sketch, some_bins, some_moments in queries.summaries(field, summarise):
        bins += some_bins
        sketch = sketch.merge(some_sketch)
        moments = moments.merge(some_moments)
    bins += borders.totals(*sketch.outside(cut))
    found = sketch.quantiles(least, most)
    return Facts(
        present,
        distinct,
        is_exact=False,
        low=low,
        high=high,
        moments=moments,
        quantiles={name: float(round(value)) for name, value in found.items()} if is_integer else found,
        histogram=borders.histogram(bins.tolist()),
    )


def _many_texts(field: Field, queries: TableQueries) -> Facts:
    present, distinct, low, high, *lengths = queries.text_totals(field)
    text = None
    if field.kind == "text":
        texts = [] if is_identifier(field.name) else queries.sampled_texts(field, LOOKED_AT)
        text = text_facts(tuple(lengths), present=present, texts=texts)
    return Facts(present, distinct, is_exact=False, low=low, high=high, text=text)


def _many_times(field: Field, queries: TableQueries) -> Facts:
    ends = queries.time_range(field)
    present, distinct, *days = queries.time_totals(field, ends[0] or 0)
    time = _time(ends, *days)
    return Facts(present, distinct, is_exact=False, **_ends(time), time=time)


def _nested(field: Field, queries: TableQueries, config: ProfileConfig) -> Facts:
    queries.count_values(f"{'cardinality' if field.kind == 'map' else 'len'}({field.alias})")
    _, present, _, low, high = queries.counted_totals()
    lengths, counts = queries.counted_numbers()
    is_exact = queries.rows <= config.exact_values
    return Facts(
        present,
        queries.distinct(field, is_exact=is_exact),
        is_exact=is_exact,
        low=low,
        high=high,
        **_number_facts(lengths, counts, is_integer=True, bins=config.histogram_bins),
        top=queries.top_elements(field) if float((lengths * counts).sum()) <= MOST_ELEMENTS else [],
    )


def _number_facts(
    values: NDArray[np.float64], counts: NDArray[np.int64], *, is_integer: bool, bins: int
) -> dict[str, Any]:  # some of the facts, by name
    if not len(values):
        return {}
    low, high, bulk = float(values[0]), float(values[-1]), Bulk.of(values, counts)
    borders = Borders.between(low, high, bulk=bulk, bins=bins, is_integer=is_integer)
    return {
        "moments": Moments.of(values, counts),
        "quantiles": quantiles(values, counts),
        "histogram": borders.histogram(borders.totals(values, counts).tolist()),
    }


def _time(ends: Row, days: NDArray[np.int64], counts: NDArray[np.int64]) -> TimeProfile | None:
    return None if ends[0] is None else time_profile(int(ends[0]), int(ends[1]), days, counts)


def _ends(time: TimeProfile | None) -> dict[str, Any]:  # some of the facts, by name
    return {"low": time.first, "high": time.last} if time else {}
