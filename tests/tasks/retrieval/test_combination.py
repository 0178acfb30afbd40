from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.retrieval.combination import Combination, candidates_of
from tasks.retrieval.histories import Histories, history_of_products
from tasks.retrieval.ranked import NOTHING, Ranked


def ranked(*rows: list[tuple[int, float]], k: int = 4) -> Ranked:
    products = np.full((len(rows), k), NOTHING, np.int32)
    scores = np.zeros((len(rows), k), np.float32)
    for row, entries in enumerate(rows):
        for column, (product, score) in enumerate(entries):
            products[row, column], scores[row, column] = product, score
    return Ranked(products, scores)


class Fixed:
    def __init__(self, name: str, result: Ranked) -> None:
        self.name = name
        self.result = result
        self.asked = 0

    def rank(self, histories: Histories, k: int) -> Ranked:
        self.asked += 1
        return self.result


def test_candidates_are_the_union_with_a_score_per_part() -> None:
    found = candidates_of({"a": ranked([(7, 4.0), (2, 2.0)]), "b": ranked([(2, 9.0)])})
    assert found.products.tolist() == [[2, 7]]
    np.testing.assert_allclose(found.scores[:, 0], [[0.5, 1.0], [1.0, 0.0]])


def test_a_full_list_ends_near_zero_and_a_short_one_where_its_scores_do() -> None:
    full = candidates_of({"a": ranked([(0, 9.0), (1, 8.0), (2, 7.0), (3, 5.0)])})
    np.testing.assert_allclose(full.scores[0, 0], [1.0, 0.75, 0.5, 0.001])
    short = candidates_of({"a": ranked([(0, 9.0), (1, 3.0)])})
    np.testing.assert_allclose(short.scores[0, 0], [1.0, 1 / 3], rtol=1e-6)


def test_weights_decide_the_order() -> None:
    found = candidates_of({"a": ranked([(7, 1.0)]), "b": ranked([(2, 1.0)])})
    assert found.ranked({"a": 0.9, "b": 0.1}, 2).products.tolist() == [[7, 2]]
    assert found.ranked({"a": 0.1, "b": 0.9}, 2).products.tolist() == [[2, 7]]
    assert found.ranked({"a": 1.0, "b": 0.0}, 2).products.tolist() == [[7, NOTHING]]


def test_a_part_of_no_weight_is_not_asked() -> None:
    used, unused = Fixed("a", ranked([(7, 1.0)])), Fixed("b", ranked([(2, 1.0)]))
    combination = Combination([used, unused], {"a": 1.0, "b": 0.0})
    assert combination.rank(history_of_products([1], 9), 3).products.tolist() == [[7, NOTHING, NOTHING]]
    assert (used.asked, unused.asked) == (1, 0)


def test_users_without_any_candidate_get_an_empty_list() -> None:
    found = candidates_of({"a": ranked([], [(3, 1.0)])})
    assert found.ranked({"a": 1.0}, 2).products.tolist() == [[NOTHING, NOTHING], [3, NOTHING]]


@given(
    lists=st.lists(st.lists(st.integers(0, 20), unique=True, max_size=4), min_size=1, max_size=4),
)
def test_every_ranked_product_is_a_candidate_exactly_once(lists: list[list[int]]) -> None:
    rankings = {str(i): ranked([(p, 4.0 - j) for j, p in enumerate(row)]) for i, row in enumerate(lists)}
    found = candidates_of(rankings)
    there = [p for p in found.products[0].tolist() if p != NOTHING]
    assert there == sorted({p for row in lists for p in row})
    assert found.scores.max(initial=0) <= 1
    for index, row in enumerate(lists):
        scored = {p for p, s in zip(found.products[0].tolist(), found.scores[index, 0], strict=True) if s > 0}
        assert scored == set(row)


def test_equal_scores_keep_the_order_of_the_catalogue() -> None:
    found = candidates_of({"a": ranked([(5, 1.0), (1, 1.0), (3, 1.0)])})
    assert found.ranked({"a": 1.0}, 3).products.tolist() == [[1, 3, 5]]
    assert found.weighted({"a": 1.0}).max() == pytest.approx(1.0)
