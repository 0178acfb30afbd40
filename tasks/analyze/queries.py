"""Asks DuckDB what users move between, and what clusters are worth. Views: `product`, `event`, `member`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from tasks.analyze.config import ALL_ATTRIBUTES, Attribute
from tasks.schemas import literal

NOT_TAKEN_UP: Final = ("impression", "search", "return")
"""Events by which a user does not turn to a product."""

CATEGORIES: Final = """
insert into attribute select product_id, 'category', trim(category[1]) from product where len(category) > 0
"""
SUBCATEGORIES: Final = """
insert into attribute
select product_id, 'subcategory', array_to_string(category, ' > ') from product where len(category) > 1
"""
BRANDS: Final = """
insert into attribute select product_id, 'brand', trim(brand) from product where trim(brand) <> ''
"""
CLUSTERS: Final = """
insert into attribute select product_id, 'cluster', name from member
"""
PAID: Final = """
select product_id, median(price) as price from event where price > 0 group by product_id
"""
PRICE_OR_PAID: Final = f"""
select product.product_id, coalesce(product.price, paid.price) as price
from product left join ({PAID}) paid using (product_id)
"""
PRICE_BANDS: Final = """
insert into attribute
with priced as (
  select product_id, price from ({price}) where price > 0
),
edge as (
  select unnest(list_distinct(quantile_disc(price, $shares))) as high from priced
),
banded as (
  select product_id, price, (select count(*) from edge where edge.high < priced.price) as band from priced
),
named as (
  select band, printf('%.2f to %.2f', min(price), max(price)) as value from banded group by band
)
select product_id, 'price band', value from banded join named using (band)
"""
STOPS: Final = """
create temp table stop as
with taken_up as (
  select distinct user_id, timestamp, product_id from event
  where event_type not in $not_taken_up and product_id is not null and timestamp is not null
),
placed as (
  select
    user_id, timestamp,
    row_number() over (order by user_id, timestamp) + dense_rank() over (order by user_id) as stop
  from taken_up group by user_id, timestamp
)
select placed.stop, taken_up.product_id from taken_up join placed using (user_id, timestamp)
"""
ASSOCIATIONS: Final = """
with word as (
  select value, (row_number() over (order by value))::integer as id
  from attribute where attribute.attribute = $attribute group by value
),
valued as (
  select distinct stop.stop, word.id
  from stop join attribute using (product_id) join word using (value) where attribute.attribute = $attribute
),
place as (select distinct stop from valued),
move as (select a.stop from place a semi join place b on b.stop = a.stop + 1),
whole as (select count(*) as moves from move),
leaving as (
  select valued.id, count(*) as moves from valued semi join move on move.stop = valued.stop group by all
),
arriving as (
  select valued.id, count(*) as moves from valued semi join move on move.stop = valued.stop - 1 group by all
),
pair as (
  select a.id as origin, b.id as destination, count(*) as support
  from valued a join valued b on b.stop = a.stop + 1 group by all having support >= $min_support
),
weighed as (
  select
    origin, destination, support,
    support / whole.moves as support_share,
    support / leaving.moves as confidence,
    (support / leaving.moves) / (arriving.moves / whole.moves) as lift
  from pair
  join leaving on leaving.id = origin
  join arriving on arriving.id = destination
  cross join whole
),
kept as (
  select * from weighed order by support * ln(lift) desc, origin, destination limit $most
)
select $attribute as attribute, a.value, b.value, support::bigint, support_share, confidence, lift
from kept join word a on a.id = origin join word b on b.id = destination
order by lift desc, support desc, origin, destination
"""
ATTRIBUTES: Final = """
select attribute from attribute group by attribute having count(distinct value) > 1 order by attribute
"""
CLUSTER_VALUE: Final = """
select member.cluster_id, count(*) as events, sum({paid}) filter (event.event_type = 'purchase') as revenue
from member join event using (product_id) group by member.cluster_id
"""
SCHEMA: Final = pa.schema(
    {
        "attribute": pa.string(),
        "origin": pa.string(),
        "destination": pa.string(),
        "support": pa.int64(),
        "support_share": pa.float64(),
        "confidence": pa.float64(),
        "lift": pa.float64(),
    }
)


def view(connection: duckdb.DuckDBPyConnection, name: str, files: Sequence[Path]) -> set[str]:
    """Make parquet files a view, and return its columns."""
    listed = ", ".join(literal(str(file)) for file in files)
    connection.execute(f"create view {name} as select * from read_parquet([{listed}], union_by_name=true)")
    return {row[0] for row in connection.execute(f"describe {name}").fetchall()}


def cluster_values(
    connection: duckdb.DuckDBPyConnection, members: pa.Table, *, events: set[str]
) -> dict[int, tuple[int, float | None]]:
    """Return each cluster's events, and what was paid for its purchases; None where nothing was, or is known.

    Args:
        connection: From `connected`, with the view `event`.
        members: product_id and cluster_id.
        events: Columns of events.
    """
    connection.register("member", members)
    price = "event.price" if "price" in events else "null::double"
    quantity = "coalesce(event.quantity, 1)" if "quantity" in events else "1"
    rows = connection.execute(CLUSTER_VALUE.format(paid=f"{price} * {quantity}")).fetchall()
    return {cluster: (events, revenue) for cluster, events, revenue in rows}


def make_attributes(
    connection: duckdb.DuckDBPyConnection,
    products: set[str],
    events: set[str],
    members: pa.Table,
    *,
    bands: int,
    wanted: Sequence[Attribute] = ALL_ATTRIBUTES,
) -> list[Attribute]:
    """Fill the table `attribute` with what products have, and return those attributes that have several values.

    A category is the first step of a path, a subcategory the whole path. A price band holds about as many products as
    the next and never parts one price; a product without a price has the median of what was paid for it.

    Args:
        connection: From `connected`, with the views `product` and `event`.
        products: Columns of products.
        events: Columns of events.
        members: product_id and name of its cluster.
        bands: Number of price bands.
        wanted: Attributes, as far as products have them.
    """
    connection.register("member", members)
    connection.execute("create temp table attribute (product_id varchar, attribute varchar, value varchar)")
    sources: dict[Attribute, str | None] = {
        "category": CATEGORIES if "category" in products else None,
        "subcategory": SUBCATEGORIES if "category" in products else None,
        "brand": BRANDS if "brand" in products else None,
        "cluster": CLUSTERS,
    }
    for name in wanted:
        if (query := sources.get(name)) is not None:
            connection.execute(query)
    price = _price(products, events)
    if "price band" in wanted and price is not None:
        shares = [band / bands for band in range(1, bands)]
        connection.execute(PRICE_BANDS.format(price=price), {"shares": shares})
    return [name for (name,) in connection.execute(ATTRIBUTES).fetchall()]


def associations(
    connection: duckdb.DuckDBPyConnection, attributes: Sequence[Attribute], *, min_support: int, most: int
) -> pa.Table:
    """Return what users move between, per attribute; the largest lift first.

    What a user took up at one time is a stop, and a move leads from each stop to the user's next. `support` counts the
    moves from a stop with the origin to one with the destination, `confidence` is their share of the moves from the
    origin, and `lift` that share over the share of all moves that lead to the destination (Brin et al., Dynamic itemset
    counting, 1997). Of many pairs those with the most evidence, support x ln(lift), are kept.

    Args:
        connection: From `connected`, with the view `event` and the table `attribute`.
        attributes: Which.
        min_support: Fewest moves of a pair.
        most: Most pairs of an attribute.
    """
    connection.execute(STOPS, {"not_taken_up": list(NOT_TAKEN_UP)})
    rows = [
        row
        for name in attributes
        for row in connection.execute(
            ASSOCIATIONS, {"attribute": name, "min_support": min_support, "most": most}
        ).fetchall()
    ]
    return pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], schema=SCHEMA)


def _price(products: set[str], events: set[str]) -> str | None:
    if "price" in events:
        return PRICE_OR_PAID if "price" in products else PAID
    return "select product_id, price from product" if "price" in products else None
