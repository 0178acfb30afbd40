from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.register.serving import RecommenderModel


@pytest.fixture(scope="module")
def model(recommender_files: Path) -> RecommenderModel:
    model = RecommenderModel()
    model.load_context(SimpleNamespace(artifacts={"recommender": str(recommender_files)}))
    return model


def ask(model: RecommenderModel, *rows: dict[str, Any]) -> list[list[dict[str, Any]]]:
    found: list[list[dict[str, Any]]] = model.predict(None, pd.DataFrame(list(rows)))["results"].tolist()
    return found


def test_one_table_asks_both_kinds_of_questions(model: RecommenderModel) -> None:
    recommended, searched = ask(
        model,
        {"task": "recommend", "user_id": "u0", "k": 2},
        {"task": "search", "query": "iron pan", "k": 1},
    )
    assert [item["product_id"] for item in recommended] == ["paper"]
    assert searched[0]["product_id"] == "pan"
    assert searched[0].keys() == {"product_id", "title", "score", "reasons"}
    assert searched[0]["reasons"] == ["its title has “iron pan”"]


@pytest.mark.parametrize("history", [["pen"], '["pen"]', np.array(["pen"], object), ("pen",)])
def test_a_history_is_a_list_or_the_same_as_json(model: RecommenderModel, history: object) -> None:
    (found,) = ask(model, {"task": "recommend", "history": history, "k": 1})
    assert [item["product_id"] for item in found] == ["ink"]


@pytest.mark.parametrize("history", [[], "[]", ""])
def test_who_is_unknown_gets_what_is_popular(model: RecommenderModel, history: object) -> None:
    (found,) = ask(model, {"task": "recommend", "history": history})
    assert {reason for item in found for reason in item["reasons"]} == {"popular"}


def test_ten_are_answered_where_nobody_says_how_many(model: RecommenderModel) -> None:
    first, second = ask(
        model, {"task": "search", "query": "pen", "k": 1}, {"task": "search", "query": "pen", "k": float("nan")}
    )
    assert len(first) == 1
    assert len(second) == 4, "there are but four products"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"task": "buy"}, r"Row 1: `task` is one of \['recommend', 'search'\], not 'buy'"),
        ({"task": None, "user_id": "u0"}, "Row 1: `task` is one of"),
        ({"task": "search"}, "Row 1: a search needs words in `query`"),
        ({"task": "search", "query": "  "}, "Row 1: a search needs words"),
        ({"task": "search", "query": 7}, "Row 1: a search needs words"),
        ({"task": "recommend"}, "Row 1: a recommendation needs `user_id` or `history`"),
        ({"task": "recommend", "user_id": 7}, "Row 1: `user_id` is a text, not 7"),
        ({"task": "recommend", "history": "pen"}, "Row 1: `history` is a list of product ids"),
        ({"task": "recommend", "history": [1]}, "Row 1: `history` is a list of product ids"),
        ({"task": "recommend", "history": '{"pen": 1}'}, "Row 1: `history` is a list of product ids"),
        ({"task": "recommend", "user_id": "u0", "k": 0}, "Row 1: `k` is a whole number from 1 to 1000, not 0"),
        ({"task": "recommend", "user_id": "u0", "k": 1.5}, "Row 1: `k` is a whole number"),
        ({"task": "recommend", "user_id": "u0", "k": float("inf")}, "Row 1: `k` is a whole number"),
        ({"task": "recommend", "user_id": "u0", "k": True}, "Row 1: `k` is a whole number"),
        ({"task": "recommend", "user_id": "u0", "k": "3"}, "Row 1: `k` is a whole number"),
        ({"task": "search", "qeury": "pen"}, r"Unknown columns \['qeury'\]"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_row(model: RecommenderModel, row: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ask(model, {"task": "search", "query": "pen"}, row)
