from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tasks.analyze.clusters import cluster_count, cluster_table, clustered
from tasks.analyze.config import AnalyzeConfig
from tasks.errors import TooLittleDataError

CONFIG = AnalyzeConfig(clusters=2, device="cpu")
MEMBERS = pa.table({"product_id": list("abc"), "cluster_id": [0, 0, 2], "similarity": [1.0, 1.0, 1.0]})
WORDS = [["pens"], ["none"], ["pens"]]


@pytest.mark.parametrize(
    ("texts", "wanted", "expected"),
    [(20_000, None, 100), (10**9, None, 256), (3, None, 2), (1, None, 1), (5, 400, 5), (500, 400, 400), (10, 1, 1)],
)
def test_clusters_are_as_many_as_wanted_or_by_the_root_of_half_the_texts(
    texts: int, wanted: int | None, expected: int
) -> None:
    assert cluster_count(texts, wanted) == expected


def test_equal_texts_count_once_for_the_centres_and_stay_together() -> None:
    titles = ["gel pen"] * 50 + ["copy paper", "stapler"]
    vectors = np.array([[1, 0, 0]] * 50 + [[0, 1, 0], [0, 0.9, 0.436]], np.float32)
    products = pa.table({"product_id": [f"p{row}" for row in range(52)], "title": titles})
    members, words = clustered(products, vectors, CONFIG)
    labels = members["cluster_id"].to_pylist()
    assert set(labels[:50]) == {0}, "the largest cluster is the first"
    assert set(labels[50:]) == {1}
    assert words[0] == ["gel pen"] or set(words[0]) == {"gel", "pen"}


def test_names_are_made_of_titles_and_categories_not_of_descriptions() -> None:
    products = pa.table(
        {
            "product_id": ["a", "b"],
            "title": ["gel pen", "gel pen fine"],
            "category": [["office"], ["office"]],
            "description": ["a marvel", "a marvel"],
        }
    )
    _, (words,) = clustered(products, np.eye(2, dtype=np.float32), AnalyzeConfig(clusters=1, device="cpu"))
    said = " ".join(words)
    assert "marvel" not in said
    assert "gel" in said
    assert "office" in said


def test_without_any_vector_there_is_nothing_to_cluster() -> None:
    products = pa.table({"product_id": ["a"], "title": ["pen"]})
    with pytest.raises(TooLittleDataError, match="needs at least one product with a vector"):
        clustered(products, np.zeros((1, 3), np.float32), CONFIG)


def test_clusters_without_products_are_left_out_and_names_are_distinct() -> None:
    table = cluster_table(MEMBERS, WORDS, {0: (6, 30.0), 2: (2, 10.0)}).to_pylist()
    assert [(row["cluster_id"], row["name"], row["size"]) for row in table] == [(0, "pens", 2), (2, "pens (2)", 1)]
    assert [row["event_share"] for row in table] == pytest.approx([0.75, 0.25])
    assert [row["revenue_share"] for row in table] == pytest.approx([0.75, 0.25])


def test_revenue_is_null_without_prices_and_zero_where_nothing_was_sold() -> None:
    unpriced = cluster_table(MEMBERS, WORDS, {0: (6, None), 2: (2, None)})
    assert unpriced["revenue_share"].to_pylist() == [None, None]
    assert unpriced["event_share"].to_pylist() == pytest.approx([0.75, 0.25])
    assert cluster_table(MEMBERS, WORDS, {0: (6, 30.0)})["revenue_share"].to_pylist() == [1.0, 0.0]
