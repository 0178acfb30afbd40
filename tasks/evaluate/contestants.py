"""The models that are compared, fitted on what a round allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.evaluate.config import EvaluateConfig
from tasks.retrieval.buy_again import BuyAgain, DueAgain
from tasks.retrieval.histories import Histories
from tasks.retrieval.neighbours import ease, item_knn
from tasks.retrieval.passages import Passages
from tasks.retrieval.popularity import Popularity
from tasks.retrieval.ranked import Part
from tasks.retrieval.words import Words

RAW: Final = "raw_encoder"
FINETUNED: Final = "finetuned_encoder"


@dataclass(frozen=True, slots=True)
class CatalogueTexts:
    """What the text models know of the catalogue; none of it comes from behaviour after the training split.

    Args:
        words: The TF-IDF model of the product texts.
        raw: Product vectors of the encoder as it came.
        finetuned: Product vectors of the encoder fine-tuned on the training split.
    """

    words: Words
    raw: NDArray[np.float32]
    finetuned: NDArray[np.float32]


def fitted_parts(histories: Histories, texts: CatalogueTexts, config: EvaluateConfig) -> tuple[Part, ...]:
    """Return every model of the table but the combination, baselines first."""
    now_s = float(histories.last_s.max())
    parts: list[Part] = [
        Popularity.fit(histories),
        BuyAgain(now_s),
        DueAgain(now_s),
        item_knn(histories, neighbours=config.neighbours, min_users=config.min_users, threads=config.threads),
    ]
    if config.ease_products:
        parts.append(ease(histories, products=config.ease_products, neighbours=config.neighbours))
    encoders = {RAW: texts.raw, FINETUNED: texts.finetuned}
    passages = (Passages(name, vectors, device=config.device) for name, vectors in encoders.items())
    return (*parts, texts.words, *passages)
