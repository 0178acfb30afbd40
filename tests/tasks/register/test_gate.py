from __future__ import annotations

import pytest

from tasks.assets.reports import EvaluationReport, LeakageCheck
from tasks.errors import UsageError
from tasks.register.config import RegisterConfig
from tasks.register.gate import Champion, Decision, decide
from tests.tasks.register.registering import evaluation_of, measured

CONFIG = RegisterConfig()


def same_split(value: float) -> Champion:
    return Champion(value, low=value - 0.01, baseline=0.05, is_same_split=True)


def other_split(value: float, *, baseline: float | None) -> Champion:
    return Champion(value, low=value - 0.01, baseline=baseline, is_same_split=False)


def reasons(
    evaluation: EvaluationReport, config: RegisterConfig = CONFIG, champion: Champion | None = None
) -> list[str]:
    return list(decide(evaluation, config, champion=champion).reasons)


def test_a_candidate_above_all_passes_without_a_champion() -> None:
    assert decide(evaluation_of(0.12), CONFIG, champion=None) == Decision(())
    assert decide(evaluation_of(0.12), CONFIG, champion=None).is_open


def test_intervals_that_touch_the_baselines_are_refused() -> None:
    close = (measured("popularity", 0.10), measured("combination", 0.12))
    (reason,) = reasons(evaluation_of(metrics=close))
    assert reason == (
        "Its ndcg_at_10 of 0.1200 (0.1100 to 0.1300) is not clearly above that of popularity, "
        "0.1000 (0.0900 to 0.1100)."
    )


def test_a_part_that_is_clearly_better_alone_refuses_the_combination() -> None:
    values = (measured("popularity", 0.05), measured("item_knn", 0.20), measured("combination", 0.12))
    (reason,) = reasons(evaluation_of(metrics=values))
    assert "clearly below that of ItemKNN alone, 0.2000" in reason
    assert reasons(evaluation_of(metrics=values), RegisterConfig(max_loss_to_part=0.5)) == []


def test_a_part_within_the_interval_does_not() -> None:
    values = (measured("popularity", 0.05), measured("item_knn", 0.125), measured("combination", 0.12))
    assert reasons(evaluation_of(metrics=values)) == []


@pytest.mark.parametrize(("champion", "is_open"), [(0.10, True), (0.122, True), (0.123, False)])
def test_a_champion_may_be_better_by_two_percent_and_no_more(champion: float, is_open: bool) -> None:
    decision = decide(evaluation_of(0.12), CONFIG, champion=same_split(champion))
    assert decision.is_open is is_open
    if not is_open:
        assert decision.reasons == ("Its ndcg_at_10 of 0.1200 is more than 2% below the champion's 0.1230.",)


def test_a_higher_value_on_another_split_refuses_nothing() -> None:
    decision = decide(evaluation_of(0.12), CONFIG, champion=other_split(0.30, baseline=0.125))
    assert decision.reasons == ()
    assert decision.comparison == (
        "They were measured on different splits, so their values cannot be compared; the gate compares their leads "
        "over popularity: 2.40 times here, 2.40 there."
    )


def test_a_lower_value_on_another_split_does_not_hide_a_smaller_lead() -> None:
    (reason,) = reasons(evaluation_of(0.12), champion=other_split(0.08, baseline=0.02))
    assert reason == (
        "Its ndcg_at_10 is at most 2.60 times that of popularity; the champion's, on its own split, was at least "
        "3.50 times: more than 2% above."
    )


def test_leads_on_different_splits_whose_intervals_touch_pass() -> None:
    assert reasons(evaluation_of(0.12), champion=other_split(0.14, baseline=0.05)) == []


@pytest.mark.parametrize("baseline", [None, 0.0])
def test_without_a_baseline_on_both_splits_nothing_is_compared(baseline: float | None) -> None:
    decision = decide(evaluation_of(0.12), CONFIG, champion=other_split(0.9, baseline=baseline))
    assert decision.is_open
    assert "The gate did not compare them." in decision.comparison


def test_the_least_value_is_asked_for() -> None:
    (reason,) = reasons(evaluation_of(0.12), RegisterConfig(min_value=0.2))
    assert reason == "Its ndcg_at_10 of 0.1200 is below the 0.2000 that is asked."


def test_a_metric_that_is_no_number_never_passes() -> None:
    values = (measured("popularity", 0.05), measured("combination", float("nan")))
    found = reasons(evaluation_of(metrics=values))
    assert found
    assert all("nan" in reason for reason in found)


def test_a_leak_refuses_however_good_the_metrics_are() -> None:
    leaks = LeakageCheck(name="order", is_clean=False, detail="7 events come after the cutoff.")
    assert reasons(evaluation_of(leakage=(leaks,))) == ["The split leaks: order: 7 events come after the cutoff."]
    assert reasons(evaluation_of(leakage=())) == ["Nobody looked whether the split leaks."]


def test_all_reasons_are_named_together() -> None:
    leaks = LeakageCheck(name="order", is_clean=False, detail="7 events.")
    assert (
        len(reasons(evaluation_of(0.04, leakage=(leaks,)), RegisterConfig(min_value=0.2), champion=same_split(0.3)))
        == 5
    )


def test_what_was_not_measured_does_not_pass() -> None:
    assert reasons(evaluation_of(metrics=())) == ["Nothing was measured on the test split."]
    values = (measured("popularity", 0.05),)
    assert reasons(evaluation_of(metrics=values)) == [
        "The evaluation has no ndcg_at_10 of the combination on the test split."
    ]


def test_the_validation_split_does_not_count() -> None:
    values = [value.model_copy(update={"split": "validation"}) for value in evaluation_of().metrics]
    assert reasons(evaluation_of(metrics=tuple(values))) == ["Nothing was measured on the test split."]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (RegisterConfig(metric="ndgc_at_10"), "`register.metric` is “ndgc_at_10”.*Did you mean “ndcg_at_10”"),
        (RegisterConfig(baseline="popular"), "`register.baseline` is “popular”.*It has: item_knn, popularity"),
        (RegisterConfig(baseline="combination"), "`register.baseline` is “combination”"),
    ],
)
def test_a_setting_that_names_nothing_is_wrong_usage_not_a_refusal(config: RegisterConfig, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        decide(evaluation_of(), config, champion=None)


def test_one_more_reason_closes_the_gate() -> None:
    assert Decision(("a",), "same split").unless("b") == Decision(("a", "b"), "same split")
    assert Decision(()).unless(None).is_open


def test_a_warning_does_not_close_the_gate() -> None:
    assert Decision(()).warning("a").warning(None) == Decision((), warnings=("a",))
    assert Decision(()).warning("a").is_open
    assert Decision((), warnings=("a",)).unless("b").warnings == ("a",)
