"""Evaluations as the gate sees them, written by hand."""

from __future__ import annotations

from typing import Literal

from tasks.assets.reports import EvaluationReport, LeakageCheck, MetricValue

Bounds = tuple[float, float, float]
CLEAN = (LeakageCheck(name="order", is_clean=True, detail="Nothing is trained on after the cutoff."),)
GOOD: dict[str, Bounds] = {
    "popularity": (0.10, 0.08, 0.12),
    "ease": (0.28, 0.25, 0.31),
    "combination": (0.3, 0.27, 0.33),
}


def make_evaluation(
    values: dict[str, Bounds] | None = None,
    *,
    leakage: tuple[LeakageCheck, ...] = CLEAN,
    split: Literal["validation", "test"] = "test",
) -> EvaluationReport:
    """An evaluation of NDCG@10, each model's value with its bounds; a candidate that passes unless told otherwise."""
    values = GOOD if values is None else values
    metrics = [
        MetricValue(model=model, split=split, metric="ndcg_at_10", value=value, low=low, high=high)
        for model, (value, low, high) in values.items()
    ]
    return EvaluationReport(
        models=tuple(values),
        metrics=tuple(metrics),
        weights={"ease": 0.75, "popularity": 0.25},
        leakage=leakage,
        users={"train": 1200, "test": 900},
        events={"train": 34000, "test": 900},
        products=4321,
        cutoffs={"test": "2026-02-01"},
    )
