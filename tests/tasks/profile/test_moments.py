import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.profile.moments import Moments, tidy

NUMBERS = st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 3)), max_size=60)


def of(values: list[float]) -> Moments:
    return Moments.of(np.array(values, np.float64))


@settings(deadline=None)
@given(NUMBERS, NUMBERS)
def test_merging_two_parts_gives_the_moments_of_the_whole(left: list[float], right: list[float]) -> None:
    merged, whole = of(left).merge(of(right)), of(left + right)
    assert merged.count == whole.count
    assert merged.mean == pytest.approx(whole.mean, rel=1e-9, abs=1e-6)
    assert merged.m2 == pytest.approx(whole.m2, rel=1e-9, abs=1e-3)
    scale = (whole.m2 + 1) ** 1.5
    assert merged.m3 / scale == pytest.approx(whole.m3 / scale, abs=1e-9)


@settings(deadline=None)
@given(st.lists(st.integers(-1000, 1000).map(float), min_size=3, max_size=60))
def test_moments_are_those_of_pandas(values: list[float]) -> None:
    found, series = of(values), pd.Series(values)
    assert found.mean == pytest.approx(series.mean(), abs=1e-9)
    assert found.std == pytest.approx(series.std(), abs=1e-9)
    expected = series.skew() if series.nunique() > 1 else None
    assert found.skewness == (None if expected is None else pytest.approx(expected, abs=1e-7))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-50, 50).map(float), st.integers(1, 9)), min_size=1, max_size=20))
def test_a_count_stands_for_so_many_equal_values(pairs: list[tuple[float, int]]) -> None:
    values, counts = (np.array(part) for part in zip(*pairs, strict=True))
    counted, repeated = Moments.of(values, counts), Moments.of(np.repeat(values, counts))
    assert counted.count == repeated.count
    assert counted.m2 == pytest.approx(repeated.m2, abs=1e-6)
    assert counted.m3 == pytest.approx(repeated.m3, abs=1e-4)


def test_spread_and_skew_need_enough_values() -> None:
    assert (of([]).std, of([1.0]).std, of([1.0]).skewness, of([1.0, 2.0]).skewness) == (None, None, None, None)
    assert of([5.1] * 9).skewness is None


@pytest.mark.parametrize("number", [1e-160, 1e120, 1e300])
def test_no_number_is_too_small_or_too_large_for_moments(number: float) -> None:
    parts = [of([0.0, 0.0, number]), of([number] * 5), of([-number, number, 0.0, 0.0])]
    for found in (*parts, parts[0].merge(parts[1]), parts[1].merge(parts[0]).merge(parts[2])):
        assert found.std is not None
        assert found.skewness is None or not abs(found.skewness) > found.count


@pytest.mark.parametrize(
    ("number", "expected"),
    [(None, None), (float("nan"), None), (float("inf"), None), (1 / 3, 0.3333333333), (7.0, 7.0)],
)
def test_a_number_is_kept_with_ten_digits_if_it_is_finite(number: float | None, expected: float | None) -> None:
    assert tidy(number) == expected
