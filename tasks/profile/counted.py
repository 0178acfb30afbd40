"""What follows from numbers and how often each occurs: exact quantiles and histograms."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from tasks.assets.reports import Bin

QUANTILES = ("0.01", "0.05", "0.25", "0.5", "0.75", "0.95", "0.99")
LARGEST_EXACT = 2.0**52
HUGE = 1e300
SCALE = 2.0**20


def quantiles(values: NDArray[np.float64], counts: NDArray[np.int64]) -> dict[str, float]:
    """Return the quantiles of values in ascending order, interpolated as `numpy.quantile` does."""
    if not len(values):
        return {}
    ends = np.cumsum(counts)
    return {name: _at(values, ends, float(name) * float(ends[-1] - 1)) for name in QUANTILES}


def edges(low: float, high: float, *, bins: int, is_integer: bool) -> NDArray[np.float64]:
    """Return the edges of equal bins from the lowest to the highest value.

    A few integers get a bin each, with the integer in its middle.
    """
    if is_integer and high - low < bins and max(-low, high) < LARGEST_EXACT:
        return np.arange(low, high + 2) - 0.5
    if low == high:
        return np.array([low, high])
    if max(-low, high) < HUGE:
        return np.unique(np.linspace(low, high, bins + 1))
    scaled = np.linspace(low / SCALE, high / SCALE, bins + 1)  # the range itself may be no double
    return np.unique(np.concatenate([[low], scaled[1:-1] * SCALE, [high]]))


def bin_totals(values: NDArray[np.float64], borders: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return how many values each bin holds: `low <= value < high`, the last bin with its upper edge."""
    bins, low, high = len(borders) - 1, float(borders[0]), float(borders[-1])
    if 1 / HUGE < high - low < HUGE and np.array_equal(borders, np.linspace(low, high, bins + 1)):
        # The same edges, but without a search: five times as fast.
        return np.asarray(np.histogram(values, bins=bins, range=(low, high))[0], np.int64)
    return np.bincount(bin_places(values, borders), minlength=bins)


def bin_places(values: NDArray[np.float64], borders: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the bin of each value."""
    places = np.searchsorted(borders, values, side="right") - 1
    return np.clip(places, 0, len(borders) - 2)


def histogram(borders: NDArray[np.float64], counts: Iterable[int]) -> tuple[Bin, ...]:
    """Return bins as records."""
    return tuple(
        Bin(low=float(low), high=float(high), count=int(count))
        for low, high, count in zip(borders[:-1], borders[1:], counts, strict=True)
    )


def _at(values: NDArray[np.float64], ends: NDArray[np.int64], rank: float) -> float:
    lower = int(rank)
    low, high = (float(values[np.searchsorted(ends, place, side="right")]) for place in (lower, _next(rank)))
    return low + (high - low) * (rank - lower) if high > low else low


def _next(rank: float) -> int:
    return int(rank) + (rank > int(rank))
