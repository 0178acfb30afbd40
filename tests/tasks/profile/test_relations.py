from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from tasks.assets.reports import Relationship
from tasks.profile.config import ProfileConfig
from tasks.profile.relations import Related, relate_tables
from tests.tasks.profile.test_table import CONFIG, describe, write


def relate(folder: Path, config: ProfileConfig = CONFIG, **tables: Mapping[str, Any]) -> tuple[Relationship, ...]:
    return related(folder, config, **tables).report.relationships


def related(folder: Path, config: ProfileConfig = CONFIG, **tables: Mapping[str, Any]) -> Related:
    files, profiles = {}, []
    for name, columns in tables.items():
        (folder / name).mkdir(exist_ok=True)
        files[name] = write(folder / name, pa.table(columns))
        profiles.append(describe(folder / name, pa.table(columns), config, name))
    return relate_tables(files, profiles, config, folder=folder / "out", spill=folder / "spill")


def names(found: tuple[Relationship, ...]) -> list[tuple[str, str, str, str]]:
    return [(item.child_table, item.child_column, item.parent_table, item.parent_column) for item in found]


def test_match_rate_orphans_and_coverage_are_exact(tmp_path: Path) -> None:
    (found,) = relate(
        tmp_path,
        products={"product_id": ["p1", "p2", "p3", "p4"]},
        events={"product_id": ["p1", "p1", "p2", "gone", "gone", None]},
    )
    assert found == Relationship(
        child_table="events", child_column="product_id", parent_table="products", parent_column="product_id",
        rows=5, matched_rows=3, match_rate=0.6, orphan_values=1, coverage=0.5,
    )  # fmt: skip


def test_numbers_and_texts_are_compared_as_text(tmp_path: Path) -> None:
    found = relate(
        tmp_path,
        products={"product_id": ["17850", "17851"]},
        promotions={"product_id": [17850, 17850, 17851]},
        coupons={"product_id": [17850.0, 1.5, None]},
    )
    assert [(item.child_table, item.matched_rows, item.rows) for item in found] == [
        ("coupons", 1, 2),
        ("promotions", 3, 3),
    ]


def test_a_number_too_large_for_whole_numbers_matches_nothing(tmp_path: Path) -> None:
    (found,) = relate(tmp_path, coupons={"code": [1, 2, 3]}, uses={"coupon_code": [1.0, 2.0, 1e40, float("inf")]})
    assert (found.matched_rows, found.rows, found.orphan_values) == (2, 4, 2)


def test_a_key_may_be_named_after_its_table(tmp_path: Path) -> None:
    found = relate(tmp_path, stores={"id": [1, 2]}, sales={"store_id": [1, 1, 2], "id": [1, 1, 2]})
    assert names(found) == [("sales", "store_id", "stores", "id")]


def test_counters_of_different_things_are_not_linked(tmp_path: Path) -> None:
    numbers = list(range(100))
    assert relate(tmp_path, a={"order_id": numbers}, b={"ticket_id": numbers}) == ()


def test_columns_of_other_names_are_linked_by_values_that_are_words(tmp_path: Path) -> None:
    words = [f"B00{i}X" for i in range(50)]
    found = relate(tmp_path, products={"product_id": words}, stock={"asin": words[:40] * 2})
    assert names(found) == [("stock", "asin", "products", "product_id")]
    few = relate(tmp_path, products={"product_id": words}, stock={"asin": ["B000X", "B001X"]})
    assert few == ()
    other = relate(tmp_path, products={"product_id": words}, stock={"asin": [f"C{i}" for i in range(50)]})
    assert other == ()


def test_what_the_canonical_tables_declare_is_told_whatever_matches(tmp_path: Path) -> None:
    products = {"product_id": ["a", "b"]}
    (found,) = relate(tmp_path, products=products, events={"product_id": ["x", "y", "x"]})
    assert (found.match_rate, found.orphan_values) == (0.0, 2)
    assert relate(tmp_path, products=products, mine={"product_id": ["x", "y", "x"]}) == ()


def test_of_two_keys_with_the_same_values_the_canonical_table_is_the_parent(tmp_path: Path) -> None:
    ids = {"user_id": ["a", "b"]}
    assert names(relate(tmp_path, users=ids, households=ids)) == [("households", "user_id", "users", "user_id")]
    assert names(relate(tmp_path, beta=ids, alpha=ids)) == [("beta", "user_id", "alpha", "user_id")]


def test_a_column_that_is_no_key_is_no_parent(tmp_path: Path) -> None:
    assert relate(tmp_path, a={"x_id": [1, 1, 2]}, b={"x_id": [1, 2, 2]}) == ()


def test_a_column_without_values_points_nowhere(tmp_path: Path) -> None:
    empty = {"product_id": pa.array([None, None], pa.string())}
    assert relate(tmp_path, products={"product_id": ["a", "b"]}, events=empty) == ()


def test_tables_without_identifiers_are_not_related(tmp_path: Path) -> None:
    assert relate(tmp_path, a={"title": ["x", "y"]}, b={"title": ["x", "y"]}) == ()


def test_rows_with_orphans_are_told_by_their_number_which_no_rounding_makes_all(tmp_path: Path) -> None:
    found = related(tmp_path, coupons={"code": [1, 2]}, uses={"coupon_code": [1] * 2999 + [3]})
    (finding,) = found.findings
    assert "in 2,999 of 3,000 rows; 1 of its values" in finding.message
    assert "%" not in finding.message
