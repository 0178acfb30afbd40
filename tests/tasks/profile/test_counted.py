import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.profile.counted import QUANTILES, quantiles

PAIRS = st.dictionaries(st.integers(-10_000, 10_000).map(lambda x: x / 8), st.integers(1, 5), min_size=1, max_size=30)


@settings(deadline=None)
@given(PAIRS)
def test_quantiles_are_those_of_numpy(pairs: dict[float, int]) -> None:
    values = np.array(sorted(pairs))
    counts = np.array([pairs[value] for value in values])
    expected = np.quantile(np.repeat(values, counts), [float(name) for name in QUANTILES])
    assert list(quantiles(values, counts).values()) == pytest.approx(expected.tolist(), abs=1e-9)


def test_no_values_have_no_quantiles() -> None:
    assert quantiles(np.zeros(0), np.zeros(0, np.int64)) == {}
