"""What follows from numbers and how often each occurs: exact quantiles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

QUANTILES = ("0.01", "0.05", "0.25", "0.5", "0.75", "0.95", "0.99")


def quantiles(values: NDArray[np.float64], counts: NDArray[np.int64]) -> dict[str, float]:
    """Return the quantiles of values in ascending order, interpolated as `numpy.quantile` does."""
    if not len(values):
        return {}
    ends = np.cumsum(counts)
    return {name: _at(values, ends, float(name) * float(ends[-1] - 1)) for name in QUANTILES}


def _at(values: NDArray[np.float64], ends: NDArray[np.int64], rank: float) -> float:
    lower = int(rank)
    low, high = (float(values[np.searchsorted(ends, place, side="right")]) for place in (lower, _next(rank)))
    return low + (high - low) * (rank - lower) if high > low else low


def _next(rank: float) -> int:
    return int(rank) + (rank > int(rank))
