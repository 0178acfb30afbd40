from __future__ import annotations

import numpy as np
import pyarrow as pa

from tasks.retrieval.histories import Histories, histories_of, history_of_products
from tests.builders_behaviour import interactions_of

CATALOGUE = pa.array(["a", "b", "c", "d"])


def two_users() -> Histories:
    return histories_of(interactions_of([("u", "c"), ("u", "a"), ("v", "b"), ("u", "a"), ("u", "gone")]), CATALOGUE)


def test_rows_hold_each_users_products_by_catalogue_position() -> None:
    found = two_users()
    assert found.user_ids.tolist() == ["u", "v"]
    assert [found.products[found.row(row)].tolist() for row in range(2)] == [[0, 2], [1]]
    assert found.count.tolist() == [2, 1, 1]
    assert found.chosen().toarray().tolist() == [[1, 0, 1, 0], [0, 1, 0, 0]]


def test_two_splits_of_one_pair_are_merged() -> None:
    later = interactions_of([("u", "a")], split="validation", first_day=50)
    found = histories_of(pa.concat_tables([interactions_of([("u", "a")]), later]), CATALOGUE)
    assert found.count.tolist() == [2]
    assert found.last_s[0] - found.first_s[0] == 50 * 86_400


def test_lateness_counts_later_products_and_ties_share_a_place() -> None:
    found = two_users()
    assert found.lateness().tolist() == [0, 1, 0]
    tied = histories_of(interactions_of([("u", "a")]), CATALOGUE).merged(
        histories_of(interactions_of([("u", "b")]), CATALOGUE)
    )
    assert tied.lateness().tolist() == [0, 0]
    assert found.recency().tolist() == [1, np.float32(2**-0.5), 1]


def test_latest_keeps_the_last_products_of_each_user() -> None:
    found = two_users().latest(1)
    assert found.products.tolist() == [0, 1]
    assert found.sizes().tolist() == [1, 1]


def test_take_follows_the_order_asked_for_and_may_be_empty() -> None:
    found = two_users().take(np.array([1, 0]))
    assert found.user_ids.tolist() == ["v", "u"]
    assert found.products.tolist() == [1, 0, 2]
    assert len(two_users().take(np.array([], np.int64))) == 0


def test_within_renumbers_a_part_of_the_catalogue() -> None:
    found = two_users().within(np.array([1, 2]))
    assert found.products.tolist() == [1, 0]
    assert found.sizes().tolist() == [1, 1]
    assert found.width == 2


def test_a_history_of_products_knows_their_order_and_repeats() -> None:
    found = history_of_products([3, 1, 3], 4)
    assert found.products.tolist() == [1, 3]
    assert found.count.tolist() == [1, 2]
    assert found.lateness().tolist() == [1, 0]


def test_merging_adds_counts_and_keeps_the_outer_times() -> None:
    found = two_users().take(np.array([0])).merged(histories_of(interactions_of([("u", "c")], first_day=9), CATALOGUE))
    assert found.products.tolist() == [0, 2]
    assert found.count.tolist() == [2, 2]
    assert found.lateness().tolist() == [1, 0]
