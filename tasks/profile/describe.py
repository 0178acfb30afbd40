"""Describes a table: asks DuckDB, and puts the answers into a profile that is valid JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations

import duckdb

from tasks.assets.reports import Bin, ColumnProfile, Correlation, TableProfile, TextProfile, TimeProfile, ValueCount
from tasks.profile import queries
from tasks.profile.config import ProfileConfig
from tasks.profile.languages import language_shares
from tasks.profile.queries import ColumnFacts
from tasks.schemas import quoted


def describe(connection: duckdb.DuckDBPyConnection, table: str, source: str, config: ProfileConfig) -> TableProfile:
    """Return what a table holds.

    Args:
        connection: From `queries.connected`.
        table: The table's name.
        source: SQL to select from.
        config: How much to say.
    """
    facts = queries.column_facts(connection, source, queries.column_types(connection, source))
    rows = facts[0].rows if facts else 0
    bins = queries.histograms(connection, source, facts, bins=config.bins)
    skews = queries.skewness(connection, source, facts)
    columns = [
        _column(connection, source, item, config, counts=bins.get(item.name), skew=skews.get(item.name))
        for item in facts
    ]
    numbers = [item.name for item in facts if item.family == "number" and item.std]
    pairs = queries.correlations(connection, source, numbers, rows=rows, sample=config.correlation_sample)
    return TableProfile(
        table=table,
        rows=rows,
        columns=tuple(columns),
        correlations=tuple(
            Correlation(left=a, right=b, pearson=_finite(p), spearman=_finite(s), rows=n) for a, b, p, s, n in pairs
        ),
        keys=keys(connection, source, columns, config),
    )


def keys(
    connection: duckdb.DuckDBPyConnection, source: str, columns: Sequence[ColumnProfile], config: ProfileConfig
) -> tuple[tuple[str, ...], ...]:
    """Return the smallest sets of columns whose values are exactly unique and never null.

    Sets of several columns are tried only where no single one will do, and among columns that look like names of things:
    texts, whole numbers and times that are never null, and that together have enough distinct values.
    """
    rows = columns[0].rows if columns else 0
    if rows < 2:
        return ()
    whole = [item for item in columns if item.nulls == 0 and _names_things(item)]
    single = [(item.name,) for item in whole if item.is_distinct_exact and item.distinct == rows]
    if single or config.max_key_columns == 1:
        return tuple(single)
    likely = sorted(whole, key=lambda item: -item.distinct)[:5]
    for size in range(2, config.max_key_columns + 1):
        found = []
        for chosen in combinations(likely, size):
            names = tuple(item.name for item in chosen)
            if (
                math.prod(item.distinct for item in chosen) >= rows
                and queries.exact_distinct(connection, source, names) == rows
            ):
                found.append(names)
        if found:
            return tuple(sorted(found))
    return ()


def _names_things(column: ColumnProfile) -> bool:
    return (
        column.type.split("(")[0] in {"VARCHAR", "BIGINT", "INTEGER", "UBIGINT", "HUGEINT", "UUID"}
        or column.time is not None
    )


def _column(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    facts: ColumnFacts,
    config: ProfileConfig,
    *,
    counts: Sequence[int] | None,
    skew: float | None,
) -> ColumnProfile:
    top, exact = queries.value_counts(connection, source, facts, top=config.top_values)
    filled = facts.rows - facts.nulls
    if (
        exact is None
        and filled
        and facts.distinct > config.exact_distinct_up_to * filled
        and facts.family not in {"list", "map"}
    ):
        exact = queries.exact_distinct(
            connection, f"(select * from {source} where {quoted(facts.name)} is not null)", [facts.name]
        )
    is_number = facts.family == "number"
    sized = facts.family in {"text", "list", "map"}
    return ColumnProfile(
        name=facts.name,
        type=facts.type,
        rows=facts.rows,
        nulls=facts.nulls,
        distinct=exact if exact is not None else min(facts.distinct, filled),
        is_distinct_exact=exact is not None or filled == 0,
        minimum=None if facts.minimum is None or sized else str(facts.minimum),
        maximum=None if facts.maximum is None or sized else str(facts.maximum),
        mean=_finite(facts.mean) if is_number else None,
        std=_finite(facts.std),
        skewness=_finite(skew),
        quantiles=_quantiles(facts),
        top_values=tuple(ValueCount(value=value, count=count) for value, count in top),
        histogram=_bins(facts, counts),
        text=_text(connection, source, facts, config) if sized and filled else None,
        time=_time(connection, source, facts) if facts.family == "time" and filled else None,
    )


def _quantiles(facts: ColumnFacts) -> dict[str, float]:
    pairs = zip(queries.QUANTILES, facts.quantiles, strict=False)
    return {str(quantile): value for quantile, value in pairs if math.isfinite(value)}


def _bins(facts: ColumnFacts, counts: Sequence[int] | None) -> tuple[Bin, ...]:
    if facts.family != "number" or not facts.finite:
        return ()
    low, high = float(facts.minimum), float(facts.maximum)
    if counts is None:
        return (Bin(low=low, high=high, count=facts.finite),) if math.isfinite(low) and math.isfinite(high) else ()
    width = (high - low) / len(counts)
    edges = [low + width * position for position in range(len(counts))] + [high]
    return tuple(Bin(low=edges[i], high=edges[i + 1], count=count) for i, count in enumerate(counts))


def _text(connection: duckdb.DuckDBPyConnection, source: str, facts: ColumnFacts, config: ProfileConfig) -> TextProfile:
    languages: Mapping[str, float] = {}
    if facts.family == "text":
        sample = queries.text_sample(connection, source, facts.name, rows=facts.rows, size=config.text_sample)
        languages = language_shares(sample)
    return TextProfile(
        min_length=int(facts.minimum or 0),
        mean_length=_finite(facts.mean) or 0.0,
        max_length=int(facts.maximum or 0),
        empty=facts.empty,
        languages=dict(languages),
    )


def _time(connection: duckdb.DuckDBPyConnection, source: str, facts: ColumnFacts) -> TimeProfile:
    with_rows, gap = queries.days(connection, source, facts.name)
    span = connection.execute(
        "select ?::timestamp::date - ?::timestamp::date + 1", [str(facts.maximum)[:19], str(facts.minimum)[:19]]
    ).fetchall()
    return TimeProfile(
        first=_iso(str(facts.minimum)),
        last=_iso(str(facts.maximum)),
        days_in_span=int(span[0][0]),
        days_with_rows=with_rows,
        longest_gap_days=gap,
        by_month=tuple(
            ValueCount(value=month, count=count) for month, count in queries.months(connection, source, facts.name)
        ),
    )


def _iso(text: str) -> str:
    return text.replace(" ", "T").replace("+00", "Z") if " " in text else text


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
