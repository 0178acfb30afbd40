from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tasks.assets.asset import AssetRef
from tasks.register.candidate import LONGEST_DESCRIPTION, Candidate, description
from tasks.register.card import model_card
from tasks.register.gate import Decision
from tasks.register.registry import Version
from tests.tasks.register.registering import GAIN, SEARCH, evaluation_of, measured

SPLIT = AssetRef("splits/behaviour", "s1")
CANDIDATE = Candidate(
    folder=Path("nowhere"),
    assets=(),
    digests={AssetRef("shards/events/day1", "a1"): "d0", SPLIT: "d1", AssetRef("tables/events", "e1"): "d2"},
    evaluation=evaluation_of(0.12),
    questions=(),
)


def champion(split: str) -> Version:
    metrics = {"test.combination.ndcg_at_10": 0.11}
    metrics |= {f"test.combination.ndcg_at_10.{end}": value for end, value in (("low", 0.1), ("high", 0.13))}
    return Version("m", "3", ("champion",), {}, metrics, {"input.splits/behaviour": split}, "run", 0)


OPEN = Decision(())


def card(*, version: Version | None = None, decision: Decision = OPEN, candidate: Candidate = CANDIDATE) -> str:
    return model_card("office-recommender", candidate, decision, champion=version)


def told() -> Candidate:
    """A candidate whose manifests say everything that they can."""
    metrics = (*CANDIDATE.evaluation.metrics, measured("item_knn", 0.4, metric="known_item_mrr_at_10"))
    measures = {"gain": GAIN, "search": SEARCH, "reach": {"popularity": 1.0, "item_knn": 0.12}}
    return replace(
        CANDIDATE,
        evaluation=evaluation_of(0.12, metrics=metrics),
        measures=measures,
        training={"verdict": "Training did not beat the raw encoder; that one is kept."},
    )


def test_the_card_shows_every_model_with_its_interval() -> None:
    text = card()
    for model, cell in (("Popularity", "0.0500 (0.0400–0.0600)"), ("Combination", "0.1200 (0.1100–0.1300)")):
        assert f"| {model} | {cell} |" in text


def test_the_card_says_who_was_asked() -> None:
    assert "Users: 3 in train, 3 in test (2 with enough history, 1 of them asked)." in card()
    assert "Events: 6 in train, 1 in test." in card()
    assert "- nothing of the future is trained on: clean. 0 of 9 events." in card()


def test_the_card_says_how_behaviour_was_split() -> None:
    moment = {"validation": "2026-01-02T10:00:00+00:00", "test": "2026-01-09T10:00:00+00:00"}
    rule = {"validation": "the last choice but one of each user", "test": "the last choice of each user"}
    for cutoffs in (moment, rule):
        text = card(candidate=replace(CANDIDATE, evaluation=evaluation_of(cutoffs=cutoffs)))
        assert f"- test begins: {cutoffs['test']}" in text
        assert "split by time" not in text


def test_the_card_sets_the_candidate_beside_the_champion() -> None:
    text = card(version=champion("s1"), decision=Decision((), "Both were measured on the same split."))
    assert "| ndcg_at_10 | 0.1200 (0.1100–0.1300) | 0.1100 (0.1000–0.1300) |" in text
    assert "Both were measured on the same split." in text
    assert "does not compare search with the champion's." in text
    assert "There was no champion when it was registered." in card()


def test_a_champion_without_figures_is_not_made_up() -> None:
    nameless = Version("m", "3", ("champion",), {}, {}, {}, "run", 0)
    assert "| ndcg_at_10 | 0.1200 (0.1100–0.1300) | not measured |" in card(version=nameless)


def test_the_card_says_why_the_gate_refused() -> None:
    text = card(decision=Decision(("It is slow.", "It is wrong.")))
    assert "Refused:\n- It is slow.\n- It is wrong." in text
    assert "Passed, and put up for review." in card()


def test_a_warning_stands_beside_an_open_gate() -> None:
    text = card(decision=Decision(()).warning("Training made search worse."))
    assert "told by its tag `review`, not by this card.\n- Warning: Training made search worse." in text


def test_the_card_says_whether_the_gain_is_one_and_what_training_and_search_did() -> None:
    text = card(candidate=told())
    assert "Not distinguishable from ItemKNN, the best of the other models (NDCG@10 +0.0200" in text
    assert "Training did not beat the raw encoder; that one is kept." in text
    assert "Known-item search (no judgments): 300 products" in text
    assert "| model | known_item_mrr_at_10 |\n|---|---:|\n| ItemKNN | 0.4000 (0.3900–0.4100) |\n\n## What it is" in text
    assert "| model | ndcg_at_10 |" in text, "search has a table of its own"
    assert "Search was not measured." in card()


def test_the_card_says_how_many_users_a_weight_counts_for() -> None:
    text = card(candidate=told())
    assert "| ItemKNN | 0.750 | 12% |\n| Popularity | 0.250 | 100% |" in text
    assert "can weigh much and decide little" in text
    assert "| ItemKNN | 0.750 |  |" in card(), "an older evaluation does not say"


def test_the_card_names_assets_but_not_single_source_files() -> None:
    assert "- `splits/behaviour@s1`\n- `tables/events@e1`" in card()
    assert "shards/" not in card()


def test_a_long_card_is_cut_between_sections_and_says_where_the_rest_is() -> None:
    whole = card()
    assert description(whole) == whole
    long = whole.replace("## What it is\n", "## What it is\n" + "words and words\n" * 400)
    short = description(long)
    assert len(short) <= LONGEST_DESCRIPTION
    assert short.endswith("The whole card is `card.md` among the run's artifacts.\n")
    assert "## How it was measured" in short
    assert "## What it is" not in short
