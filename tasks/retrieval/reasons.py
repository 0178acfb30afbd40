"""Why a product is recommended, in words a shopper understands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.retrieval.buy_again import interval_days
from tasks.retrieval.histories import Histories
from tasks.retrieval.neighbours import Neighbours
from tasks.retrieval.passages import Passages
from tasks.retrieval.ranked import Part
from tasks.retrieval.words import Words

MOST_REASONS: Final = 2


def reasons_for(
    product: int, history: Histories, *, parts: Sequence[Part], shares: Mapping[str, float], titles: Sequence[str]
) -> tuple[str, ...]:
    """Return the reasons that weigh most, the heaviest first.

    Args:
        product: The recommended product's catalogue position.
        history: The one user it is recommended to.
        parts: The parts of the combination.
        shares: What each part adds to the product's score.
        titles: The catalogue's titles.
    """
    heaviest = sorted((part for part in parts if shares.get(part.name, 0) > 0), key=lambda part: -shares[part.name])
    found: dict[str, str] = {}  # what speaks for the product -> the reason; one product speaks once
    for part in heaviest:
        reason = _reason(part, product, history, titles)
        found.setdefault(reason.partition("“")[2] or reason, reason)
    return tuple(found.values())[:MOST_REASONS]


def _reason(part: Part, product: int, history: Histories, titles: Sequence[str]) -> str:
    if isinstance(part, Neighbours):
        speaking = part.similarity[history.products][:, [product]].toarray().ravel()
        return f"bought with “{titles[_speaker(speaking, history)]}”"
    if isinstance(part, Passages):
        return f"like “{titles[_speaker(part.vectors[history.products] @ part.vectors[product], history)]}”"
    if isinstance(part, Words):
        shared = part.terms[part.text_of[history.products]] @ part.terms[[part.text_of[product]]].T
        return f"like “{titles[_speaker(shared.toarray().ravel(), history)]}”"
    return _habit(product, history) if product in history.products else "popular"


def _speaker(similarity: NDArray[Any], history: Histories) -> int:
    """Return the product of a history that speaks most for another one, given each one's similarity to it."""
    return int(history.products[int(np.argmax(similarity * history.recency()))])


def _habit(product: int, history: Histories) -> str:
    entry = int(np.flatnonzero(history.products == product)[0])
    days = float(history.days[entry])
    interval = float(interval_days(history)[entry])
    if days < 2 or interval < 1:
        return "you bought it before"
    return f"you buy it every {interval:.0f} days" if interval >= 1.5 else "you buy it every day"
