"""Asks DuckDB what a table holds: one scan for the figures of all columns, one for values and histograms per column kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import duckdb

from tasks.profile.config import ProfileConfig
from tasks.schemas import literal, quoted

Family = Literal["number", "text", "time", "boolean", "list", "map", "other"]

NUMBERS: Final = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "FLOAT",
    "DOUBLE",
    "DECIMAL",
)
QUANTILES: Final = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
FEW: Final = 10_000
"""Up to so many distinct values (estimated) a column is counted exactly by its values."""


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """What one scan says of a column; `distinct` is an estimate, moments are over finite numbers."""

    name: str
    type: str
    family: Family
    rows: int
    nulls: int
    distinct: int
    minimum: Any  # a value of the column's type
    maximum: Any  # a value of the column's type
    mean: float | None = None
    std: float | None = None
    skewness: float | None = None
    quantiles: tuple[float, ...] = ()
    empty: int = 0
    finite: int = 0


@contextmanager
def connected(config: ProfileConfig, spill: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection in memory, bounded, in UTC."""
    connection = duckdb.connect(
        config={
            "memory_limit": config.memory_limit,
            "threads": config.threads,
            "temp_directory": str(spill),
            "preserve_insertion_order": False,
        }
    )
    try:
        connection.execute("set timezone = 'UTC'")
        yield connection
    finally:
        connection.close()


def relation(files: Sequence[Path]) -> str:
    """Return SQL that selects from parquet files."""
    return f"read_parquet([{', '.join(literal(str(file)) for file in files)}], union_by_name=true)"


def column_types(connection: duckdb.DuckDBPyConnection, source: str) -> dict[str, str]:
    """Return column to DuckDB type, in the table's order."""
    return {name: kind for name, kind, *_ in connection.execute(f"describe select * from {source}").fetchall()}


def family(kind: str) -> Family:
    """Return what a DuckDB type is described as."""
    if kind.endswith("[]"):
        return "list"
    if kind.startswith("MAP"):
        return "map"
    if kind.split("(", maxsplit=1)[0] in NUMBERS:
        return "number"
    if kind.startswith("TIMESTAMP") or kind == "DATE":
        return "time"
    return {"VARCHAR": "text", "BOOLEAN": "boolean"}.get(kind, "other")  # type: ignore[return-value]  # both are families


def column_facts(connection: duckdb.DuckDBPyConnection, source: str, types: Mapping[str, str]) -> list[ColumnFacts]:
    """Return the figures of all columns, from one scan."""
    asks = ["count(*)"]
    shapes: list[tuple[str, str, Family, list[str]]] = []
    for name, kind in types.items():
        fields = _asked(quoted(name), family(kind))
        shapes.append((name, kind, family(kind), list(fields)))
        asks += fields.values()
    (row,) = connection.execute(f"select {', '.join(asks)} from {source}").fetchall()
    rows, position, found = int(row[0]), 1, []
    for name, kind, group, fields_of in shapes:
        values = dict(zip(fields_of, row[position : position + len(fields_of)], strict=True))
        position += len(fields_of)
        filled = int(values.pop("filled"))
        quantiles = tuple(float(value) for value in values.pop("quantiles", None) or ())
        found.append(ColumnFacts(name, kind, group, rows, rows - filled, quantiles=quantiles, **values))
    return found


def _asked(column: str, group: Family) -> dict[str, str]:
    asked = {"filled": f"count({column})"}
    if group == "number":
        number = f"{column}::double"
        asked |= {
            "distinct": f"approx_count_distinct({column})",
            "minimum": f"min({column})",
            "maximum": f"max({column})",
            "mean": f"avg({number}) filter (isfinite({number}))",
            "std": f"stddev_samp({number}) filter (isfinite({number}))",
            "quantiles": f"approx_quantile({number}, {list(QUANTILES)}) filter (isfinite({number}))",
            "finite": f"count(*) filter (isfinite({number}))",
        }
    elif group == "text":
        asked |= {
            "distinct": f"approx_count_distinct({column})",
            "minimum": f"min(length({column}))",
            "maximum": f"max(length({column}))",
            "mean": f"avg(length({column}))",
            "empty": f"count(*) filter ({column} = '')",
        }
    elif group in {"time", "boolean"}:
        asked |= {
            "distinct": f"approx_count_distinct({column})",
            "minimum": f"min({column})::varchar",
            "maximum": f"max({column})::varchar",
        }
    elif group in {"list", "map"}:
        size = f"len({column})" if group == "list" else f"cardinality({column})"
        asked |= {
            "distinct": f"approx_count_distinct({column}::varchar)",
            "minimum": f"min({size})",
            "maximum": f"max({size})",
            "mean": f"avg({size})",
            "empty": f"count(*) filter ({size} = 0)",
        }
    else:
        asked |= {
            "distinct": f"approx_count_distinct({column}::varchar)",
            "minimum": f"min({column}::varchar)",
            "maximum": f"max({column}::varchar)",
        }
    return asked


