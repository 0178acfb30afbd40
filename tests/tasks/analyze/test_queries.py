from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from tasks.analyze import queries
from tasks.analyze.config import AnalyzeConfig
from tasks.bounds import connect
from tests.builders import FIRST

CLUSTERS = pa.table({"product_id": ["a", "b", "c"], "name": ["pens", "pens", "paper"]})


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with connect(AnalyzeConfig(), tmp_path) as made:
        yield made


def found_for(
    connection: duckdb.DuckDBPyConnection,
    rows: list[tuple[str, int, str]],
    brands: dict[str, str],
    least: int = 1,
    kinds: list[str] | None = None,
) -> dict[tuple[str, str], dict[str, float]]:
    """The moves between brands by (origin, destination); a row is a user, an hour and a product."""
    when = pa.timestamp("us", tz="UTC")
    event = pa.table(
        {
            "user_id": [user for user, _, _ in rows],
            "timestamp": pa.array([FIRST + timedelta(hours=hour) for _, hour, _ in rows], when),
            "product_id": pa.array([product for _, _, product in rows], pa.string()),
            "event_type": kinds or ["view"] * len(rows),
        }
    )
    product = pa.table({"product_id": list(brands), "brand": list(brands.values())})
    connection.register("event", event)
    connection.register("product", product)
    attributes = queries.make_attributes(
        connection, {"product_id", "brand"}, set(event.column_names), CLUSTERS, bands=2
    )
    found = queries.associations(connection, attributes, min_support=least, most=100)
    return {(row["origin"], row["destination"]): row for row in found.to_pylist() if row["attribute"] == "brand"}


BRANDS = {"a": "A", "b": "B", "c": "C"}
# Moves of brands: A to B three times, A to C once, B to C once, B to A once: six in all.
MOVES = [
    *[("u1", 0, "a"), ("u1", 1, "b"), ("u1", 2, "c")],
    *[("u2", 0, "a"), ("u2", 1, "b"), ("u2", 2, "a")],
    *[("u3", 0, "a"), ("u3", 1, "b")],
    *[("u4", 0, "a"), ("u4", 1, "c")],
]


def test_support_confidence_and_lift_are_those_counted_by_hand(connection: duckdb.DuckDBPyConnection) -> None:
    found = found_for(connection, MOVES, BRANDS)
    assert {pair: row["support"] for pair, row in found.items()} == {
        ("A", "B"): 3,
        ("A", "C"): 1,
        ("B", "C"): 1,
        ("B", "A"): 1,
    }
    ab = found["A", "B"]
    assert ab["support_share"] == pytest.approx(3 / 6)
    assert ab["confidence"] == pytest.approx(3 / 4), "three of the four moves from A"
    assert ab["lift"] == pytest.approx((3 / 4) / (3 / 6)), "three of all six moves lead to B"
    assert found["B", "C"]["lift"] == pytest.approx((1 / 2) / (2 / 6))


