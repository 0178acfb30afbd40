from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tasks.errors import DeviceError
from tasks.finetune.validation import Validation, validation_of
from tests.builders_behaviour import interactions_of

CATALOGUE = pa.array([f"p{i}" for i in range(10)])


def validation(most_users: int = 9, most_products: int = 9) -> Validation:
    rows = pa.concat_tables(
        [
            interactions_of([("a", "p0"), ("a", "p1"), ("b", "p2"), ("c", "p3")]),
            interactions_of([("a", "p4"), ("b", "p2"), ("c", "p5")], split="validation", first_day=99),
            interactions_of([("c", "p9")], split="test", first_day=199),
        ]
    )
    return validation_of(rows, CATALOGUE, most_users=most_users, most_products=most_products)


def test_users_without_a_new_product_are_not_asked() -> None:
    assert sorted(validation().histories.user_ids) == ["a", "c"]


def test_the_corpus_holds_every_history_and_target_and_is_filled_up() -> None:
    found = validation(most_products=9)
    assert len(found.products) == 9
    names = [f"p{position}" for position in found.products]
    assert {"p0", "p1", "p3", "p4", "p5"} <= set(names)
    user = list(found.histories.user_ids).index("a")
    assert [names[p] for p in found.histories.products[found.histories.row(user)]] == ["p0", "p1"]
    assert [names[p] for p in found.targets[user]] == ["p4"]


def test_no_more_users_are_taken_than_fit_the_corpus() -> None:
    assert len(validation(most_products=3).histories) == 1
    assert len(validation(most_users=1).histories) == 1


def test_the_test_split_is_never_looked_at() -> None:
    found = validation(most_products=5)
    assert 9 not in found.products


def test_the_metric_is_one_where_targets_come_first_and_falls_with_their_rank() -> None:
    found = validation()
    best = np.eye(len(found.products), 16, dtype=np.float32)
    for user, targets in enumerate(found.targets):
        for product in found.histories.products[found.histories.row(user)]:
            best[product] = best[targets[0]]
    assert found.ndcg_at_10(best) == pytest.approx(1.0)
    assert found.ndcg_at_10(np.zeros_like(best)) < 1.0


def test_a_busy_user_counts_with_their_first_new_products() -> None:
    rows = pa.concat_tables(
        [
            interactions_of([("a", "p0")]),
            interactions_of([("a", f"p{i}") for i in (9, 0, 8, 7, 6, 5, 4, 3)], split="validation", first_day=9),
        ]
    )
    found = validation_of(rows, CATALOGUE, most_users=9, most_products=10)
    assert [found.products[targets].tolist() for targets in found.targets] == [[5, 6, 7, 8, 9]]


def test_the_metric_is_computed_on_the_device_that_is_asked_for() -> None:
    with pytest.raises(DeviceError, match="no device “nowhere”"):
        validation().ndcg_at_10(np.eye(9, dtype=np.float32), device="nowhere")
