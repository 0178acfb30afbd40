"""The SQL of validation. Identifiers come quoted and texts as literals (tasks/schemas.py)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tasks.schemas import literal, quoted

DISTINCT_VALUES: Final = """
with found as (select {value} as _value from {source} where {where})
select _value, count(*) as n from found where _value is not null group by _value
"""
ALL_VALUES: Final = """
with found as (select {value} as _value from {source} where {where})
select _value, 1::bigint as n from found where _value is not null
"""
DISTINCT: Final = """
with found as (select {value} as _value from {source})
select distinct _value as {name} from found where _value is not null order by _value
"""
EXTREMES: Final = """
with found as (select {value} as _value from {source}),
extremes as (select unnest([min(_value), max(_value)]) as _value from found)
select _value as {name} from extremes where _value is not null
"""
TALLY: Final = """
select count(*), count(*) filter (where {failure}), coalesce(sum(n) filter (where {failure}), 0)::bigint
from frame
"""
OVER: Final = "(select distinct {columns} from rows)"
REPEATED: Final = """
create or replace table {name} as
with rows as (select * from {source} where {where})
select {keys}, count(*) as n from {rows} group by all having count(*) > 1
"""
PARENTS: Final = """
create or replace table {name} as
with held as (select {column}, count(*) as n from {source} where {column} is not null group by {column}),
known as (select distinct {parent}::varchar as key from {parents})
select held.{column}, held.n, known.key is not null as is_known from held left join known
  on held.{column}::varchar = known.key
"""
PARENT_COUNTS: Final = """
select coalesce(sum(n), 0)::bigint, count(*) filter (where not is_known),
  coalesce(sum(n) filter (where not is_known), 0)::bigint
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
        failure: A condition on `_value`, the first of the columns.
        among: A kept relation; rows that agree with one of its rows in `on` failed.
        known: Whether the relation also holds values that did not fail, told apart by `is_known`.
        on: Columns, or `_row`.
        where: A condition on the row, which it must also meet.
    """

    columns: tuple[str, ...]
    failure: str = "true"
    among: str | None = None
    on: tuple[str, ...] = ()
    known: bool = False
    where: str | None = None


def parquet(files: Sequence[Path]) -> str:
    """Return the files as a table function."""
    return f"read_parquet([{', '.join(literal(str(file)) for file in files)}])"


def row_number(counts: Sequence[int]) -> str:
    """Return the number of a row in the whole table, from 0, given the rows of each file."""
    offsets = [sum(counts[:i]) for i in range(len(counts))]
    return f"(list_extract({offsets}, file_index::bigint + 1) + file_row_number)"


def null_counts(value: str, where: str | None) -> str:
    """Return two counts: rows that meet a condition, and those of them where a value is null."""
    return f"count(*) filter (where {where or 'true'}), count(*) filter (where ({where or 'true'}) and {value} is null)"


def failing(*, source: str, number: str, value: str, condition: Condition, chosen: str) -> str:
    """Return the query of what is chosen from the failing rows.

    Args:
        source: The table.
        number: The expression of a row's number, `_row`.
        value: The expression of the failing value, `_value`.
        condition: Which rows fail.
        chosen: The select list, over the table's columns, `_row` and `_value`.
    """
    on = " and ".join(f"rows.{quoted(name)} is not distinct from failed.{quoted(name)}" for name in condition.on)
    among = f"(select * from {quoted(condition.among or '')}{' where not is_known' if condition.known else ''})"
    joined = f"semi join {among} as failed on {on}" if condition.among else ""
    return f"""
with rows as (select *, {value} as _value, {number} as _row from {source} where {condition.where or "true"})
select {chosen} from rows {joined} where {condition.failure}
"""


def words(columns: Sequence[str]) -> str:
    """Return values as one text: alone as they are, several with their names."""
    if len(columns) == 1 and columns[0] != "_row":
        return f"{quoted(columns[0])}::varchar"
    parts = ", ".join(f"'{name.replace(chr(39), chr(39) * 2)}=' || {quoted(name)}::varchar" for name in columns)
    return f"nullif(concat_ws(', ', {parts}), '')"
