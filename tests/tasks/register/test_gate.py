from __future__ import annotations

import pytest

from tasks.assets.reports import LeakageCheck
from tasks.errors import UsageError
from tasks.register.config import RegisterConfig
from tasks.register.gate import Decision, decide
from tests.tasks.register.evaluations import GOOD, make_evaluation


def test_a_clean_candidate_above_everything_passes() -> None:
    decision = decide(make_evaluation(), RegisterConfig(), champion=None)
    assert decision == Decision(())
    assert decision.is_open


def test_a_leaking_split_is_a_reason_and_names_the_check() -> None:
    leak = LeakageCheck(name="future", is_clean=False, detail="3 events are trained on too early.")
    evaluation = make_evaluation(leakage=(leak,))
    decision = decide(evaluation, RegisterConfig(), champion=None)
    assert decision.reasons == ("The split leaks: future: 3 events are trained on too early.",)
    assert not decision.is_open


def test_a_split_that_nobody_checked_for_leaks_is_a_reason() -> None:
    decision = decide(make_evaluation(leakage=()), RegisterConfig(), champion=None)
    assert decision.reasons == ("Nobody looked whether the split leaks.",)


@pytest.mark.parametrize(("asked", "is_open"), [(0.3, True), (0.3001, False)])
def test_the_lowest_value_that_is_asked_passes_and_less_does_not(asked: float, is_open: bool) -> None:
    decision = decide(make_evaluation(), RegisterConfig(min_value=asked), champion=None)
    assert decision.is_open is is_open
    if not is_open:
        assert decision.reasons == ("Its ndcg_at_10 of 0.3000 is below the 0.3001 that is asked.",)


@pytest.mark.parametrize("low", [0.12, 0.11])
def test_intervals_that_meet_are_not_clearly_above_the_baseline(low: float) -> None:
    values = {**GOOD, "combination": (0.3, low, 0.33)}
    decision = decide(make_evaluation(values), RegisterConfig(), champion=None)
    assert decision.reasons == (
        f"Its ndcg_at_10 of 0.3000 ({low:.4f} to 0.3300) is not clearly above that of popularity, "
        "0.1000 (0.0800 to 0.1200).",
    )


def test_the_baseline_can_be_another_model() -> None:
    decision = decide(make_evaluation(), RegisterConfig(baseline="ease"), champion=None)
    assert "is not clearly above that of ease" in decision.reasons[0]


def test_a_part_that_is_clearly_better_alone_is_a_reason() -> None:
    values = {**GOOD, "ease": (0.34, 0.32, 0.36)}
    decision = decide(make_evaluation(values), RegisterConfig(), champion=None)
    assert decision.reasons == (
        "Its ndcg_at_10 of 0.3000 (at most 0.3300) is clearly below that of ease alone, 0.3400.",
    )


@pytest.mark.parametrize(("best", "allowed"), [(0.33, 0.0), (0.34, 0.2)])
def test_a_part_that_is_better_by_chance_or_by_less_than_allowed_is_none(best: float, allowed: float) -> None:
    values = {**GOOD, "ease": (best, 0.3, 0.36)}
    assert decide(make_evaluation(values), RegisterConfig(max_loss_to_part=allowed), champion=None).is_open


@pytest.mark.parametrize(("champion", "is_open"), [(0.306, True), (0.31, False), (0.1, True)])
def test_a_candidate_may_be_below_the_champion_by_the_allowed_share_alone(champion: float, is_open: bool) -> None:
    decision = decide(make_evaluation(), RegisterConfig(max_loss_to_champion=0.02), champion=champion)
    assert decision.is_open is is_open
    if not is_open:
        assert decision.reasons == ("Its ndcg_at_10 of 0.3000 is more than 2% below the champion's 0.3100.",)


def test_every_reason_is_said_at_once() -> None:
    values = {"popularity": (0.5, 0.4, 0.6), "combination": (0.1, 0.0, 0.2)}
    decision = decide(make_evaluation(values, leakage=()), RegisterConfig(min_value=0.2), champion=0.9)
    assert len(decision.reasons) == 5


def test_nothing_on_the_test_split_is_a_reason_not_a_crash() -> None:
    decision = decide(make_evaluation(split="validation"), RegisterConfig(), champion=None)
    assert decision.reasons == ("Nothing was measured on the test split.",)


def test_an_evaluation_without_the_combination_is_refused() -> None:
    values = {"popularity": GOOD["popularity"]}
    decision = decide(make_evaluation(values), RegisterConfig(), champion=None)
    assert decision.reasons == ("The evaluation has no ndcg_at_10 of the combination on the test split.",)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (RegisterConfig(metric="ndcg_at_1"), "`register.metric` is “ndcg_at_1”.*Did you mean “ndcg_at_10”"),
        (RegisterConfig(baseline="popularty"), "`register.baseline` is “popularty”.*Did you mean “popularity”"),
        (RegisterConfig(baseline="combination"), "`register.baseline` is “combination”.*It has: ease, popularity"),
    ],
)
def test_a_metric_or_baseline_that_was_not_measured_is_a_usage_error(config: RegisterConfig, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        decide(make_evaluation(), config, champion=None)


def test_a_further_problem_closes_the_gate_and_none_leaves_it() -> None:
    assert Decision(()).unless("It cannot be served.").reasons == ("It cannot be served.",)
    assert Decision(("Too low.",)).unless(None) == Decision(("Too low.",))