def test_pairs_with_less_than_the_asked_support_are_left_out_but_still_counted(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    found = found_for(connection, MOVES, BRANDS, least=2)
    assert set(found) == {("A", "B")}
    assert found["A", "B"]["confidence"] == pytest.approx(3 / 4)


def test_what_is_done_at_one_moment_is_no_move(connection: duckdb.DuckDBPyConnection) -> None:
    rows = [("u1", 0, "a"), ("u1", 0, "b"), ("u1", 5, "c")]
    found = found_for(connection, rows, BRANDS)
    assert set(found) == {("A", "C"), ("B", "C")}


def test_a_value_that_is_twice_at_one_stop_counts_once(connection: duckdb.DuckDBPyConnection) -> None:
    rows = [("u1", 0, "a"), ("u1", 0, "b"), ("u1", 1, "c")]
    found = found_for(connection, rows, {"a": "A", "b": "A", "c": "C"})
    assert {pair: row["support"] for pair, row in found.items()} == {("A", "C"): 1}


def test_one_user_does_not_move_to_another(connection: duckdb.DuckDBPyConnection) -> None:
    assert found_for(connection, [("u1", 0, "a"), ("u2", 1, "b")], BRANDS) == {}


def test_price_bands_hold_as_many_products_each(connection: duckdb.DuckDBPyConnection) -> None:
    price = pa.table({"product_id": ["a", "b", "c", "d"], "price": [1.0, 2.0, 10.0, 20.0]})
    connection.register("product", price)
    connection.register("event", pa.table({"product_id": ["a"]}))
    names = queries.make_attributes(connection, {"product_id", "price"}, {"product_id"}, CLUSTERS, bands=2)
    assert names == ["cluster", "price band"]
    rows = connection.execute("select product_id, value from attribute where attribute = 'price band'").fetchall()
    low, high = "1.00 to 2.00", "10.00 to 20.00"
    assert dict(rows) == {"a": low, "b": low, "c": high, "d": high}


def test_a_cluster_is_worth_its_purchases_alone(connection: duckdb.DuckDBPyConnection) -> None:
    kinds = ["view", "purchase", "purchase", "view"]
    event = pa.table({"product_id": ["a", "a", "b", "c"], "event_type": kinds, "price": [9.0, 2.0, 3.0, 4.0]})
    connection.register("event", event)
    members = pa.table({"product_id": ["a", "b", "c"], "cluster_id": [0, 0, 1]})
    assert queries.cluster_values(connection, members, events={"price"}) == {0: (3, 5.0), 1: (1, None)}
    assert queries.cluster_values(connection, members, events=set()) == {0: (3, None), 1: (1, None)}


def test_a_purchase_is_worth_its_price_times_its_quantity_and_an_unknown_quantity_is_one(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    bought = {"product_id": ["a", "b", "c"], "event_type": ["purchase"] * 3, "price": [2.0, 3.0, 4.0]}
    connection.register("event", pa.table({**bought, "quantity": pa.array([5.0, None, 2.0], pa.float64())}))
    members = pa.table({"product_id": ["a", "b", "c"], "cluster_id": [0, 0, 1]})
    found = queries.cluster_values(connection, members, events={"price", "quantity"})
    assert found == {0: (2, 13.0), 1: (1, 8.0)}


def test_lift_over_stops_of_several_products_is_a_share_of_moves_not_of_pairs(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    # Three moves: {A, B} to {C}, {A} to {C}, {B} to {A}. C is where two of three lead.
    rows = [
        ("u1", 0, "a"),
        ("u1", 0, "b"),
        ("u1", 1, "c"),
        ("u2", 0, "a"),
        ("u2", 1, "c"),
        ("u3", 0, "b"),
        ("u3", 1, "a"),
    ]
    found = found_for(connection, rows, BRANDS)
    assert found["A", "C"]["support_share"] == pytest.approx(2 / 3)
    assert found["A", "C"]["confidence"] == pytest.approx(1), "both moves from A lead to C"
    assert found["A", "C"]["lift"] == pytest.approx(1 / (2 / 3))
    assert found["B", "C"]["lift"] == pytest.approx((1 / 2) / (2 / 3))


@pytest.mark.parametrize("kind", queries.NOT_TAKEN_UP)
def test_an_event_by_which_nothing_is_taken_up_is_no_stop(connection: duckdb.DuckDBPyConnection, kind: str) -> None:
    rows = [("u1", 0, "a"), ("u1", 1, "b"), ("u1", 2, "c")]
    assert set(found_for(connection, rows, BRANDS, kinds=["view", kind, "cart"])) == {("A", "C")}


def test_rows_come_by_lift_and_the_pairs_with_the_most_evidence_are_kept(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    found_for(connection, MOVES, BRANDS)
    connection.execute("drop table stop")
    rows = queries.associations(connection, ["brand"], min_support=1, most=2).to_pylist()
    assert [(row["origin"], row["destination"]) for row in rows] == [("B", "A"), ("A", "B")]
    assert rows[0]["lift"] > rows[1]["lift"]
    connection.execute("drop table stop")
    (row,) = queries.associations(connection, ["brand"], min_support=1, most=1).to_pylist()
    assert (row["origin"], row["destination"]) == ("A", "B"), "three moves tell more than one of a larger lift"


def test_one_price_is_never_in_two_bands(connection: duckdb.DuckDBPyConnection) -> None:
    price = pa.table({"product_id": list("abcdef"), "price": [1.0, 1.0, 1.0, 1.0, 5.0, 9.0]})
    connection.register("product", price)
    connection.register("event", pa.table({"product_id": ["a"]}))
    queries.make_attributes(connection, {"product_id", "price"}, {"product_id"}, CLUSTERS, bands=3)
    rows = connection.execute("select product_id, value from attribute where attribute = 'price band'").fetchall()
    bands = dict(rows)
    assert len({bands[product] for product in "abcd"}) == 1
    assert len(set(bands.values())) == 2


def test_a_product_without_a_price_has_the_median_of_what_was_paid(connection: duckdb.DuckDBPyConnection) -> None:
    connection.register("product", pa.table({"product_id": ["a", "b"], "price": pa.array([1.0, None], pa.float64())}))
    connection.register("event", pa.table({"product_id": ["a", "b", "b", "b"], "price": [7.0, 2.0, 3.0, 90.0]}))
    both = {"product_id", "price"}
    queries.make_attributes(connection, both, both, CLUSTERS, bands=2)
    rows = connection.execute("select product_id, value from attribute where attribute = 'price band'").fetchall()
    assert dict(rows) == {"a": "1.00 to 1.00", "b": "3.00 to 3.00"}


def test_categories_are_the_first_step_and_the_whole_path(connection: duckdb.DuckDBPyConnection) -> None:
    paths = [["office", "pens"], ["office", "paper"], ["home"]]
    connection.register("product", pa.table({"product_id": ["a", "b", "c"], "category": paths}))
    connection.register("event", pa.table({"product_id": ["a"]}))
    names = queries.make_attributes(connection, {"category"}, set(), CLUSTERS, bands=2)
    assert names == ["category", "cluster", "subcategory"]
    rows = connection.execute("select * from attribute where attribute like '%category' order by all").fetchall()
    assert rows == [
        ("a", "category", "office"),
        ("a", "subcategory", "office > pens"),
        ("b", "category", "office"),
        ("b", "subcategory", "office > paper"),
        ("c", "category", "home"),
    ]


def test_only_the_wanted_attributes_are_counted(connection: duckdb.DuckDBPyConnection) -> None:
    connection.register("product", pa.table({"product_id": ["a", "b"], "brand": ["A", "B"]}))
    connection.register("event", pa.table({"product_id": ["a"]}))
    names = queries.make_attributes(connection, {"brand"}, set(), CLUSTERS, bands=2, wanted=["brand"])
    assert names == ["brand"]
