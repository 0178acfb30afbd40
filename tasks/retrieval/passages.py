"""Products whose texts are near what a user chose, by an encoder's vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.retrieval.histories import Histories
from tasks.retrieval.ranked import NOTHING, Ranked
from tasks.retrieval.topk import exact_top_k


class Passages:
    """Ranks unseen products by the cosine to the mean of a user's products, later choices weighing more.

    Args:
        name: The part's name.
        vectors: Products x dimensions, unit rows; a row of zeros for a product without a vector.
        device: Where to multiply.
    """

    def __init__(self, name: str, vectors: NDArray[np.float32], *, device: str = "auto") -> None:
        self.name = name
        self.vectors = vectors
        self.device = device

    def rank(self, histories: Histories, k: int) -> Ranked:
        """Return the k best unseen products of each user, none where no product of theirs has a vector."""
        seen = [histories.products[histories.row(user)] for user in range(len(histories))]
        wishes = self.wishes(histories)
        found = exact_top_k(wishes, self.vectors, k, exclude=seen, device=self.device)
        is_there = (found.indices >= 0) & wishes.any(axis=1, keepdims=True)
        products = np.where(is_there, found.indices, NOTHING).astype(np.int32)
        return Ranked(products, np.where(is_there, found.scores, 0).astype(np.float32))

    def wishes(self, histories: Histories) -> NDArray[np.float32]:
        """Return one unit vector per user, zeros where no product of theirs has a vector."""
        # The latest choice counts most: its weight is squared, which is 1 / n for the n-th latest.
        summed = histories.matrix(histories.recency() ** 2) @ self.vectors
        lengths = np.linalg.norm(summed, axis=1, keepdims=True)
        unit: NDArray[np.float32] = (summed / np.maximum(lengths, 1e-12)).astype(np.float32)
        return unit
