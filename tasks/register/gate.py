"""The gate: whether a candidate may go to a reviewer, and in words why not. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tasks.assets.reports import EvaluationReport, MetricValue
from tasks.register.config import RegisterConfig

CANDIDATE: Final = "combination"


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the gate is open, and a sentence for each reason it is not."""

    reasons: tuple[str, ...]

    @property
    def is_open(self) -> bool:
        """Whether there is no reason against the candidate."""
        return not self.reasons


def decide(evaluation: EvaluationReport, config: RegisterConfig, *, champion: float | None) -> Decision:
    """Return what the gate says of a candidate's evaluation.

    Args:
        evaluation: The candidate's table of metrics.
        config: What the gate asks.
        champion: The champion's value of the same metric, None where there is no champion.
    """
    values = {item.model: item for item in evaluation.metrics if item.split == "test" and item.metric == config.metric}
    candidate = values.get(CANDIDATE)
    if candidate is None:
        return Decision((f"The evaluation has no {config.metric} of the combination on the test split.",))
    return Decision(
        tuple(
            reason
            for reason in (
                *_leaks(evaluation),
                _too_low(candidate, config),
                _not_above_baseline(candidate, values.get(config.baseline), config),
                _below_best_part(candidate, values, config),
                _below_champion(candidate, champion, config),
            )
            if reason
        )
    )


def _leaks(evaluation: EvaluationReport) -> list[str]:
    return [f"The split leaks: {check.name}: {check.detail}" for check in evaluation.leakage if not check.is_clean]


def _too_low(candidate: MetricValue, config: RegisterConfig) -> str | None:
    if candidate.value >= config.min_value:
        return None
    return f"Its {config.metric} of {candidate.value:.4f} is below the {config.min_value:.4f} that is asked."


def _not_above_baseline(candidate: MetricValue, baseline: MetricValue | None, config: RegisterConfig) -> str | None:
    if baseline is None or candidate.low > baseline.high:
        return None
    return (
        f"Its {config.metric} of {candidate.value:.4f} ({candidate.low:.4f} to {candidate.high:.4f}) is not clearly "
        f"above that of {baseline.model}, {baseline.value:.4f} ({baseline.low:.4f} to {baseline.high:.4f})."
    )


def _below_best_part(candidate: MetricValue, values: dict[str, MetricValue], config: RegisterConfig) -> str | None:
    parts = [item for name, item in values.items() if name != CANDIDATE]
    best = max(parts, key=lambda item: item.value, default=None)
    if best is None or candidate.value >= best.value * (1 - config.max_loss_to_part) or candidate.high >= best.value:
        return None
    return (
        f"Its {config.metric} of {candidate.value:.4f} (at most {candidate.high:.4f}) is clearly below that of "
        f"{best.model} alone, {best.value:.4f}."
    )


def _below_champion(candidate: MetricValue, champion: float | None, config: RegisterConfig) -> str | None:
    if champion is None or candidate.value >= champion * (1 - config.max_loss_to_champion):
        return None
    return f"Its {config.metric} of {candidate.value:.4f} is below the champion's {champion:.4f}."
