"""The contest: weights learned on validation, every model ranked on both splits, the combination fitted at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from tasks.assets.reports import EvaluationReport, LeakageCheck, MetricValue, SplitReport
from tasks.evaluate.catalogue import Catalogue
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.contestants import FINETUNED, RAW, CatalogueTexts, fitted_parts
from tasks.evaluate.differences import Difference, gain_over_best
from tasks.evaluate.rounds import HeldOut, Round, round_of
from tasks.evaluate.table import metric_values
from tasks.evaluate.weights import learned_weights
from tasks.retrieval.combination import DEPTH, candidates_of
from tasks.retrieval.histories import histories_of
from tasks.retrieval.neighbours import Neighbours
from tasks.retrieval.passages import Passages
from tasks.retrieval.popularity import Popularity
from tasks.retrieval.ranked import Ranked
from tasks.retrieval.recommender_files import Bundle

COMBINATION: Final = "combination"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the models rank, and the weights that were learned on the way.

    Args:
        metrics: One value per model, split and metric.
        weights: Part name to weight in the combination.
        models: The models in the table's order.
        rounds: Split name to who was asked what.
        gain: How far the combination lies above the best of the other models on the test split.
        reach: Model name to the share of the test's users for whom it ranks any product at all.
    """

    metrics: tuple[MetricValue, ...]
    weights: dict[str, float]
    models: tuple[str, ...]
    rounds: Mapping[HeldOut, Round]
    gain: Difference
    reach: dict[str, float]


def held_contest(
    interactions: pa.Table, catalogue: Catalogue, texts: CatalogueTexts, *, min_history: int, config: EvaluateConfig
) -> Outcome:
    """Return how every model ranks the catalogue on validation and test.

    The weights of the combination come from the validation split alone. Before the test every part is fitted again on
    training and validation; the encoders are not trained again, but read the longer histories.

    Raises:
        TooLittleDataError: A split has nobody to ask.
    """
    rounds: dict[HeldOut, Round] = {
        split: round_of(interactions, catalogue.product_ids, split, min_history=min_history, max_users=config.max_users)
        for split in ("validation", "test")
    }
    weights: dict[str, float] = {}
    metrics: list[MetricValue] = []
    rankings: dict[str, Ranked] = {}
    for split, asked in rounds.items():
        parts = fitted_parts(asked.fitted_on, texts, config)
        rankings = {part.name: part.rank(asked.asked, DEPTH) for part in parts}
        candidates = candidates_of(combined_parts(rankings))
        weights = weights or learned_weights(candidates, asked.targets)
        rankings[COMBINATION] = candidates.ranked(weights, DEPTH)
        metrics += metric_values(
            rankings, asked.judged(), split=split, resamples=config.bootstrap_samples, seed=config.seed
        )
    return Outcome(
        metrics=tuple(metrics),
        weights=weights,
        models=tuple(rankings),
        rounds=rounds,
        gain=gain_over_best(rankings, rounds["test"].judged(), config, candidate=COMBINATION),
        reach={name: round(float((item.products >= 0).any(axis=1).mean()), 4) for name, item in rankings.items()},
    )


def combined_parts(rankings: Mapping[str, Ranked]) -> dict[str, Ranked]:
    """Return the rankings that are combined: the raw encoder is only compared with, the fine-tuned one replaces it."""
    return {name: ranked for name, ranked in rankings.items() if name != RAW}


def report_of(
    outcome: Outcome,
    split: SplitReport,
    *,
    products: int,
    searched: tuple[MetricValue, ...] = (),
    leakage: tuple[LeakageCheck, ...] = (),
) -> EvaluationReport:
    """Return the evaluation's report.

    Args:
        outcome: The contest's outcome.
        split: How behaviour was split, whose checks the report repeats.
        products: Size of the catalogue that was ranked.
        searched: The metrics of search.
        leakage: The checks of search.
    """
    asked = {f"{name}_asked": len(item.asked) for name, item in outcome.rounds.items()}
    able = {f"{name}_able": item.users for name, item in outcome.rounds.items()}
    return EvaluationReport(
        models=outcome.models,
        metrics=(*outcome.metrics, *searched),
        weights=outcome.weights,
        leakage=(*split.leakage, *leakage),
        users={**split.users, **able, **asked},
        events=split.events,
        products=products,
        cutoffs=split.cutoffs,
    )


def refitted(
    interactions: pa.Table,
    catalogue: Catalogue,
    texts: CatalogueTexts,
    *,
    weights: Mapping[str, float],
    config: EvaluateConfig,
) -> Bundle:
    """Return what is shipped: every part fitted on all behaviour up to today, with the weights that were measured."""
    histories = histories_of(interactions, catalogue.product_ids)
    parts = {part.name: part for part in fitted_parts(histories, texts, config)}
    popularity, passages = parts["popularity"], parts[FINETUNED]
    assert isinstance(popularity, Popularity)
    assert isinstance(passages, Passages)
    return Bundle(
        product_ids=tuple(catalogue.product_ids.to_pylist()),
        titles=catalogue.titles,
        histories=histories,
        now_s=float(histories.last_s.max()),
        weights=dict(weights),
        popularity=popularity,
        neighbours=tuple(part for part in parts.values() if isinstance(part, Neighbours)),
        words=texts.words,
        passages=passages,
    )
