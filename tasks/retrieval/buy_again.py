"""What a user chooses again and again: the strongest baseline where products repeat, as in groceries."""

from __future__ import annotations

from typing import Final

import numpy as np

from tasks.retrieval.histories import Histories
from tasks.retrieval.ranked import Ranked, empty, fill_row

DAY_S: Final = 86_400.0
FADING_DAYS: Final = 60.0


class BuyAgain:
    """Ranks a user's own products by the days they chose them, fading with the time since.

    The score is `days * exp(-age / 60 days)`: the personal popularity of Li et al. (2023, "A Next Basket
    Recommendation Reality Check") with the time decay of Hu et al. (2020, "Modeling Personalized Item Frequency
    Information for Next-basket Recommendation"). The only part that ranks products a user has already chosen.

    Args:
        now_s: The moment asked about, in seconds since 1970.
    """

    name = "buy_again"

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s

    def rank(self, histories: Histories, k: int) -> Ranked:
        """Return up to k products of each user's own history."""
        age_days = np.maximum(0.0, self.now_s - histories.last_s) / DAY_S
        scores = (histories.days * np.exp(-age_days / FADING_DAYS)).astype(np.float32)
        result = empty(len(histories), k)
        for user in range(len(histories)):
            row = histories.row(user)
            fill_row(result, user, histories.products[row], scores[row])
        return result
