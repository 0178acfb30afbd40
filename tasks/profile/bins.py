"""Histograms: equal bins over the bulk of the numbers, and a bin for each tail that would flatten them.

The bulk reaches from the 0.5 % to the 99.5 % quantile. Where what lies beyond one of its ends takes more room than the
bulk itself, as one price of a million does, all of it is one bin, told apart by `is_tail`; the others stay readable.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.assets.reports import Bin

TAIL: Final = 0.005
"""Share of the values beyond either end of the bulk."""

EVEN: Final = 16
"""Integers in a bin up to which one more would show."""

LARGEST_EXACT: Final = 2.0**52
HUGE: Final = 1e300
SCALE: Final = 2.0**20


@dataclass(frozen=True, slots=True)
class Bulk:
    """The 0.5 % and the 99.5 % quantile, each a value that occurs: of few values, all but the outermost lie between."""

    low: float
    high: float

    @classmethod
    def of(cls, values: NDArray[np.float64], counts: NDArray[np.int64]) -> Bulk | None:
        """Return the bulk of values in ascending order; None without any."""
        if not len(values):
            return None
        ends = np.cumsum(counts)
        last = int(ends[-1]) - 1
        cut = int(np.ceil(TAIL * last))
        places = np.searchsorted(ends, [cut, max(last - cut, cut)], side="right")
        return cls(float(values[places[0]]), float(values[places[1]]))


@dataclass(frozen=True, slots=True)
class Borders:
    """Edges of equal bins, and the outer edges of the tails, where there are such.

    A bin holds `low <= value < high`, the last one its upper edge too.
    """

    equal: NDArray[np.float64]
    low: float | None = None
    high: float | None = None

    @classmethod
    def between(cls, low: float, high: float, *, bulk: Bulk | None, bins: int, is_integer: bool) -> Borders:
        """Return at most so many bins from the lowest to the highest value, the tails among them."""
        bulk = bulk or Bulk(low, high)
        room = bulk.high - bulk.low if bins > 2 else 0.0
        has_lower, has_upper = (0 < room < tail for tail in (bulk.low - low, high - bulk.high))
        start, end = bulk.low if has_lower else low, bulk.high if has_upper else high
        equal = edges(start, end, bins=bins - has_lower - has_upper, is_integer=is_integer)
        return cls(equal, low if has_lower else None, high if has_upper else None)

    @property
    def all(self) -> NDArray[np.float64]:
        """Every edge, in ascending order."""
        ends = [[end] if end is not None else [] for end in (self.low, self.high)]
        return np.concatenate([ends[0], self.equal, ends[1]])

    def totals(self, values: NDArray[np.float64], counts: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """Return how many values each bin holds, each value as often as its count says."""
        totals = np.zeros(len(self.all) - 1, np.int64)
        np.add.at(totals, self.places(values), 1 if counts is None else counts)
        return totals

    def places(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the bin of each value."""
        borders = self.all
        return np.clip(np.searchsorted(borders, values, side="right") - 1, 0, len(borders) - 2)

    def histogram(self, counts: Iterable[int]) -> tuple[Bin, ...]:
        """Return the bins as records."""
        borders = self.all
        tails = [*[True] * (self.low is not None), *[False] * (len(self.equal) - 1), *[True] * (self.high is not None)]
        return tuple(
            Bin(low=float(low), high=float(high), count=int(count), is_tail=is_tail)
            for low, high, count, is_tail in zip(borders[:-1], borders[1:], counts, tails, strict=True)
        )


def edges(low: float, high: float, *, bins: int, is_integer: bool) -> NDArray[np.float64]:
    """Return the edges of equal bins from the lowest to the highest value.

    A few integers get a bin each, with the integer in its middle. Of some more, each bin holds as many, or bins would
    be uneven where the numbers are not; only the last may be narrower.
    """
    if is_integer and max(-low, high) < LARGEST_EXACT:
        width = int(high - low) // bins + 1
        if width == 1:
            return np.arange(low, high + 2) - 0.5
        if width <= EVEN:
            return np.append(np.arange(low, high + 1, width), high + 1)
    if low == high:
        return np.array([low, high])
    if max(-low, high) < HUGE:
        return np.unique(np.linspace(low, high, bins + 1))
    scaled = np.linspace(low / SCALE, high / SCALE, bins + 1)  # the range itself may be no double
    return np.unique(np.concatenate([[low], scaled[1:-1] * SCALE, [high]]))
