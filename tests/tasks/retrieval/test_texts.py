from __future__ import annotations

import pyarrow as pa

from tasks.retrieval.texts import product_text
from tests.builders import make_products


def test_a_passage_names_title_brand_category_and_description_in_this_order() -> None:
    products = pa.table(
        {
            "product_id": ["p"],
            "description": ["Writes for years."],
            "category": pa.array([["office", "writing"]], pa.list_(pa.string())),
            "brand": ["Muji"],
            "title": ["Fine pen"],
        }
    )

    assert product_text(products) == ["Fine pen. Muji. office. writing. Writes for years."]


def test_what_the_title_says_already_is_not_said_again() -> None:
    products = pa.table(
        {
            "title": ["Muji office pen"],
            "brand": ["MUJI"],
            "category": pa.array([["Office", "Writing", "Writing"]], pa.list_(pa.string())),
        }
    )

    assert product_text(products) == ["Muji office pen. Writing"]


def test_missing_values_and_missing_columns_are_left_out() -> None:
    products = pa.table(
        {
            "title": ["Pen", None, "  "],
            "brand": pa.array([None, "Muji", None], pa.string()),
            "category": pa.array([None, [None, "office"], []], pa.list_(pa.string())),
        }
    )

    assert product_text(products) == ["Pen", "Muji. office", ""]
    assert product_text(pa.table({"title": ["Pen"]})) == ["Pen"]


def test_white_space_of_any_kind_is_one_space() -> None:
    assert product_text(pa.table({"title": [" a\n\tb  c "]})) == ["a b c"]


def test_there_is_one_passage_per_product_in_any_language() -> None:
    assert product_text(make_products(2, language="zh")) == [
        "红色 钢笔 0. brand0. office",
        "蓝色 纸张 1. brand1. office",
    ]
