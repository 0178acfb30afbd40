"""How well an encoder finds products by words: by judgments where a shop has some, else by known-item search."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tasks.assets.reports import LeakageCheck, MetricValue
from tasks.evaluate.catalogue import Catalogue
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.contestants import FINETUNED, RAW
from tasks.evaluate.differences import DEPTH, Difference, difference
from tasks.evaluate.encoding import Contender
from tasks.evaluate.known_items import known_items, ranked_by_words
from tasks.retrieval.judged import is_held_out, query_key
from tasks.retrieval.metrics import Judged, bootstrap_interval, ranking_metrics
from tasks.retrieval.topk import exact_top_k

WORDS: Final = "words"
MeasuredBy = Literal["judgments", "known_items"]
METRICS: Final[Mapping[MeasuredBy, Mapping[str, str]]] = {
    "judgments": {"search_ndcg_at_10": "ndcg"},
    "known_items": {"known_item_mrr_at_10": "mrr", "known_item_recall_at_10": "recall"},
}
"""The metrics of each kind of search by their place in `RankingMetrics`; the encoders are compared by the first."""


@dataclass(frozen=True, slots=True)
class SearchTask:
    """Queries that no model was trained on, and the graded products of each.

    Args:
        queries: The words.
        judged: Per query, catalogue positions and grades as gains.
    """

    queries: tuple[str, ...]
    judged: Judged


@dataclass(frozen=True, slots=True)
class SearchOutcome:
    """How well products were found.

    Args:
        measured_by: What told which product was the right one.
        queries: How many were asked.
        metrics: Per model and metric.
        gain: How far the fine-tuned encoder lies above the encoder as it came.
    """

    measured_by: MeasuredBy
    queries: int
    metrics: tuple[MetricValue, ...]
    gain: Difference

    def facts(self) -> dict[str, Any]:  # texts and numbers
        """Return what a manifest says of it."""
        return {"measured_by": self.measured_by, "queries": self.queries, **asdict(self.gain)}


def search_task(judgments: pa.Table, queries: pa.Table, product_ids: pa.Array) -> SearchTask | None:
    """Return the held-out queries with a positive grade in the catalogue, or None where there are none."""
    words = dict(zip(queries["query_id"].to_pylist(), queries["query"].to_pylist(), strict=True))
    place = pc.index_in(judgments["product_id"].combine_chunks(), value_set=product_ids).to_pylist()
    graded: dict[str, dict[int, float]] = {}
    for query, position, grade in zip(
        judgments["query_id"].to_pylist(), place, judgments["grade"].to_pylist(), strict=True
    ):
        if position is not None and query in words and is_held_out(words[query]):
            graded.setdefault(query, {})[position] = float(grade or 0)
    kept = {query: graded[query] for query in sorted(graded) if max(graded[query].values()) > 0}
    if not kept:
        return None
    gains = [gain for grades in kept.values() for gain in grades.values()]
    return SearchTask(
        queries=tuple(words[query] for query in kept),
        judged=Judged(
            starts=np.concatenate([[0], np.cumsum([len(grades) for grades in kept.values()])]).astype(np.int64),
            products=np.array([position for grades in kept.values() for position in grades], np.int64),
            gains=np.array(gains, np.float64),
        ),
    )


def search_leakage(task: SearchTask, trained: Set[str]) -> LeakageCheck:
    """Return whether the fine-tuned encoder has learned from queries that search is measured on.

    Args:
        task: What search is measured on.
        trained: The queries learned from, as `query_key` writes them.
    """
    count = sum(query_key(query) in trained for query in task.queries)
    return LeakageCheck(
        name="no_judged_query_is_in_training_and_test",
        is_clean=count == 0,
        detail=f"{count:,} of {len(task.queries):,} test queries were trained on.",
    )


def search_outcome(
    task: SearchTask | None, contenders: Mapping[str, Contender], catalogue: Catalogue, config: EvaluateConfig
) -> SearchOutcome | None:
    """Return how well the encoders find products over the whole catalogue, or None where it cannot be measured.

    With judgments by `search_ndcg_at_10`, where products without one gain nothing; without, by known-item search,
    beside the words.

    Args:
        task: Queries with graded products, None where there are none.
        contenders: Model name to encoder.
        catalogue: The products.
        config: How to encode and to resample.
    """
    if task is not None:
        return _outcome("judgments", task, _ranked(task, contenders, config), config)
    drawn = known_items(catalogue.product_ids, catalogue.titles, config.seed)
    if drawn is None:
        return None
    task = SearchTask(*drawn)
    by_words = {WORDS: ranked_by_words(catalogue.texts, task.queries, DEPTH)}
    return _outcome("known_items", task, {**by_words, **_ranked(task, contenders, config)}, config)


def _ranked(
    task: SearchTask, contenders: Mapping[str, Contender], config: EvaluateConfig
) -> dict[str, NDArray[np.int64]]:
    return {
        name: exact_top_k(item.asked(task.queries, config), item.vectors, DEPTH, device=config.device).indices
        for name, item in contenders.items()
    }


def _outcome(
    measured_by: MeasuredBy, task: SearchTask, rankings: Mapping[str, NDArray[np.int64]], config: EvaluateConfig
) -> SearchOutcome:
    values = {
        (model, metric): getattr(ranking_metrics(found, task.judged, DEPTH), field)
        for model, found in rankings.items()
        for metric, field in METRICS[measured_by].items()
    }
    first = next(iter(METRICS[measured_by]))
    ours, theirs = ((model, values[model, first]) for model in (FINETUNED, RAW))
    return SearchOutcome(
        measured_by=measured_by,
        queries=len(task.queries),
        metrics=tuple(_value(model, metric, found, config) for (model, metric), found in values.items()),
        gain=difference(first, ours, theirs, config),
    )


def _value(model: str, metric: str, values: NDArray[np.float64], config: EvaluateConfig) -> MetricValue:
    found = bootstrap_interval(values, seed=config.seed, resamples=config.bootstrap_samples)
    return MetricValue(model=model, split="test", metric=metric, value=found.mean, low=found.low, high=found.high)
