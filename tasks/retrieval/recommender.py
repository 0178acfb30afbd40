"""The recommender that is registered: recommends to users, known or not, and searches by words; always says why.

It needs nothing but its folder: no store, no service, no network.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.retrieval.combination import Combination
from tasks.retrieval.histories import Histories, history_of_products
from tasks.retrieval.ranked import NOTHING
from tasks.retrieval.reasons import reasons_for
from tasks.retrieval.recommender_files import Bundle, read_bundle
from tasks.retrieval.topk import exact_top_k
from tasks.retrieval.words import tokens

ENCODER_FOLDER: Final = "encoder"


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A product for somebody, and why. Scores fall within one list and are not comparable between lists."""

    product_id: str
    title: str
    score: float
    reasons: tuple[str, ...]


class Recommender:
    """Recommends and searches.

    Args:
        bundle: The fitted parts, the catalogue and everybody's history.
        encoder_folder: The encoder that made the bundle's vectors, needed by `search` alone.
    """

    def __init__(self, bundle: Bundle, encoder_folder: Path) -> None:
        self._bundle = bundle
        self._combination = Combination(bundle.parts, bundle.weights)
        self._encoder_folder = encoder_folder
        self._position = {product: index for index, product in enumerate(bundle.product_ids)}
        self._row = {user: row for row, user in enumerate(bundle.histories.user_ids)}

    @classmethod
    def load(cls, folder: Path) -> Recommender:
        """Return the recommender that a folder holds. The encoder is loaded when words are first searched for."""
        return cls(read_bundle(Path(folder)), Path(folder) / ENCODER_FOLDER)

    def recommend(self, user_id: str | None = None, history: Sequence[str] = (), k: int = 10) -> list[Recommendation]:
        """Return up to k products, best first.

        A known user's own history comes first and `history` is what they did since. Where neither tells anything,
        the most popular products are recommended.

        Args:
            user_id: Who asks; an unknown user is nobody in particular.
            history: Product ids in the order they were chosen, the latest last; unknown ones are passed over.
            k: How many.
        """
        known = self._known(user_id)
        chosen = [self._position[product] for product in history if product in self._position]
        past = self._with_recent(known, chosen) if chosen else known
        if past is None:
            past = history_of_products((), len(self._position))
        return self._recommended(past, k) or self._popular(past, k)

    def search(self, query: str, k: int = 10) -> list[Recommendation]:
        """Return up to k products whose texts are nearest in meaning to some words, best first."""
        if not query.strip():
            return []
        found = exact_top_k(self._encoder.encode([query], "query"), self._vectors, k)
        asked = set(tokens(query))
        return [
            self._recommendation(int(product), float(score), self._matches(int(product), asked))
            for product, score in zip(found.indices[0], found.scores[0], strict=True)
            if product != NOTHING
        ]

    def _recommended(self, past: Histories, k: int) -> list[Recommendation]:
        if not len(past.products):
            return []
        candidates = self._combination.candidates(past)
        ranked = candidates.ranked(self._combination.weights, k)
        place = {int(product): index for index, product in enumerate(candidates.products[0])}
        found = []
        for product, score in zip(ranked.products[0], ranked.scores[0], strict=True):
            if product == NOTHING:
                break
            shares = {
                name: self._combination.weights[name] * float(scores[0, place[int(product)]])
                for name, scores in zip(candidates.names, candidates.scores, strict=True)
            }
            reasons = reasons_for(
                int(product), past, parts=self._combination.parts, shares=shares, titles=self._bundle.titles
            )
            found.append(self._recommendation(int(product), float(score), reasons))
        return found

    def _popular(self, past: Histories, k: int) -> list[Recommendation]:
        ranked = self._bundle.popularity.rank(past, k)
        most = max(1.0, float(self._bundle.popularity.users_of.max(initial=0)))
        return [
            self._recommendation(int(product), float(score) / most, ("popular",))
            for product, score in zip(ranked.products[0], ranked.scores[0], strict=True)
            if product != NOTHING
        ]

    def _known(self, user_id: str | None) -> Histories | None:
        row = self._row.get(user_id or "")
        return None if row is None else self._bundle.histories.take(np.array([row], np.int64))

    def _with_recent(self, known: Histories | None, chosen: Sequence[int]) -> Histories:
        """Return a history with products added that were chosen since it ended, one second apart."""
        recent = history_of_products(chosen, len(self._position))
        now = self._bundle.now_s + 1 + recent.last_s
        recent = replace(recent, first_s=now, last_s=now)
        return recent if known is None else known.merged(recent)

    def _matches(self, product: int, asked: set[str]) -> tuple[str, ...]:
        shared = [word for word in dict.fromkeys(tokens(self._bundle.titles[product])) if word in asked]
        return (f"its title has “{' '.join(shared)}”",) if shared else ("near in meaning",)

    def _recommendation(self, product: int, score: float, reasons: tuple[str, ...]) -> Recommendation:
        return Recommendation(self._bundle.product_ids[product], self._bundle.titles[product], score, reasons)

    @property
    def _vectors(self) -> NDArray[np.float32]:
        return self._bundle.passages.vectors

    @functools.cached_property
    def _encoder(self) -> Any:  # an Encoder
        from tasks.retrieval.encoder import open_encoder

        return open_encoder(str(self._encoder_folder), precision="fp32")
