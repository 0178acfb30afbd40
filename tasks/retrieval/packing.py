"""Which texts go through the encoder together, so that little of the work is padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Distinct:
    """The different texts of a list, and where each one of the list stands among them."""

    texts: list[str]
    positions: NDArray[np.int64]


def distinct(texts: Sequence[str]) -> Distinct:
    """Return every text once, in order of first appearance."""
    place: dict[str, int] = {}
    positions = np.fromiter((place.setdefault(text, len(place)) for text in texts), np.int64, len(texts))
    return Distinct(list(place), positions)


def even_budget(tokens: int, token_budget: int, workers: int) -> int:
    """Return the budget, at most the given one, by which every worker gets equally many batches of equal size."""
    rounds = max(1, -(-tokens // (token_budget * workers)))
    return max(1, -(-tokens // (rounds * workers)))


def pack(lengths: NDArray[np.int64], token_budget: int) -> list[NDArray[np.int64]]:
    """Return batches of positions, longest first, each within a budget once padded to its longest.

    A text longer than the budget is a batch of its own. Equal lengths keep their order.
    """
    order = np.argsort(-lengths, kind="stable")
    batches = []
    start = 0
    while start < len(order):
        size = max(1, token_budget // max(1, int(lengths[order[start]])))
        batches.append(order[start : start + size])
        start += size
    return batches
