from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tasks.evaluate.catalogue import Catalogue
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.contest import COMBINATION, Outcome, held_contest
from tasks.evaluate.contestants import CatalogueTexts
from tasks.retrieval.words import Words
from tests.builders_behaviour import interactions_of

SHOPPERS, FANS = [f"u{i}" for i in range(6)], [f"f{i}" for i in range(6)]
USUAL = {user: f"usual of {user}" for user in SHOPPERS}
PRODUCTS = (*USUAL.values(), "news", "hit")
TRAINED = [*USUAL.items(), *((fan, "hit") for fan in FANS)]
"""Every shopper has a product of their own; the fans have made another one popular."""


def contest_of(validation: list[tuple[str, str]], test: list[tuple[str, str]]) -> Outcome:
    interactions = pa.concat_tables(
        [
            interactions_of(TRAINED),
            interactions_of(validation, split="validation", first_day=100),
            interactions_of(test, split="test", first_day=200),
        ]
    )
    vectors = np.eye(len(PRODUCTS), dtype=np.float32)
    return held_contest(
        interactions,
        Catalogue(pa.array(PRODUCTS), titles=PRODUCTS, texts=PRODUCTS),
        CatalogueTexts(Words.fit(PRODUCTS), raw=vectors, finetuned=vectors),
        min_history=1,
        config=EvaluateConfig(bootstrap_samples=100, device="cpu"),
    )


def measured(outcome: Outcome, model: str, metric: str) -> dict[str, float]:
    return {v.split: v.value for v in outcome.metrics if (v.model, v.metric) == (model, metric)}


def test_weights_are_learned_on_validation_and_not_again_on_the_test_that_asks_for_others() -> None:
    outcome = contest_of(validation=list(USUAL.items()), test=[(user, "hit") for user in SHOPPERS])
    combined, popular = (measured(outcome, model, "ndcg_at_10") for model in (COMBINATION, "popularity"))
    assert outcome.weights["buy_again"] > outcome.weights["popularity"]
    assert combined["validation"] == pytest.approx(1)
    assert popular["test"] == pytest.approx(1)
    assert combined["test"] < 0.9, "weights learned on the test would be as good as its best part"


def test_parts_are_fitted_again_on_the_validation_choices_before_the_test() -> None:
    outcome = contest_of(validation=[(fan, "news") for fan in FANS], test=[(user, "news") for user in SHOPPERS])
    assert measured(outcome, "popularity", "recall_at_10") == {"validation": 0, "test": 1}
