"""Count, mean, spread and skew of numbers, mergeable: a profile of many partitions is a merge."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DIGITS = 10


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums of powers of distances to the mean: `m2` of squares, `m3` of cubes."""

    count: int = 0
    mean: float = 0.0
    m2: float = 0.0
    m3: float = 0.0

    @classmethod
    def of(cls, values: NDArray[np.float64], counts: NDArray[np.int64] | None = None) -> Moments:
        """Return the moments of finite values, each as often as its count says; of huge ones, they are not finite."""
        if not len(values):
            return cls()
        weights = 1.0 if counts is None else counts.astype(np.float64)
        total = len(values) if counts is None else int(counts.sum())
        mean = float((values * weights).sum() / total)
        with np.errstate(over="ignore", invalid="ignore"):
            distance = values - mean
            squares = distance * distance * weights
            return cls(total, mean, float(squares.sum()), float((squares * distance).sum()))

    def merge(self, other: Moments) -> Moments:
        """Return the moments of both together (Chan et al. 1979, Pébay 2008)."""
        if not self.count or not other.count:
            return self if self.count else other
        count = self.count + other.count
        gap = other.mean - self.mean
        product = self.count * other.count
        return Moments(
            count,
            self.mean + gap * other.count / count,
            self.m2 + other.m2 + gap * gap * product / count,
            self.m3
            + other.m3
            + gap * gap * gap * product * (self.count - other.count) / count**2
            + 3 * gap * (self.count * other.m2 - other.count * self.m2) / count,
        )

    @property
    def std(self) -> float | None:
        """The standard deviation of a sample; None with fewer than two values."""
        return math.sqrt(self.m2 / (self.count - 1)) if self.count > 1 else None

    @property
    def skewness(self) -> float | None:
        """Fisher's skewness, corrected for small samples; None with fewer than three values or without spread."""
        n = self.count
        noise = 1e-14 * self.mean
        if n < 3 or self.m2 <= noise * noise * n:
            return None
        return float(n * math.sqrt(n - 1) / (n - 2) * self.m3 / self.m2 / math.sqrt(self.m2))


def tidy(number: float | None) -> float | None:
    """Return a number with ten significant digits, as sums in another order would give it; None if not finite."""
    if number is None or not math.isfinite(number):
        return None
    return float(f"{number:.{DIGITS}g}")
