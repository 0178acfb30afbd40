"""The SQL of profiling. Columns are `c0`, `c1`, … by their place, so that no name of a shop stands in a query.

`source` is the table and `sample` its fixed sample, for every connection; `counted`, the distinct values of one column
with the rows of each, is temporary, and so each connection's own.
"""

from __future__ import annotations

from typing import Final

DESCRIBE: Final = "select column_type from (describe select * from read_parquet({files}))"

SOURCE: Final = """
create or replace view source as
select file_index as file_, file_row_number as row_, {columns}
from read_parquet({files}) as t({aliases})
"""

SAMPLE: Final = """
create or replace table sample as
select *
from ({parts})
where hash(file_, row_) % {step} = 0
"""

SAMPLE_PART: Final = """
select {place} as file_, file_row_number as row_, {columns}
from read_parquet({file}) as t({aliases})
where file_row_number between {first} and {last}
"""

NO_SAMPLE: Final = "select file_, row_, {columns} from source"

FREQUENCIES: Final = """
select count(*), count(*) filter (n = 1), count(*) filter (n = 2), coalesce(max(n), 0)
from (select count(*) as n from sample where {column} is not null group by {column})
"""

COUNTED: Final = """
create or replace temp table counted as
select {value} as value, count(*) as n
from source
where {value} is not null
group by all
"""

COUNTED_TOTALS: Final = """
select count(*), coalesce(sum(n), 0)::bigint, coalesce(max(n), 0), min(value)::varchar, max(value)::varchar
from counted
"""

COUNTED_RANGE: Final = "select min(value)::varchar, max(value)::varchar from counted where isfinite(value::double)"

COUNTED_TOP: Final = """
select value::varchar, n
from counted
order by n desc, value
limit {limit}
"""

COUNTED_NUMBERS: Final = """
select value::double as value, sum(n)::bigint as n
from counted
where isfinite(value::double)
group by all
order by all
"""

SAMPLED_NUMBERS: Final = """
select {column}::double as value, count(*) as n
from sample
where isfinite({column}::double)
group by all
order by all
"""

COUNTED_DAYS: Final = """
select {day} as day, sum(n)::bigint as n
from counted
where isfinite(value)
group by all
order by all
"""

COUNTED_LENGTHS: Final = """
select
  min(length(value)),
  max(length(value)),
  sum(length(value) * n)::bigint,
  coalesce(sum(n) filter (value = ''), 0)::bigint
from counted
"""

COUNTED_TEXTS: Final = """
select left(value, {characters})
from counted
where value <> ''
order by hash(value), value
limit {limit}
"""

SAMPLE_TEXTS: Final = """
select left(value, {characters})
from (select distinct {column} as value from sample where {column} <> '')
order by hash(value), value
limit {limit}
"""

TEXT_TOTALS: Final = """
select
  count({column}),
  approx_count_distinct({column}),
  min(length({column})),
  max(length({column})),
  sum(length({column}))::bigint
from source
"""

RANGE: Final = "select min({column}), max({column}) from source"

EMPTY: Final = "select count(*) from source where {column} = ''"

TOTALS: Final = "select count({column}), approx_count_distinct({column}) from source"

NUMBER_RANGE: Final = """
select low::varchar, high::varchar, low::double, high::double
from (select min({column}) as low, max({column}) as high from source {where})
"""

TIME_RANGE: Final = """
select epoch_us(low), epoch_us(high)
from (select min({column}) as low, max({column}) as high from source {where})
"""

FINITE: Final = "where isfinite({column})"
"""Without this, a range comes from the statistics of the file and needs no scan."""

DAY: Final = (
    "(case when epoch_us({value}) < 0 then (epoch_us({value}) + 1) // {day} - 1 else epoch_us({value}) // {day} end)"
)
"""Days since 1970; integer division goes towards zero, and days before 1970 do not."""

SINCE_1970: Final = "epoch_us({value}) // {day}"

TIME_TOTALS: Final = """
select count({column}), approx_count_distinct({column}), histogram({day})
from source
"""
"""`epoch_us` of a time without end is null, and the histogram leaves it out."""

LIKELY_TOP: Final = """
create or replace temp table likely as
select {column} as value
from sample
where {column} is not null
group by all
having count(*) >= {seen}
order by count(*) desc, value
limit {limit}
"""

TOP_OF_LIKELY: Final = """
select {column}::varchar, count(*) as n
from source
where {column} in (select value from likely)
group by {column}
order by n desc, {column}
limit {limit}
"""

ELEMENTS: Final = """
select element, count(*) as n
from (select unnest({elements})::varchar as element from source)
where element is not null
group by element
order by n desc, element
limit {limit}
"""

DISTINCT_ELEMENTS: Final = """
select count(distinct element) from (select unnest({elements})::varchar as element from source)
"""

DISTINCT: Final = "select count(distinct {column}) from source"

APPROXIMATE_DISTINCT: Final = "select approx_count_distinct({column}) from source"

CORRELATED: Final = """
select {columns}
from (select *, row_number() over (order by hash(file_, row_, 1), file_, row_) as place from sample)
where place <= {limit}
order by file_, row_
"""

NEARBY_REPEATS: Final = "select count(*) > count(distinct {column}) from ({parts})"

SUBSET: Final = """
create or replace temp table subset as
select {columns}
from source
where hash({lead}) % {part} = 0
"""

SUBSET_REPEATS: Final = "select count(*) > count(distinct hash({columns})) from subset"

SUBSET_TRULY_REPEATS: Final = "select count(*) > count(distinct ({columns})) from subset"

HASHES: Final = "select hash({columns}) as h from source where hash({columns}) % {parts} = {part}"

ALL_HASHES: Final = "select hash({columns}) as h from source"

REPEATS_OF_HASHES: Final = """
select count(*) > count(distinct ({columns}))
from source
where hash({columns}) in (select unnest(?::ubigint[]))
"""

VALUES: Final = """
create or replace temp table {name} as
select {text} as value, sum(n)::bigint as n
from (select {column} as value, count(*) as n from source where {column} is not null group by all)
group by all
"""

WHOLE_NUMBER: Final = """
coalesce(case when value = trunc(value) then try_cast(value as hugeint)::varchar end, value::varchar)
"""
"""The text of a number that may be written with a point: `17850.0` is `17850`."""

SHARE_OF_SAMPLE: Final = """
select count(*) filter (value in (select value from {parent})) / count(*)
from (select value from {child} order by hash(value), value limit {limit})
where regexp_matches(value, '[^0-9]')
"""

MATCHES: Final = """
select
  coalesce(sum(child.n) filter (parent.value is not null), 0)::bigint,
  count(*) filter (parent.value is null),
  count(parent.value)
from {child} as child
left join {parent} as parent on child.value = parent.value
"""

ORPHANS: Final = """
select child.value, child.n as rows
from {child} as child
anti join {parent} as parent on child.value = parent.value
order by child.n desc, child.value
"""
