"""How times cover their span, from counts of days."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.assets.reports import TimeProfile, ValueCount


def time_profile(first_us: int, last_us: int, days: NDArray[np.int64], counts: NDArray[np.int64]) -> TimeProfile:
    """Return the coverage of times.

    Args:
        first_us: The first time, in microseconds since 1970.
        last_us: The last time.
        days: Days since 1970 that have rows, ascending.
        counts: Rows of each of these days.
    """
    months = days.astype("datetime64[D]").astype("datetime64[M]")
    names, places = np.unique(months, return_inverse=True)
    totals = np.bincount(places, weights=counts)
    return TimeProfile(
        first=iso(first_us),
        last=iso(last_us),
        days_in_span=int(days[-1] - days[0]) + 1,
        days_with_rows=len(days),
        longest_gap_days=int(np.diff(days).max() - 1) if len(days) > 1 else 0,
        by_month=tuple(
            ValueCount(value=str(name), count=int(total)) for name, total in zip(names, totals, strict=True)
        ),
    )


def iso(microseconds: int) -> str:
    """Return a time as ISO 8601 in UTC, fractions of a second only where there are any."""
    second, _, fraction = str(np.datetime64(microseconds, "us")).partition(".")
    digits = fraction.rstrip("0")
    return f"{second}.{digits}Z" if digits else f"{second}Z"
