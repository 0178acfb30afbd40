from __future__ import annotations

import pytest

from tasks.inventory.words import ENGLISH
from tasks.register.measures import NAMES, gain_words, name_of, search_warning, search_words
from tests.tasks.register.registering import GAIN, SEARCH


def test_a_model_has_one_name_on_the_card_and_on_the_pages() -> None:
    assert dict(NAMES) == dict(ENGLISH.models)
    assert name_of("some_other") == "some_other"


def test_a_gain_whose_interval_holds_nothing_is_not_called_one() -> None:
    assert gain_words({"gain": GAIN}) == (
        "Not distinguishable from ItemKNN, the best of the other models (NDCG@10 +0.0200, 95 % interval of the "
        "difference −0.0100 to +0.0500)."
    )
    assert gain_words({}) == ""


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ({"value": 0.02, "low": 0.01, "share": 0.2}, "+20 % against ItemKNN, the best of the other models (NDCG@10 +"),
        ({"value": -0.02, "high": -0.01, "share": -0.2}, "−20 % against ItemKNN, the best of the other models"),
    ],
)
def test_a_clear_difference_is_told_as_a_share(bounds: dict[str, float], words: str) -> None:
    assert gain_words({"gain": GAIN | bounds}).startswith(words)


def test_search_that_training_made_clearly_worse_is_a_warning() -> None:
    found = search_warning({"search": SEARCH})
    assert found is not None
    assert "known-item MRR@10 of the fine-tuned encoder lies 0.1000 below that of the raw one" in found
    assert "clearly below that of the raw one" in search_words({"search": SEARCH})
    assert search_warning({"search": SEARCH | {"high": 0.01}}) is None
    assert "not distinguishable from that of the raw one" in search_words({"search": SEARCH | {"high": 0.01}})
    assert search_warning({"search": {}}) is search_warning({}) is None


def test_by_what_search_was_measured_is_said() -> None:
    assert "words of their own titles. Known-item MRR@10 of the fine-tuned" in search_words({"search": SEARCH})
    judged = SEARCH | {"measured_by": "judgments", "metric": "search_ndcg_at_10", "queries": 45}
    assert search_words({"search": judged}).startswith("Search was measured on 45 judged queries")
    assert search_words({"search": {}}).startswith("Search was not measured: the shop has no judgments")
    assert search_words({}) == "Search was not measured."
