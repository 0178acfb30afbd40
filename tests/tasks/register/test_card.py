from __future__ import annotations

from pathlib import Path

from tasks.assets.asset import AssetRef
from tasks.register.candidate import LONGEST_DESCRIPTION, Candidate, description
from tasks.register.card import model_card
from tasks.register.gate import Decision
from tasks.register.registry import Version
from tests.tasks.register.registering import evaluation_of

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


def card(*, version: Version | None = None, decision: Decision = OPEN) -> str:
    return model_card("office-recommender", CANDIDATE, decision, champion=version)


def test_the_card_shows_every_model_with_its_interval() -> None:
    text = card()
    for model, cell in (("popularity", "0.0500 (0.0400–0.0600)"), ("combination", "0.1200 (0.1100–0.1300)")):
        assert f"| {model} | {cell} |" in text


def test_the_card_says_who_was_asked() -> None:
    assert "Users: 3 in train, 3 in test (2 with enough history, 1 of them asked)." in card()
    assert "Events: 6 in train, 1 in test." in card()
    assert "- nothing of the future is trained on: clean. 0 of 9 events." in card()


def test_the_card_sets_the_candidate_beside_the_champion() -> None:
    text = card(version=champion("s1"), decision=Decision((), "Both were measured on the same split."))
    assert "| ndcg_at_10 | 0.1200 (0.1100–0.1300) | 0.1100 (0.1000–0.1300) |" in text
    assert "Both were measured on the same split." in text
    assert "There is no champion yet." in card()


def test_a_champion_without_figures_is_not_made_up() -> None:
    nameless = Version("m", "3", ("champion",), {}, {}, {}, "run", 0)
    assert "| ndcg_at_10 | 0.1200 (0.1100–0.1300) | not measured |" in card(version=nameless)


def test_the_card_says_why_the_gate_refused() -> None:
    text = card(decision=Decision(("It is slow.", "It is wrong.")))
    assert "Refused:\n- It is slow.\n- It is wrong." in text
    assert "waiting for review" in card()


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
