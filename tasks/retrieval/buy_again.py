"""What a user chooses again and again: the strongest baseline where products repeat, as in groceries."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.retrieval.histories import Histories
from tasks.retrieval.ranked import Ranked, empty, fill_row

DAY_S: Final = 86_400.0
FADING_DAYS: Final = 60.0
GIVEN_UP_DAYS: Final = 14.0


class BuyAgain:
    """Ranks a user's own products by the days they chose them, fading with the time since.

    The score is `days * exp(-age / 60 days)`: the personal popularity of Li et al. (2023, "A Next Basket
    Recommendation Reality Check") with the time decay of Hu et al. (2020, "Modeling Personalized Item Frequency
    Information for Next-basket Recommendation"). With `DueAgain` the only part that ranks products a user
    has already chosen.

    Args:
        now_s: The moment asked about, in seconds since 1970.
    """

    name = "buy_again"

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s

    def rank(self, histories: Histories, k: int) -> Ranked:
        """Return up to k products of each user's own history."""
        scores = histories.days * np.exp(-_age_days(histories, self.now_s) / FADING_DAYS)
        return _ranked_own(scores.astype(np.float32), histories, k)


class DueAgain:
    """Ranks a user's own products by how nearly it is time to choose them again.

    A product chosen on two days or more has an interval. It is due as the time since the last choice reaches the
    interval, and given up after three: `sqrt(days) * min(age / interval, 1) * exp(-age / max(3 * interval, 14 days))`.
    The idea is that of Bhagat et al. 2018 ("Buy It Again: Modeling Repeat Purchase Recommendations"); this form was
    chosen on validation data. Products chosen on one day alone are not ranked.

    Args:
        now_s: The moment asked about, in seconds since 1970.
    """

    name = "due_again"

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s

    def rank(self, histories: Histories, k: int) -> Ranked:
        """Return up to k products of each user's own history."""
        age = _age_days(histories, self.now_s)
        interval = np.maximum(interval_days(histories), 1.0)
        due = np.minimum(age / interval, 1.0) * np.exp(-age / np.maximum(3 * interval, GIVEN_UP_DAYS))
        scores = np.where(histories.days > 1, np.sqrt(histories.days) * due, 0.0)
        return _ranked_own(scores.astype(np.float32), histories, k)


def interval_days(histories: Histories) -> NDArray[np.float64]:
    """Return the mean days between two choices of each product, 0 where it was chosen on one day."""
    spans: NDArray[np.float64] = (histories.last_s - histories.first_s) / DAY_S / np.maximum(1, histories.days - 1)
    return spans


def _age_days(histories: Histories, now_s: float) -> NDArray[np.float64]:
    age: NDArray[np.float64] = np.maximum(0.0, now_s - histories.last_s) / DAY_S
    return age


def _ranked_own(scores: NDArray[np.float32], histories: Histories, k: int) -> Ranked:
    result = empty(len(histories), k)
    for user in range(len(histories)):
        row = histories.row(user)
        is_scored = scores[row] > 0
        fill_row(result, user, histories.products[row][is_scored], scores[row][is_scored])
    return result
