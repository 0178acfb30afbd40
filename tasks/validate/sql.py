"""The SQL of validation. Identifiers come quoted and texts as literals (tasks/schemas.py).

Names of our own begin as no column of a shop may: `pandian:value` is the value judged, `pandian:rows` the rows that a
value or key stands for, `pandian:row` the number of a row in the whole table, from 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tasks.schemas import file_list, literal, quoted

VALUE: Final = "pandian:value"
ROWS: Final = "pandian:rows"
ROW: Final = "pandian:row"
KNOWN: Final = "pandian:is_known"
SOURCE: Final = '"pandian:source"'

OPEN: Final = """
create view {source} as
select {columns}, list_extract({offsets}, file_index::bigint + 1) + file_row_number as "pandian:row"
from read_parquet({files}) as t({aliases})
"""
DISTINCT_VALUES: Final = """
with found as (select {value} as "pandian:value" from {source} where {where})
select "pandian:value", count(*) as "pandian:rows" from found where "pandian:value" is not null group by "pandian:value"
"""
ALL_VALUES: Final = """
with found as (select {value} as "pandian:value" from {source} where {where})
select "pandian:value", 1::bigint as "pandian:rows" from found where "pandian:value" is not null
"""
DISTINCT: Final = """
with found as (select {value} as "pandian:value" from {source})
select distinct "pandian:value" as {name} from found where "pandian:value" is not null order by 1
"""
EXTREMES: Final = """
with found as (select {value} as "pandian:value" from {source}),
extremes as (select unnest([min("pandian:value"), max("pandian:value")]) as "pandian:value" from found)
select "pandian:value" as {name} from extremes where "pandian:value" is not null
"""
TALLY: Final = """
select
  count(*), count(*) filter (where {failure}), coalesce(sum("pandian:rows") filter (where {failure}), 0)::bigint
from frame
"""
OVER: Final = "(select distinct {columns} from held)"
REPEATED: Final = """
create or replace table {name} as
with rows as not materialized (select * from {source} where {where}),
twice as (select hash({keys}) as "pandian:digest" from rows group by all having count(*) > 1),
held as (select * from rows where hash({keys}) in (select "pandian:digest" from twice))
select {keys}, count(*) as "pandian:rows" from {rows} group by all having count(*) > 1
"""
"""Keys are grouped by their digests first: DuckDB does not spill the groups of long texts."""
PARENTS: Final = """
create or replace table {name} as
with held as (select {column}, count(*) as "pandian:rows" from {source} where {column} is not null group by {column}),
known as (select distinct {parent}::varchar as key from read_parquet({parents}))
select held.{column}, held."pandian:rows", known.key is not null as "pandian:is_known" from held left join known
  on held.{column}::varchar = known.key
"""
PARENT_COUNTS: Final = """
select coalesce(sum("pandian:rows"), 0)::bigint, count(*) filter (where not "pandian:is_known"),
  coalesce(sum("pandian:rows") filter (where not "pandian:is_known"), 0)::bigint
from {name}
"""
EXAMPLES: Final = """
with words as (select {words} as word from {path}),
counted as (select word, count(*) as n from words where word is not null group by word)
select case when length(word) > {longest} then left(word, {longest}) || '…' else word end
from counted order by n desc, word limit {most}
"""


@dataclass(frozen=True, slots=True)
class Condition:
    """Which rows failed.

    Args:
        columns: The columns to show beside what identifies the row.
        failure: A condition on the value of the first of the columns.
        among: A kept relation; rows that agree with one of its rows in `on` failed.
        known: Whether the relation also holds values that did not fail, told apart by `pandian:is_known`.
        on: Columns, or `ROW`.
        where: A condition on the row, which it must also meet.
    """

    columns: tuple[str, ...]
    failure: str = "true"
    among: str | None = None
    on: tuple[str, ...] = ()
    known: bool = False
    where: str | None = None


def opened(files: Sequence[Path], columns: Sequence[str], counts: Sequence[int]) -> str:
    """Return the statement that names the table `SOURCE`, where each row also has its number.

    Args:
        files: The parquet files, in order.
        columns: Their columns, in order.
        counts: The rows of each file.
    """
    aliases = [f"c{place}" for place in range(len(columns))]
    return OPEN.format(
        source=SOURCE,
        columns=", ".join(f"{alias} as {quoted(name)}" for alias, name in zip(aliases, columns, strict=True)),
        offsets=[sum(counts[:place]) for place in range(len(counts))],
        files=file_list(files),
        aliases=", ".join(aliases),
    )


def null_counts(value: str, where: str | None) -> str:
    """Return two counts: rows that meet a condition, and those of them where a value is null."""
    return f"count(*) filter (where {where or 'true'}), count(*) filter (where ({where or 'true'}) and {value} is null)"


def failing(*, value: str, condition: Condition, chosen: str) -> str:
    """Return the query of what is chosen from the failing rows.

    Args:
        value: The expression of the failing value.
        condition: Which rows fail.
        chosen: The select list, over the table's columns and `ROW`.
    """
    on = " and ".join(f"rows.{quoted(name)} is not distinct from failed.{quoted(name)}" for name in condition.on)
    told_apart = ' where not "pandian:is_known"' if condition.known else ""
    joined = f"semi join (select * from {quoted(condition.among or '')}{told_apart}) as failed on {on}"
    return f"""
with rows as (select *, {value} as "pandian:value" from {SOURCE} where {condition.where or "true"})
select {chosen} from rows {joined if condition.among else ""} where {condition.failure}
"""


def words(columns: Sequence[str], *, row: str) -> str:
    """Return values as one text: alone as they are, several with their names; the row's number with its name `row`."""
    if len(columns) == 1 and columns[0] != row:
        return f"{quoted(columns[0])}::varchar"
    parts = ", ".join(f"{literal(f'{name}=')} || {quoted(name)}::varchar" for name in columns)
    return f"nullif(concat_ws(', ', {parts}), '')"
