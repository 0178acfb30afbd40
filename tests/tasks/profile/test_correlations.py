import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr

from tasks.profile.correlations import correlations, pearson, ranks

PAIRS = st.lists(st.tuples(st.integers(-9, 9).map(float), st.integers(-9, 9).map(float)), min_size=3, max_size=40)


@settings(deadline=None)
@given(st.lists(st.integers(-5, 5).map(float), max_size=30))
def test_equal_values_share_their_mean_rank(values: list[float]) -> None:
    assert ranks(np.array(values)).tolist() == rankdata(values).tolist()


@settings(deadline=None)
@given(PAIRS)
def test_coefficients_are_those_of_numpy_and_scipy(pairs: list[tuple[float, float]]) -> None:
    left, right = (np.array(side) for side in zip(*pairs, strict=True))
    (found,) = correlations({"a": left, "b": right})
    if min(len(set(left)), len(set(right))) == 1:
        assert (found.pearson, found.spearman) == (None, None)
        return
    assert found.pearson == pytest.approx(np.corrcoef(left, right)[0, 1], abs=1e-6)
    assert found.spearman == pytest.approx(spearmanr(left, right).statistic, abs=1e-6)


def test_only_rows_with_both_values_count() -> None:
    a = np.array([1.0, 2.0, np.nan, 4.0, np.inf])
    b = np.array([2.0, 4.0, 0.0, 8.0, 1.0])
    (found,) = correlations({"a": a, "b": b})
    assert (found.left, found.right, found.rows, found.pearson, found.spearman) == ("a", "b", 3, 1.0, 1.0)


def test_every_pair_is_told_once() -> None:
    columns = {name: np.arange(3.0) for name in "abc"}
    assert [(item.left, item.right) for item in correlations(columns)] == [("a", "b"), ("a", "c"), ("b", "c")]


def test_columns_without_common_rows_have_no_coefficient() -> None:
    (found,) = correlations({"a": np.array([1.0, np.nan]), "b": np.array([np.nan, 1.0])})
    assert (found.pearson, found.spearman, found.rows) == (None, None, 0)


def test_huge_numbers_do_not_overflow() -> None:
    values = np.array([1e308, -1e308, 5e307])
    assert pearson(values, values) == 1.0
    assert pearson(np.array([0.0, 0.0]), np.array([1.0, 2.0])) is None
