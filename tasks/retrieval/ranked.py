"""Ranked products per user, best first: what every part of a recommender gives, from dense or from sparse scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.retrieval.histories import Histories

NOTHING: Final = -1
BLOCK_CELLS: Final = 24_000_000
"""Scores held at once: about 100 MB of float32."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """The best products of each user, best first.

    Args:
        products: Users x k catalogue positions; `NOTHING` where a user has fewer.
        scores: Users x k scores, falling; 0 where there is nothing.
    """

    products: NDArray[np.int32]
    scores: NDArray[np.float32]


class Part(Protocol):
    """One way to rank products for a user, from their history alone."""

    @property
    def name(self) -> str:
        """The part's name in tables and reasons."""
        ...

    def rank(self, histories: Histories, k: int) -> Ranked:
        """Return the k best products of each user."""
        ...


def empty(users: int, k: int) -> Ranked:
    """Return rankings with nothing in them, to be filled."""
    return Ranked(np.full((users, k), NOTHING, np.int32), np.zeros((users, k), np.float32))


def ranked_dense(score: Callable[[slice], NDArray[np.float32]], histories: Histories, k: int) -> Ranked:
    """Return the k best unseen products by dense scores, made block by block of users; only scores above 0 rank.

    Args:
        score: Takes a slice of users and returns their scores of the whole catalogue; it may be written to.
        histories: Whose products are left out.
        k: Products per user.
    """
    import torch

    result = empty(len(histories), k)
    rows = max(1, BLOCK_CELLS // max(1, histories.width))
    best = min(k, histories.width)
    seen = histories.chosen()
    for start in range(0, len(histories), rows):
        block = slice(start, min(start + rows, len(histories)))
        scores = score(block)
        row, column = seen[block].nonzero()
        scores[row, column] = -np.inf
        top = torch.from_numpy(scores).topk(best, dim=1)
        values = top.values.numpy()
        is_there = values > 0
        result.products[block, :best] = np.where(is_there, top.indices.numpy(), NOTHING)
        result.scores[block, :best] = np.where(is_there, values, 0)
    return result


def ranked_sparse(scores: Any, histories: Histories, k: int) -> Ranked:  # scipy.sparse ships no types
    """Return the k best unseen products by sparse scores; what has no score above 0 is not ranked."""
    scores = scores.tocsr()
    scores.sort_indices()
    result = empty(len(histories), k)
    for user in range(len(histories)):
        entries = slice(scores.indptr[user], scores.indptr[user + 1])
        products, values = scores.indices[entries], scores.data[entries]
        is_new = (values > 0) & ~np.isin(products, histories.products[histories.row(user)], kind="sort")
        fill_row(result, user, products[is_new], values[is_new])
    return result


def fill_row(result: Ranked, user: int, products: NDArray[Any], scores: NDArray[Any]) -> None:
    """Write one user's best products, best first; equal scores keep the order they came in."""
    k = result.products.shape[1]
    if len(scores) > k:
        worst = np.partition(scores, -k)[-k]
        keep = scores >= worst
        products, scores = products[keep], scores[keep]
    order = np.argsort(-scores, kind="stable")[:k]
    result.products[user, : len(order)] = products[order]
    result.scores[user, : len(order)] = scores[order]
