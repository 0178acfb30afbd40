from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tasks.retrieval.metrics import (
    Judged,
    bootstrap_interval,
    gains_of,
    ranking_metrics,
)

PRODUCTS = [f"p{i}" for i in range(8)]
GAINS = st.dictionaries(st.sampled_from(PRODUCTS), st.floats(0, 3), max_size=8)
RANKINGS = st.permutations(PRODUCTS).flatmap(lambda order: st.integers(0, 8).map(lambda size: order[:size]))
DEPTHS = st.integers(1, 10)


def test_ndcg_is_the_discounted_gain_over_the_best_possible() -> None:
    found = metrics_of(["p0", "p1", "p2"], {"p1": 3.0, "p2": 1.0, "p3": 2.0}, k=3)

    best = 3 + 2 / math.log2(3) + 1 / math.log2(4)
    assert found.ndcg == pytest.approx((3 / math.log2(3) + 1 / math.log2(4)) / best)


def test_recall_is_over_all_relevant_products_and_not_over_k() -> None:
    found = metrics_of(["p0", "p1", "p2"], {"p0": 1.0, "p2": 1.0, "p6": 1.0, "p7": 0.0}, k=2)

    assert found.recall == pytest.approx(1 / 3)


def test_mrr_looks_at_the_first_relevant_product_alone() -> None:
    assert metrics_of(["p0", "p1", "p2"], {"p1": 0.5, "p2": 3.0}, k=3).mrr == pytest.approx(1 / 2)
    assert metrics_of(["p0", "p1", "p2"], {"p2": 3.0}, k=2).mrr == 0


def test_without_any_positive_gain_every_metric_is_zero() -> None:
    for ranking, gains in ((["p0"], {}), (["p0"], {"p0": 0.0}), ([], {"p0": 1.0})):
        assert metrics_of(ranking, gains, 5) == Alone(0, 0, 0)


@given(RANKINGS, GAINS, DEPTHS)
def test_metrics_lie_between_zero_and_one(ranking: list[str], gains: dict[str, float], k: int) -> None:
    assert all(0 <= value <= 1 for value in metrics_of(ranking, gains, k))


@given(GAINS, DEPTHS)
def test_the_order_of_gains_is_ideal(gains: dict[str, float], k: int) -> None:
    ideal = sorted(gains, key=lambda product: -gains[product])

    expected = 1.0 if any(gain > 0 for gain in gains.values()) else 0.0
    assert metrics_of(ideal, gains, k).ndcg == pytest.approx(expected)


@given(RANKINGS, GAINS, st.integers(1, 9))
def test_recall_and_mrr_never_fall_with_depth(ranking: list[str], gains: dict[str, float], k: int) -> None:
    shallow, deep = metrics_of(ranking, gains, k), metrics_of(ranking, gains, k + 1)
    assert shallow.recall <= deep.recall
    assert shallow.mrr <= deep.mrr


@given(RANKINGS, GAINS, DEPTHS, st.floats(0.5, 4))
def test_ndcg_does_not_depend_on_the_unit_of_gains(
    ranking: list[str], gains: dict[str, float], k: int, factor: float
) -> None:
    scaled = {product: factor * gain for product, gain in gains.items()}

    assert metrics_of(ranking, scaled, k).ndcg == pytest.approx(metrics_of(ranking, gains, k).ndcg, abs=1e-9)


@settings(max_examples=60)
@given(st.lists(st.tuples(RANKINGS, GAINS), min_size=1, max_size=5), DEPTHS)
def test_many_users_at_once_get_what_each_gets_alone(users: list[tuple[list[str], dict[str, float]]], k: int) -> None:
    found = ranking_metrics(positions([ranking for ranking, _ in users]), judged([gains for _, gains in users]), k)

    for row, (ranking, gains) in enumerate(users):
        alone = metrics_of(ranking, gains, k)
        assert (found.ndcg[row], found.recall[row], found.mrr[row]) == pytest.approx(alone)


def test_gains_of_a_place_without_product_are_zero() -> None:
    found = gains_of(np.array([[0, -1], [1, 0]]), judged([{"p0": 2.0}, {"p1": 1.0}]))

    assert found.tolist() == [[2.0, 0.0], [1.0, 0.0]]


def test_rankings_of_no_depth_find_nothing() -> None:
    found = ranking_metrics(np.empty((1, 0), np.int64), judged([{"p0": 1.0}]), k=5)

    assert (found.ndcg[0], found.recall[0], found.mrr[0]) == (0, 0, 0)


def test_the_interval_holds_the_mean_and_narrows_with_more_values() -> None:
    values = np.random.default_rng(1).normal(0.3, 0.1, 4000)

    few, many = bootstrap_interval(values[:100], seed=7), bootstrap_interval(values, seed=7)

    assert few.low < few.mean < few.high
    assert many.high - many.low == pytest.approx(2 * 1.96 * 0.1 / math.sqrt(4000), rel=0.15)
    assert many.high - many.low < (few.high - few.low) / 3


def test_the_interval_is_the_same_for_the_same_seed_whatever_fits_in_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.arange(50.0)

    whole = bootstrap_interval(values, seed=3, resamples=40)
    monkeypatch.setattr("tasks.retrieval.metrics.BLOCK_CELLS", 100)

    assert bootstrap_interval(values, seed=3, resamples=40) == whole
    assert bootstrap_interval(values, seed=4, resamples=40) != whole


@given(st.floats(-2, 2), st.integers(1, 20))
def test_equal_values_leave_no_doubt(value: float, count: int) -> None:
    found = bootstrap_interval(np.full(count, value), seed=1, resamples=20)

    assert found.low == pytest.approx(found.mean) == pytest.approx(found.high)


def test_no_values_give_zeros() -> None:
    found = bootstrap_interval(np.array([]), seed=1)

    assert (found.mean, found.low, found.high) == (0, 0, 0)


class Alone(NamedTuple):
    """The metrics of one user."""

    ndcg: float
    recall: float
    mrr: float


def metrics_of(ranking: list[str], gains: dict[str, float], k: int) -> Alone:
    found = ranking_metrics(positions([ranking]), judged([gains]), k)
    return Alone(float(found.ndcg[0]), float(found.recall[0]), float(found.mrr[0]))


def positions(rankings: list[list[str]]) -> NDArray[np.int64]:
    found = np.full((len(rankings), len(PRODUCTS)), -1)
    for row, ranking in enumerate(rankings):
        found[row, : len(ranking)] = [PRODUCTS.index(product) for product in ranking]
    return found


def judged(users: list[dict[str, float]]) -> Judged:
    entries = [(PRODUCTS.index(product), gain) for gains in users for product, gain in gains.items()]
    return Judged(
        starts=np.cumsum([0, *(len(gains) for gains in users)]),
        products=np.array([product for product, _ in entries], np.int64),
        gains=np.array([gain for _, gain in entries], np.float64),
    )