def value_counts(
    connection: duckdb.DuckDBPyConnection, source: str, facts: ColumnFacts, *, top: int
) -> tuple[list[tuple[str, int]], int | None]:
    """Return the most frequent values as text, and the exact number of distinct ones where they are few.

    Ties go to the smaller text. Elements of lists and keys of maps are counted instead of the whole.
    """
    column = quoted(facts.name)
    if facts.family in {"list", "map"}:
        inner = f"unnest({column})" if facts.family == "list" else f"unnest(map_keys({column}))"
        grouped = (
            f"select value::varchar as value, count(*) as n from (select {inner} as value from {source}) group by value"
        )
    else:
        grouped = f"select {column} as value, count(*) as n from {source} where {column} is not null group by {column}"
    if facts.distinct > FEW and facts.family not in {"list", "map"}:
        # Most columns of so many values have no frequent ones: count what repeats in a bounded way.
        rows = connection.execute(
            f"select value::varchar, n from ({grouped}) where n > 1 order by n desc, value::varchar limit {top}"
        ).fetchall()
        return [(value, int(n)) for value, n in rows], None
    rows = connection.execute(
        f"with grouped as ({grouped}) select value::varchar, n, (select count(*) from grouped) from grouped "
        f"where value is not null order by n desc, value::varchar limit {top}"
    ).fetchall()
    distinct = int(rows[0][2]) if rows and facts.family not in {"list", "map"} else None
    return [(value, int(n)) for value, n, _ in rows], distinct


def histograms(
    connection: duckdb.DuckDBPyConnection, source: str, columns: Sequence[ColumnFacts], *, bins: int
) -> dict[str, list[int]]:
    """Return rows per bin of equal width between the extremes of each numeric column, from one scan."""
    spread = [item for item in columns if item.family == "number" and item.finite and _width(item, bins) is not None]
    if not spread:
        return {}
    asks = []
    for item in spread:
        number = f"{quoted(item.name)}::double"
        low, width = float(item.minimum), _width(item, bins)
        place = f"least({bins - 1}, greatest(0, floor(({number} - {low!r}) / {width!r})))::integer"
        asks.append(f"histogram({place}) filter (isfinite({number}))" if width else f"count({number})")
    (row,) = connection.execute(f"select {', '.join(asks)} from {source}").fetchall()
    return {
        item.name: [int((counts or {}).get(position, 0)) for position in range(bins)]
        for item, counts in zip(spread, row, strict=True)
    }


def _width(facts: ColumnFacts, bins: int) -> float | None:
    width = (float(facts.maximum) - float(facts.minimum)) / bins
    return width if 0 < width < float("inf") else None


def skewness(
    connection: duckdb.DuckDBPyConnection, source: str, columns: Sequence[ColumnFacts]
) -> dict[str, float | None]:
    """Return the skewness of numeric columns from their standardised third moments, in one scan."""
    spread = [item for item in columns if item.family == "number" and item.std and item.mean is not None]
    if not spread:
        return {}
    asks = [
        f"avg(pow(({quoted(item.name)}::double - {item.mean!r}) / {item.std!r}, 3)) filter (isfinite({quoted(item.name)}::double))"
        for item in spread
    ]
    (row,) = connection.execute(f"select {', '.join(asks)} from {source}").fetchall()
    return dict(zip((item.name for item in spread), row, strict=True))


def exact_distinct(connection: duckdb.DuckDBPyConnection, source: str, columns: Sequence[str]) -> int:
    """Return how many different combinations of values the columns have together."""
    names = ", ".join(map(quoted, columns))
    ((count,),) = connection.execute(f"select count(*) from (select {names} from {source} group by {names})").fetchall()
    return int(count)


