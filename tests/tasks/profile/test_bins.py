from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tasks.profile.bins import Borders, Bulk, edges

FINITE = st.floats(allow_nan=False, allow_infinity=False)
NEAR = st.floats(0, 10, allow_nan=False)
NUMBERS = st.lists(FINITE, min_size=1, max_size=50) | st.lists(
    NEAR | st.sampled_from([-1e6, 1e6]), min_size=1, max_size=50
)


def borders_of(values: NDArray[np.float64], bins: int, *, is_integer: bool = False) -> Borders:
    found, counts = np.unique(values, return_counts=True)
    low, high = float(found[0]), float(found[-1])
    return Borders.between(low, high, bulk=Bulk.of(found, counts), bins=bins, is_integer=is_integer)


@settings(deadline=None)
@given(NUMBERS, st.integers(1, 40), st.booleans())
def test_every_value_is_in_the_bin_whose_edges_hold_it(values: list[float], bins: int, is_integer: bool) -> None:
    numbers = np.array([float(int(value)) if is_integer else value for value in values])
    borders = borders_of(numbers, bins, is_integer=is_integer)
    found = borders.all
    assert len(found) - 1 <= bins or is_integer
    assert (found[1:] > found[:-1]).all() or len(found) == 2
    for number, place in zip(numbers, borders.places(numbers), strict=True):
        is_last = place == len(found) - 2
        assert found[place] <= number
        assert number <= found[place + 1] if is_last else number < found[place + 1]


@settings(deadline=None)
@given(NUMBERS, st.integers(1, 40), st.booleans())
def test_the_bins_hold_every_value_once(values: list[float], bins: int, is_integer: bool) -> None:
    numbers = np.array([float(int(value)) if is_integer else value for value in values])
    borders = borders_of(numbers, bins, is_integer=is_integer)
    totals = borders.totals(numbers)
    assert totals.sum() == len(values)
    assert totals.tolist() == np.bincount(borders.places(numbers), minlength=len(borders.all) - 1).tolist()


def test_one_outlier_has_a_bin_of_its_own_and_leaves_the_bulk_as_it_is() -> None:
    prices = np.array([*np.linspace(1, 100, 99), 1_000_000.0])
    borders = borders_of(prices, 30)
    bins = borders.histogram(borders.totals(prices).tolist())
    assert [item.is_tail for item in bins] == [False] * 29 + [True]
    assert (bins[-1].low, bins[-1].high, bins[-1].count) == (100.0, 1_000_000.0, 2)
    assert min(item.count for item in bins[:-1]) >= 3


def test_outliers_on_both_sides_have_a_bin_each() -> None:
    numbers = np.array([-1e9, *np.linspace(0, 1, 200), 1e9])
    borders = borders_of(numbers, 10)
    bins = borders.histogram(borders.totals(numbers).tolist())
    assert [item.is_tail for item in bins] == [True, *[False] * 8, True]
    assert [item.count for item in (bins[0], bins[-1])] == [2, 3]


def test_whole_numbers_beside_an_outlier_keep_a_bin_each() -> None:
    numbers = np.array([1.0, 2, 2, 3, 3, 3, 4_000])
    borders = borders_of(numbers, 30, is_integer=True)
    assert borders.all.tolist() == [0.5, 1.5, 2.5, 3.5, 4_000]
    assert borders.totals(numbers).tolist() == [1, 2, 3, 1]


def test_each_bin_holds_as_many_whole_numbers() -> None:
    weeks = np.arange(1.0, 54)
    borders = borders_of(weeks, 30, is_integer=True)
    assert borders.totals(weeks).tolist() == [*[2] * 26, 1]
    assert borders.all[[0, 1, -2, -1]].tolist() == [1, 3, 53, 54]


def test_a_tail_that_is_shorter_than_the_bulk_is_not_cut_off() -> None:
    numbers = np.array([*np.linspace(0, 10, 100), 19.0])
    assert borders_of(numbers, 30).all.tolist() == edges(0, 19, bins=30, is_integer=False).tolist()


def test_too_few_bins_for_a_tail_have_none() -> None:
    assert borders_of(np.array([1.0, 2, 3, 4, 1e6]), 2).high is None


def test_a_column_of_which_the_sample_holds_no_number_has_equal_bins() -> None:
    assert Bulk.of(np.zeros(0), np.zeros(0, np.int64)) is None
    found = Borders.between(0, 2, bulk=None, bins=2, is_integer=False)
    assert (found.low, found.equal.tolist(), found.high) == (None, [0, 1, 2], None)


def test_a_few_integers_stand_in_the_middle_of_a_bin_each() -> None:
    assert edges(1, 5, bins=30, is_integer=True).tolist() == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]


def test_one_value_is_one_bin() -> None:
    bins = borders_of(np.array([2.5]), 30).histogram([9])
    assert [(item.low, item.high, item.count) for item in bins] == [(2.5, 2.5, 9)]
