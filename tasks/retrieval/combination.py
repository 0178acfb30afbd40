"""Several rankings made into one: a weighted sum of scores that every part puts on the same scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.retrieval.histories import Histories
from tasks.retrieval.ranked import NOTHING, Part, Ranked, empty, fill_row

DEPTH = 100
"""Products that each part brings into the combination."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Every product that at least one part ranks for a user.

    Args:
        names: The parts.
        products: Users x candidates catalogue positions, ascending; `NOTHING` where a user has fewer.
        scores: Parts x users x candidates, between 0 and 1; 0 where a part does not rank a product.
    """

    names: tuple[str, ...]
    products: NDArray[np.int32]
    scores: NDArray[np.float32]

    def weighted(self, weights: Mapping[str, float]) -> NDArray[np.float32]:
        """Return users x candidates of summed scores; -1 where there is no candidate."""
        vector = np.array([weights[name] for name in self.names], np.float32)
        summed: NDArray[np.float32] = np.tensordot(vector, self.scores, axes=1)
        summed[self.products == NOTHING] = -1
        return summed

    def ranked(self, weights: Mapping[str, float], k: int) -> Ranked:
        """Return the k best candidates of each user."""
        summed = self.weighted(weights)
        result = empty(len(self.products), k)
        for user, products in enumerate(self.products):
            is_there = summed[user] > 0
            fill_row(result, user, products[is_there], summed[user][is_there])
        return result


class Combination:
    """Parts and the weight of each, which is a part like any other.

    Args:
        parts: What is combined.
        weights: Part name to weight; a part of weight 0 is not asked.
    """

    name = "combination"

    def __init__(self, parts: Sequence[Part], weights: Mapping[str, float]) -> None:
        self.parts = tuple(part for part in parts if weights[part.name] > 0)
        self.weights = {part.name: weights[part.name] for part in self.parts}

    def rank(self, histories: Histories, k: int) -> Ranked:
        """Return the k best products of each user."""
        return self.candidates(histories).ranked(self.weights, k)

    def candidates(self, histories: Histories) -> Candidates:
        """Return what the parts bring for each user."""
        return candidates_of({part.name: part.rank(histories, DEPTH) for part in self.parts})


def candidates_of(rankings: Mapping[str, Ranked]) -> Candidates:
    """Return the union of what several parts rank, each part's scores put between 0 and 1."""
    scaled = [_scaled(ranked) for ranked in rankings.values()]
    products, place = _union([ranked.products for ranked in rankings.values()])
    scores = np.zeros((len(scaled), *products.shape), np.float32)
    row = np.arange(len(products))[:, None]
    for index, (values, where) in enumerate(zip(scaled, place, strict=True)):
        is_there = where != NOTHING
        scores[index][np.broadcast_to(row, where.shape)[is_there], where[is_there]] = values[is_there]
    return Candidates(tuple(rankings), products, scores)


def _scaled(ranked: Ranked) -> NDArray[np.float32]:
    """Return scores as the share of the way from the end of the list to the best, so that the end is nearly 0.

    A list that is not full ends at 0 by itself: what a part does not rank at all is what its score 0 means.
    """
    is_there = ranked.products != NOTHING
    is_full = is_there[:, -1:]
    floor = np.where(is_full, ranked.scores[:, -1:], 0)
    best = ranked.scores[:, :1]
    span = np.where(best > floor, best - floor, 1)
    scaled = np.where(best > floor, (ranked.scores - floor) / span, 1)
    result: NDArray[np.float32] = np.where(is_there, np.clip(scaled, 1e-3, 1), 0).astype(np.float32)
    return result


def _union(lists: Sequence[NDArray[np.int32]]) -> tuple[NDArray[np.int32], list[NDArray[np.int64]]]:
    """Return each row's distinct products in ascending order, and where each list's products are among them."""
    together = np.concatenate(lists, axis=1)
    order = np.argsort(together, axis=1, kind="stable")
    ordered = np.take_along_axis(together, order, axis=1)
    is_first = np.ones(ordered.shape, bool)
    is_first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    is_first &= ordered != NOTHING
    number = np.cumsum(is_first, axis=1) - 1
    products = np.full((len(together), int(is_first.sum(axis=1).max(initial=1)) or 1), NOTHING, np.int32)
    row = np.broadcast_to(np.arange(len(together))[:, None], ordered.shape)
    products[row[is_first], number[is_first]] = ordered[is_first]
    place = np.full(together.shape, NOTHING, np.int64)
    np.put_along_axis(place, order, np.where(ordered == NOTHING, NOTHING, number), axis=1)
    edges = np.cumsum([array.shape[1] for array in lists])[:-1]
    return products, np.split(place, edges, axis=1)