def text_sample(connection: duckdb.DuckDBPyConnection, source: str, column: str, *, rows: int, size: int) -> list[str]:
    """Return texts spread over the table, the same ones every time: those with the smallest hashes."""
    name = quoted(column)
    some = f"select distinct {name} as text from {source} where {name} <> ''"
    if rows > size * 4:
        some += f" and hash({name}) % {max(1, rows // (size * 2))} = 0"
    found = connection.execute(f"select text from ({some}) order by hash(text), text limit {size}").fetchall()
    return [text for (text,) in found]


def months(connection: duckdb.DuckDBPyConnection, source: str, column: str) -> list[tuple[str, int]]:
    """Return rows per month, `YYYY-MM`, in order."""
    month = f"strftime({quoted(column)}, '%Y-%m')"
    query = f"select {month} as month, count(*) from {source} where {quoted(column)} is not null group by 1 order by 1"
    return [(month, int(count)) for month, count in connection.execute(query).fetchall()]


def days(connection: duckdb.DuckDBPyConnection, source: str, column: str) -> tuple[int, int]:
    """Return the days that have rows, and the longest run of days without any between the first and the last."""
    query = f"""
    with day as (select distinct {quoted(column)}::date as day from {source} where {quoted(column)} is not null),
    gap as (select day - lag(day) over (order by day) - 1 as gap from day)
    select (select count(*) from day), coalesce(max(gap), 0) from gap
    """
    ((count, gap),) = connection.execute(query).fetchall()
    return int(count), int(gap)


def correlations(
    connection: duckdb.DuckDBPyConnection, source: str, columns: Sequence[str], *, rows: int, sample: int
) -> list[tuple[str, str, float | None, float | None, int]]:
    """Return Pearson's coefficient over all rows, and Spearman's over a fixed sample, of each pair of numeric columns."""
    pairs = [(left, right) for position, left in enumerate(columns) for right in columns[position + 1 :]]
    if not pairs or not rows:
        return []
    numbers = {name: f"{quoted(name)}::double" for name in columns}
    asks = ", ".join(
        f"corr({numbers[a]}, {numbers[b]}), count(*) filter ({quoted(a)} is not null and {quoted(b)} is not null)"
        for a, b in pairs
    )
    (pearson,) = connection.execute(f"select {asks} from {source}").fetchall()
    chosen = f"select * from {source}"
    if rows > sample:
        whole = ", ".join(map(quoted, columns))
        chosen += f" where hash({whole}) % {max(1, rows // sample)} = 0"
    ranks = ", ".join(
        f"case when {quoted(n)} is not null then rank() over (partition by {quoted(n)} is null order by {quoted(n)}) end::double as {quoted(n)}"
        for n in columns
    )
    asks = ", ".join(f"corr({quoted(a)}, {quoted(b)})" for a, b in pairs)
    (spearman,) = connection.execute(
        f"with ranked as (select {ranks} from ({chosen})) select {asks} from ranked"
    ).fetchall()
    return [
        (a, b, pearson[2 * position], spearman[position], int(pearson[2 * position + 1]))
        for position, (a, b) in enumerate(pairs)
    ]


def match(
    connection: duckdb.DuckDBPyConnection, child: tuple[str, str], parent: tuple[str, str]
) -> tuple[int, int, int, float]:
    """Return rows of a child column, those whose value a parent's key has, values it lacks, and the keys mentioned.

    Values are compared as text, so that a number on one side finds a text on the other.
    """
    (child_source, child_column), (parent_source, parent_column) = child, parent
    query = f"""
    with mentioned as (
      select {quoted(child_column)}::varchar as value, count(*) as n from {child_source}
      where {quoted(child_column)} is not null group by 1
    ),
    known as (select {quoted(parent_column)}::varchar as value from {parent_source})
    select
      coalesce(sum(n), 0), coalesce(sum(n) filter (value in (select value from known)), 0),
      count(*) filter (value not in (select value from known)), (select count(*) from known)
    from mentioned
    """
    ((rows, matched, orphans, keys),) = connection.execute(query).fetchall()
    ((values,),) = connection.execute(f"select count(distinct {quoted(child_column)}) from {child_source}").fetchall()
    return int(rows), int(matched), int(orphans), (int(values) - int(orphans)) / keys if keys else 0.0
