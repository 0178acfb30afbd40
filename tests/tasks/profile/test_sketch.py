from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.profile.counted import QUANTILES
from tasks.profile.sketch import Sketch, buckets

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def of(values: list[float]) -> Sketch:
    return Sketch.of(buckets(np.array(values, np.float64)))


def equal(left: Sketch, right: Sketch) -> bool:
    return left.first == right.first and left.counts.tolist() == right.counts.tolist()


WIDE = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=40)


@settings(deadline=None)
@given(WIDE, st.randoms())
def test_the_order_of_values_does_not_matter(values: list[float], random: object) -> None:
    shuffled = sorted(values, key=lambda _: random.random())  # type: ignore[attr-defined]  # a random.Random
    assert equal(of(values), of(shuffled))


@settings(deadline=None)
@given(st.lists(st.lists(st.floats(0.001, 1e6), max_size=20), min_size=1, max_size=5))
def test_merged_sketches_are_the_sketch_of_all_values(parts: list[list[float]]) -> None:
    merged = reduce(Sketch.merge, map(of, parts))
    assert equal(merged, of([value for part in parts for value in part]))
    assert merged.counts.sum() == sum(map(len, parts))


@settings(deadline=None)
@given(st.lists(st.floats(0.01, 1e8) | st.floats(-1e8, -0.01), min_size=1, max_size=200))
def test_quantiles_are_off_by_a_thousandth_at_most(values: list[float]) -> None:
    found = of(values).quantiles(min(values), max(values))
    ordered = np.sort(values)
    for name in QUANTILES:
        below = ordered[int(float(name) * (len(values) - 1))]
        assert found[name] == pytest.approx(below, rel=0.001)


@settings(deadline=None)
@given(st.lists(FINITE, min_size=1, max_size=40))
def test_quantiles_ascend_between_the_extremes(values: list[float]) -> None:
    found = list(of([value / 4 for value in values]).quantiles(min(values) / 4, max(values) / 4).values())
    assert found == sorted(found)
    assert min(values) / 4 <= found[0] <= found[-1] <= max(values) / 4


def test_values_around_zero_need_few_buckets() -> None:
    found = of([-1000.0, -1e-300, 0.0, 1e-300, 1000.0])
    assert len(found.counts) < 200_000
    assert found.quantiles(-1000, 1000)["0.5"] == pytest.approx(0, abs=1e-18)


def test_the_negative_zero_is_zero() -> None:
    assert equal(of([-0.0]), of([0.0]))


def test_no_values_have_no_quantiles() -> None:
    assert of([]).quantiles(0, 0) == {}
    assert equal(of([]).merge(of([1.0])), of([1.0]))
    assert equal(of([1.0]).merge(of([])), of([1.0]))
