"""What most users choose: the first baseline, and the answer for a user nobody knows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.retrieval.histories import Histories
from tasks.retrieval.ranked import Ranked, empty, fill_row


class Popularity:
    """Ranks by the number of users who chose a product; what a user has already chosen is left out.

    Args:
        users_of: Per product, the users who chose it.
    """

    name = "popularity"

    def __init__(self, users_of: NDArray[Any]) -> None:
        self.users_of = users_of.astype(np.float32)
        self._order = np.argsort(-self.users_of, kind="stable")
        self._order = self._order[self.users_of[self._order] > 0]

    @classmethod
    def fit(cls, histories: Histories) -> Popularity:
        """Count the users of each product."""
        return cls(np.bincount(histories.products, minlength=histories.width))

    def rank(self, histories: Histories, k: int) -> Ranked:
        """Return the k most chosen products that each user has not chosen."""
        result = empty(len(histories), k)
        for user in range(len(histories)):
            seen = histories.products[histories.row(user)]
            candidates = self._order[: k + len(seen)]
            new = candidates[~np.isin(candidates, seen)]
            fill_row(result, user, new, self.users_of[new])
        return result
