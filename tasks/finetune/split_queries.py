"""The SQL of the split. DuckDB reads the events' files; everything after that is in its memory."""

from __future__ import annotations

from typing import Final

# Repeats of one product at one time are one choice.
CHOICES: Final = """
create table choices as
select user_id, product_id, "timestamp" as chosen_at, count(*) as weight
from read_parquet($files)
where list_contains($types, event_type) and user_id is not null and product_id is not null and "timestamp" is not null
  and ({rating} is null or $min_rating is null or {rating} >= $min_rating)
group by user_id, product_id, "timestamp"
"""

EVENT_TYPES: Final = """
select event_type, count(*) as events from read_parquet($files) group by event_type order by events desc
"""

MEDIAN_EVENTS: Final = """
select coalesce(median(events), 0) from (select user_id, count(*) as events from choices group by user_id)
"""

CUTOFFS: Final = """
select quantile_disc(chosen_at, $validation), quantile_disc(chosen_at, $test) from choices
"""

SPLIT_BY_CUTOFF: Final = """
create table labelled as
select *,
  case when chosen_at >= $test then 'test' when chosen_at >= $validation then 'validation' else 'train' end as split
from choices
"""

# Events at one time have no order of their own. Ordering them by a digest of user and product is the same every time
# and prefers no product; an order by product_id would always hold back the newest one.
SPLIT_BY_LAST: Final = """
create table labelled as
with ordered as (
  select *,
    row_number() over (
      partition by user_id order by chosen_at desc, md5(user_id || ' ' || product_id) desc, product_id desc
    ) as from_end,
    count(*) over (partition by user_id) as choices
  from choices
)
select user_id, product_id, chosen_at, weight,
  case
    when choices < $min_history + 2 or from_end > 2 then 'train'
    when from_end = 1 then 'test'
    else 'validation'
  end as split
from ordered
"""

INTERACTIONS: Final = """
create table interactions as
select
  user_id,
  product_id,
  max(chosen_at) as "timestamp",
  cast(sum(weight) as double) as weight,
  split,
  min(chosen_at) as first_at,
  count(distinct cast(chosen_at as date)) as days
from labelled
group by user_id, product_id, split
"""

ALL_INTERACTIONS: Final = """
select user_id, product_id, "timestamp", weight, split, first_at, days
from interactions
order by user_id, "timestamp", md5(user_id || ' ' || product_id), product_id, split
"""

SIZES: Final = """
select split, count(distinct user_id), cast(sum(weight) as bigint) from interactions group by split
"""

FIRST_HELD_OUT: Final = """
select split, min(first_at) from interactions where split <> 'train' group by split
"""

USERS_OUT_OF_ORDER: Final = """
with earlier as (
  select user_id, max("timestamp") as last_at from interactions where list_contains($earlier, split) group by user_id
), later as (
  select user_id, min(first_at) as first_at from interactions where split = $later group by user_id
)
select count(*) from earlier join later using (user_id) where last_at > first_at
"""

EVENTS_PAST: Final = """
select count(*) from labelled where list_contains($splits, split) and chosen_at >= $cutoff
"""

CHOICES_SPLIT_TWICE: Final = """
select count(*) from (
  select 1 from labelled group by user_id, product_id, chosen_at having count(distinct split) > 1
)
"""

TRAINING_SHARE_AFTER: Final = """
select coalesce(avg(case when chosen_at > $moment then 1.0 else 0.0 end), 0) from labelled where split = 'train'
"""
