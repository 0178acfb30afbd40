"""Asks DuckDB what users move between, and what clusters are worth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from tasks.analyze.config import AnalyzeConfig
from tasks.schemas import literal

MOVES: Final = """
create temp table move as
with stop as (
  select distinct user_id, timestamp, product_id from event where product_id is not null
),
basket as (
  select user_id, timestamp, dense_rank() over (partition by user_id order by timestamp) as place
  from stop group by user_id, timestamp
),
placed as (
  select stop.user_id, basket.place, stop.product_id from stop join basket using (user_id, timestamp)
)
select user_id, place, product_id from placed
"""

ASSOCIATIONS: Final = """
with value as (
  select distinct move.user_id, move.place, attribute.value
  from move join attribute using (product_id)
  where attribute.attribute = $attribute
),
step as (
  select a.value as origin, b.value as destination
  from value a join value b on a.user_id = b.user_id and b.place = a.place + 1
),
pair as (
  select origin, destination, count(*) as support from step group by origin, destination
),
leaving as (select origin, sum(support) as n from pair group by origin),
arriving as (select destination, sum(support) as n from pair group by destination),
whole as (select sum(support) as n from pair)
select
  $attribute as attribute, origin, destination, support::bigint as support,
  support / whole.n as support_share,
  support / leaving.n as confidence,
  (support / leaving.n) / (arriving.n / whole.n) as lift
from pair join leaving using (origin) join arriving using (destination), whole
where support >= $min_support
order by lift desc, support desc, origin, destination
limit $most
"""

CLUSTER_VALUE: Final = """
select
  cluster_id,
  count(*) as events,
  sum(event.price) filter (event.event_type = 'purchase') as revenue
from member join event using (product_id)
group by cluster_id
"""


@contextmanager
def connected(config: AnalyzeConfig, spill: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection in memory, bounded, in UTC."""
    connection = duckdb.connect(
        config={
            "memory_limit": config.memory_limit,
            "threads": config.threads,
            "temp_directory": str(spill),
        }
    )
    try:
        connection.execute("set timezone = 'UTC'")
        connection.execute("set enable_progress_bar = false")
        yield connection
    finally:
        connection.close()


def view(connection: duckdb.DuckDBPyConnection, name: str, files: Sequence[Path]) -> set[str]:
    """Make parquet files a view, and return its columns."""
    listed = ", ".join(literal(str(file)) for file in files)
    connection.execute(f"create view {name} as select * from read_parquet([{listed}], union_by_name=true)")
    return {row[0] for row in connection.execute(f"describe {name}").fetchall()}


def cluster_values(
    connection: duckdb.DuckDBPyConnection, members: pa.Table, *, has_price: bool
) -> dict[int, tuple[int, float | None]]:
    """Return each cluster's events, and what was paid for its purchases; the view `event` is there.

    Args:
        connection: From `connected`.
        members: product_id and cluster_id.
        has_price: Whether events have prices.
    """
    connection.register("member", members)
    query = CLUSTER_VALUE if has_price else CLUSTER_VALUE.replace("event.price", "null::double")
    rows = connection.execute(query).fetchall()
    return {
        int(cluster): (int(events), None if revenue is None else float(revenue)) for cluster, events, revenue in rows
    }


def make_attributes(
    connection: duckdb.DuckDBPyConnection, products: set[str], events: set[str], members: pa.Table, *, bands: int
) -> list[str]:
    """Fill the table `attribute` with what products have, and return the names; `product` and `event` are there.

    A category counts by its first step. A price band holds as many products as the next; a product without a price has
    the median of what was paid for it.
    """
    connection.execute("create temp table attribute (product_id varchar, attribute varchar, value varchar)")
    if "category" in products:
        connection.execute(
            "insert into attribute select product_id, 'category', category[1] from product where len(category) > 0 "
            "union all "
            "select product_id, 'subcategory', array_to_string(category, ' > ') from product where len(category) > 1"
        )
    if "brand" in products:
        connection.execute(
            "insert into attribute select product_id, 'brand', brand from product where brand is not null"
        )
    price = _price(products, events)
    if price is not None:
        connection.execute(
            f"insert into attribute with priced as (select product_id, price from ({price}) where price > 0), "
            f"banded as (select *, ntile({bands}) over (order by price, product_id) as band from priced), "
            "named as (select band, printf('%.2f to %.2f', min(price), max(price)) as value from banded group by band) "
            "select product_id, 'price band', value from banded join named using (band)"
        )
    connection.register("member_name", members)
    connection.execute("insert into attribute select product_id, 'cluster', name from member_name")
    rows = connection.execute(
        "select attribute from attribute group by attribute having count(distinct value) > 1 order by 1"
    ).fetchall()
    return [name for (name,) in rows]


def associations(
    connection: duckdb.DuckDBPyConnection, attributes: Sequence[str], *, min_support: int, most: int
) -> pa.Table:
    """Return what users move between, per attribute: from what they did at one time to what they did next.

    What a user did at one moment is one stop; a move leads from every value at a stop to every value at the next stop.
    `confidence` is the share of moves from the origin that lead to the destination, `lift` that share over the
    destination's share of all moves (Brin et al., Dynamic itemset counting, 1997).
    """
    connection.execute(MOVES)
    schema = pa.schema(
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
    rows = [
        dict(zip(schema.names, row, strict=True))
        for name in attributes
        for row in connection.execute(
            ASSOCIATIONS, {"attribute": name, "min_support": min_support, "most": most}
        ).fetchall()
    ]
    return pa.Table.from_pylist(rows, schema=schema)


def _price(products: set[str], events: set[str]) -> str | None:
    paid = "select product_id, median(price) as price from event where price is not null group by product_id"
    if "price" in products and "price" in events:
        return (
            f"select product.product_id, coalesce(product.price, paid.price) as price from product "
            f"left join ({paid}) paid using (product_id)"
        )
    if "price" in products:
        return "select product_id, price from product"
    return paid if "price" in events else None
