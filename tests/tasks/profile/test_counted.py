import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.profile.counted import QUANTILES, bin_places, bin_totals, edges, histogram, quantiles

PAIRS = st.dictionaries(st.integers(-10_000, 10_000).map(lambda x: x / 8), st.integers(1, 5), min_size=1, max_size=30)
NUMBERS = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50)


@settings(deadline=None)
@given(PAIRS)
def test_quantiles_are_those_of_numpy(pairs: dict[float, int]) -> None:
    values = np.array(sorted(pairs))
    counts = np.array([pairs[value] for value in values])
    expected = np.quantile(np.repeat(values, counts), [float(name) for name in QUANTILES])
    assert list(quantiles(values, counts).values()) == pytest.approx(expected.tolist(), abs=1e-9)


def test_no_values_have_no_quantiles() -> None:
    assert quantiles(np.zeros(0), np.zeros(0, np.int64)) == {}


@settings(deadline=None)
@given(NUMBERS, st.integers(1, 40), st.booleans())
def test_every_value_is_in_the_bin_whose_edges_hold_it(values: list[float], bins: int, is_integer: bool) -> None:
    numbers = np.array([float(int(value)) if is_integer else value for value in values])
    borders = edges(float(numbers.min()), float(numbers.max()), bins=bins, is_integer=is_integer)
    assert len(borders) - 1 <= bins or is_integer
    assert (borders[1:] > borders[:-1]).all() or len(borders) == 2
    places = bin_places(numbers, borders)
    for number, place in zip(numbers, places, strict=True):
        is_last = place == len(borders) - 2
        assert borders[place] <= number
        assert number <= borders[place + 1] if is_last else number < borders[place + 1]


@settings(deadline=None)
@given(NUMBERS, st.integers(1, 40), st.booleans())
def test_the_bins_hold_every_value_once(values: list[float], bins: int, is_integer: bool) -> None:
    numbers = np.array([float(int(value)) if is_integer else value for value in values])
    borders = edges(float(numbers.min()), float(numbers.max()), bins=bins, is_integer=is_integer)
    totals = bin_totals(numbers, borders)
    assert totals.sum() == len(values)
    assert totals.tolist() == np.bincount(bin_places(numbers, borders), minlength=len(borders) - 1).tolist()


def test_a_few_integers_stand_in_the_middle_of_a_bin_each() -> None:
    assert edges(1, 5, bins=30, is_integer=True).tolist() == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]


def test_one_value_is_one_bin() -> None:
    bins = histogram(edges(2.5, 2.5, bins=30, is_integer=False), [9])
    assert [(item.low, item.high, item.count) for item in bins] == [(2.5, 2.5, 9)]
