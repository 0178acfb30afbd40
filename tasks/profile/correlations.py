"""How numeric columns move together."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from tasks.assets.reports import Correlation

Numbers = NDArray[np.float64]
DIGITS = 6


def correlations(columns: dict[str, Numbers]) -> tuple[Correlation, ...]:
    """Return Pearson's and Spearman's coefficient of every pair of columns; what is not finite is no value.

    A coefficient is None where one of the columns does not vary over the rows that both have.
    """
    finite = {name: np.isfinite(values) for name, values in columns.items()}
    whole = {name: ranks(values) for name, values in columns.items() if finite[name].all()}
    return tuple(
        _pair(left, right, columns=columns, common=finite[left] & finite[right], whole=whole)
        for left, right in combinations(columns, 2)
    )


def ranks(values: Numbers) -> Numbers:
    """Return the rank of each value; equal values share their mean rank."""
    distinct, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    middle: Numbers = ends - (counts - 1) / 2
    return middle[places] if len(distinct) else np.zeros(0)


def pearson(left: Numbers, right: Numbers) -> float | None:
    """Return Pearson's coefficient of equally long arrays, or None where one of them does not vary."""
    if len(left) < 2:
        return None
    a, b = _unit(left), _unit(right)
    return None if a is None or b is None else round(float(np.clip((a * b).sum(), -1, 1)), DIGITS)


def _pair(
    left: str, right: str, *, columns: dict[str, Numbers], common: NDArray[np.bool_], whole: dict[str, Numbers]
) -> Correlation:
    is_whole = left in whole and right in whole
    a, b = (columns[name] if is_whole else columns[name][common] for name in (left, right))
    ranked = (whole[left], whole[right]) if is_whole else (ranks(a), ranks(b))
    return Correlation(left=left, right=right, pearson=pearson(a, b), spearman=pearson(*ranked), rows=int(common.sum()))


def _unit(values: Numbers) -> Numbers | None:
    scale = float(np.abs(values).max())
    if not scale or values.min() == values.max():
        return None
    scaled = values / scale
    distance = scaled - scaled.mean()
    length = float(np.sqrt((distance * distance).sum()))
    return distance / length if length else None
