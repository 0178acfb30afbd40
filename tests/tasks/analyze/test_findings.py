from __future__ import annotations

import numpy as np
import pyarrow as pa

from tasks.analyze.duplicates import duplicate_groups
from tasks.analyze.findings import brands_of, duplicate_finding, duplicate_tables
from tasks.assets.manifest import Finding


def tables(titles: list[str]) -> tuple[pa.Table, pa.Table]:
    vectors = np.tile(np.array([1, 0], np.float32), (len(titles), 1))
    found = duplicate_groups(titles, [None] * len(titles), vectors, near=0.95, device="cpu")
    return duplicate_tables(found, [f"p{row}" for row in range(len(titles))], titles)


def findings(titles: list[str], products: int) -> list[Finding]:
    return list(duplicate_finding(*tables(titles), products=products))


def test_a_group_is_exact_where_all_its_titles_are_one() -> None:
    members, groups = tables(["Gel pen", "gel pen", "Ink", "Inks", "ink"])
    assert [(row["kind"], row["size"], row["text"]) for row in groups.to_pylist()] == [
        ("near", 3, "Ink"),
        ("exact", 2, "Gel pen"),
    ]
    assert members["product_id"].to_pylist() == ["p2", "p3", "p4", "p0", "p1"]
    assert members["kind"].to_pylist() == ["exact", "near", "exact", "exact", "exact"]


def test_a_product_that_stands_twice_is_a_warning_with_counts_and_keys() -> None:
    (finding,) = findings(["Gel pen", "gel pen", "Ink", "Inks"], products=100)
    assert (finding.severity, finding.count, finding.share) == ("warning", 4, 0.04)
    assert "2 groups" in finding.message
    assert "2 have the title of another, 2 nearly" in finding.message
    assert finding.examples == ("2 × Gel pen", "2 × Ink")
    assert finding.keys == "members.parquet"
    assert "Merge" in finding.action
    assert "nearly equal: look whether these are one product" in finding.action


def test_what_is_only_nearly_the_same_is_to_be_looked_at_and_what_is_the_same_to_be_merged() -> None:
    (near,) = findings(["Ink", "Inks"], products=100)
    assert near.action == "Look whether these are one product."
    (exact,) = findings(["Gel pen", "gel pen"], products=100)
    assert exact.action.startswith("Merge the ids")
    assert "Look" not in exact.action


def test_titles_that_name_kinds_are_not_called_products_twice() -> None:
    (finding,) = findings(["Cards"] * 40 + ["Beer 12 oz"] * 30, products=100)
    assert finding.severity == "info"
    assert "70 products have a title that others have too" in finding.message
    assert "up to 40 products one title" in finding.message
    assert "Merge" not in finding.action


def test_a_few_pairs_in_a_small_table_are_still_products_twice() -> None:
    (finding,) = findings(["Gel pen", "gel pen", "Ink"], products=3)
    assert finding.severity == "warning"


def test_nothing_twice_is_no_finding() -> None:
    assert findings(["Gel pen", "Stapler"], products=2) == []


def test_a_table_without_brands_has_none() -> None:
    assert brands_of(pa.table({"product_id": ["a", "b"]})) == [None, None]
    assert brands_of(pa.table({"product_id": ["a"], "brand": ["Bic"]})) == ["Bic"]
