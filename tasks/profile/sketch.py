"""Quantiles of any number of values in bounded memory: counts of buckets that are 0.1 % wide.

A bucket is the first 22 bits of a double in the order of numbers (sign, exponent, ten bits of the fraction), as in
DDSketch (Masson et al. 2019), but without a logarithm. What is nearer to 0 than 2^-64 shares a bucket with it. Counts
are integers, so that two sketches of the same values are equal whatever the order, and merging is adding.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.profile.counted import QUANTILES

DROPPED_BITS: Final = 42
MAGNITUDE: Final = 0x7FFF_FFFF_FFFF_FFFF
LEAST: Final = (1023 - 64) << 10
"""The bucket of 2^-64: without this end, a column with both signs would have a million empty buckets around 0."""


@dataclass(frozen=True, slots=True)
class Sketch:
    """Counts of neighbouring buckets from bucket `first` on."""

    first: int = 0
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    @classmethod
    def of(cls, keys: NDArray[np.int64]) -> Sketch:
        """Return the sketch of values from their buckets."""
        if not len(keys):
            return cls()
        first = int(keys.min())
        return cls(first, np.bincount(keys - first))

    def merge(self, other: Sketch) -> Sketch:
        """Return the sketch of both together."""
        if not len(self.counts) or not len(other.counts):
            return self if len(self.counts) else other
        first = min(self.first, other.first)
        end = max(self.first + len(self.counts), other.first + len(other.counts))
        counts = np.zeros(end - first, np.int64)
        for part in (self, other):
            counts[part.first - first : part.first - first + len(part.counts)] += part.counts
        return Sketch(first, counts)

    def outside(self, keys: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return a value of each filled bucket but these, and how many values it holds."""
        filled = self.first + np.flatnonzero(self.counts)
        filled = filled[~np.isin(filled, keys)]
        return _edge(filled), self.counts[filled - self.first]

    def quantiles(self, low: float, high: float) -> dict[str, float]:
        """Return the quantiles, at most 0.1 % off, between the lowest and the highest value."""
        ends = np.cumsum(self.counts)
        if not len(ends):
            return {}
        ranks = np.array([float(name) * float(ends[-1] - 1) for name in QUANTILES])
        places = np.searchsorted(ends, ranks, side="right")
        inside = (ranks - (ends[places] - self.counts[places]) + 0.5) / self.counts[places]
        lower, upper = (_edge(self.first + places + step) for step in (0, 1))
        found = np.clip(lower + (upper - lower) * np.clip(inside, 0, 1), low, high)
        return dict(zip(QUANTILES, map(float, found), strict=True))


def buckets(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the bucket of each finite value; adding 0 turns the negative zero into the positive one."""
    if not len(values):
        return np.zeros(0, np.int64)
    bits = (values + 0.0).view(np.int64)
    if bits.min() >= 0:
        return np.asarray(np.maximum((bits >> DROPPED_BITS) - LEAST, 0))
    keys = (bits ^ ((bits >> 63) & MAGNITUDE)) >> DROPPED_BITS
    return np.asarray(np.where(keys < 0, np.minimum(keys + LEAST, -1), np.maximum(keys - LEAST, 0)))


def _edge(keys: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the lower edges of buckets."""
    ordered = (keys + np.sign(keys) * LEAST) << DROPPED_BITS
    return np.asarray((ordered ^ ((ordered >> 63) & MAGNITUDE)).view(np.float64))
