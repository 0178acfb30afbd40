"""The gate: whether a candidate may go to a reviewer, and in words why not. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from tasks.assets.reports import EvaluationReport, MetricValue
from tasks.errors import UsageError, near_miss
from tasks.register.config import RegisterConfig
from tasks.register.measures import name_of

CANDIDATE: Final = "combination"


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the gate is open, and a sentence for each reason it is not.

    Args:
        reasons: One sentence each.
        comparison: A sentence on what the champion was compared by; empty without a champion.
        warnings: What does not close the gate, and a reviewer must know.
    """

    reasons: tuple[str, ...]
    comparison: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether there is no reason against the candidate."""
        return not self.reasons

    def unless(self, problem: str | None) -> Decision:
        """Return the decision with one more reason against the candidate, if there is one."""
        return self if problem is None else replace(self, reasons=(*self.reasons, problem))

    def warning(self, problem: str | None) -> Decision:
        """Return the decision with one more warning, if there is one."""
        return self if problem is None else replace(self, warnings=(*self.warnings, problem))


@dataclass(frozen=True, slots=True)
class Champion:
    """What the champion reached when it was registered, by the metric that the gate looks at.

    Args:
        value: The combination's value; `low` is the lower bound of its interval.
        baseline: The baseline's value on the same split, None where it was not measured.
        is_same_split: Whether the candidate was measured on the split that the champion was measured on.
    """

    value: float
    low: float
    baseline: float | None
    is_same_split: bool


def decide(evaluation: EvaluationReport, config: RegisterConfig, *, champion: Champion | None) -> Decision:
    """Return what the gate says of a candidate's evaluation.

    Args:
        evaluation: The candidate's table of metrics.
        config: What the gate asks.
        champion: What the champion reached, None where there is none or it was not measured.

    Raises:
        UsageError: The configuration names a metric or a baseline that the evaluation does not have.
    """
    if all(item.split != "test" for item in evaluation.metrics):
        return Decision(("Nothing was measured on the test split.",))
    values = _test_values(evaluation, config)
    candidate = values.get(CANDIDATE)
    if candidate is None:
        return Decision((f"The evaluation has no {config.metric} of the combination on the test split.",))
    reasons = (
        *_leaks(evaluation),
        _too_low(candidate, config),
        _not_above_baseline(candidate, values[config.baseline], config),
        _below_best_part(candidate, values, config),
        *_below_champion(candidate, values[config.baseline], champion, config),
    )
    comparison = "" if champion is None else _comparison(candidate, values[config.baseline], champion)
    return Decision(tuple(reason for reason in reasons if reason), comparison)


def _test_values(evaluation: EvaluationReport, config: RegisterConfig) -> dict[str, MetricValue]:
    metrics = {item.metric for item in evaluation.metrics if item.split == "test"}
    if config.metric not in metrics:
        raise _unknown("metric", config.metric, metrics)
    found = {item.model: item for item in evaluation.metrics if item.split == "test" and item.metric == config.metric}
    if config.baseline not in found or config.baseline == CANDIDATE:
        raise _unknown("baseline", config.baseline, found.keys() - {CANDIDATE})
    return found


def _unknown(setting: str, word: str, valid: set[str]) -> UsageError:
    return UsageError(
        problem=f"`register.{setting}` is “{word}”, which the evaluation on the test split does not have.",
        fix=f"{near_miss(word, valid)}It has: {', '.join(sorted(valid))}.",
    )


def _leaks(evaluation: EvaluationReport) -> list[str]:
    if not evaluation.leakage:
        return ["Nobody looked whether the split leaks."]
    return [f"The split leaks: {check.name}: {check.detail}" for check in evaluation.leakage if not check.is_clean]


def _too_low(candidate: MetricValue, config: RegisterConfig) -> str | None:
    if candidate.value >= config.min_value:
        return None
    return f"Its {config.metric} of {candidate.value:.4f} is below the {config.min_value:.4f} that is asked."


def _not_above_baseline(candidate: MetricValue, baseline: MetricValue, config: RegisterConfig) -> str | None:
    if candidate.low > baseline.high:
        return None
    return (
        f"Its {config.metric} of {candidate.value:.4f} ({candidate.low:.4f} to {candidate.high:.4f}) is not clearly "
        f"above that of {baseline.model}, {baseline.value:.4f} ({baseline.low:.4f} to {baseline.high:.4f})."
    )


def _below_best_part(candidate: MetricValue, values: Mapping[str, MetricValue], config: RegisterConfig) -> str | None:
    best = max((item for name, item in values.items() if name != CANDIDATE), key=lambda item: item.value)
    if candidate.value >= best.value * (1 - config.max_loss_to_part) or candidate.high >= best.value:
        return None
    return (
        f"Its {config.metric} of {candidate.value:.4f} (at most {candidate.high:.4f}) is clearly below that of "
        f"{name_of(best.model)} alone, {best.value:.4f}."
    )


def _below_champion(
    candidate: MetricValue, baseline: MetricValue, champion: Champion | None, config: RegisterConfig
) -> list[str]:
    if champion is None:
        return []
    least = 1 - config.max_loss_to_champion
    if champion.is_same_split:
        if candidate.value >= champion.value * least:
            return []
        return [
            f"Its {config.metric} of {candidate.value:.4f} is more than {config.max_loss_to_champion:.0%} below the "
            f"champion's {champion.value:.4f}."
        ]
    if not champion.baseline or not baseline.value:
        return []
    ours, theirs = candidate.high / baseline.value, champion.low / champion.baseline
    if ours >= theirs * least:
        return []
    return [
        f"Its {config.metric} is at most {ours:.2f} times that of {baseline.model}; the champion's, on its own split, "
        f"was at least {theirs:.2f} times: more than {config.max_loss_to_champion:.0%} above."
    ]


def _comparison(candidate: MetricValue, baseline: MetricValue, champion: Champion) -> str:
    if champion.is_same_split:
        return "Both were measured on the same split."
    differ = "They were measured on different splits, so their values cannot be compared"
    if not champion.baseline or not baseline.value:
        return f"{differ}; {baseline.model} has no value on both to compare them by. The gate did not compare them."
    ours, theirs = candidate.value / baseline.value, champion.value / champion.baseline
    return f"{differ}; the gate compares their leads over {baseline.model}: {ours:.2f} times here, {theirs:.2f} there."
