"""How well an encoder finds products by words, where a shop has judged some."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tasks.assets.reports import LeakageCheck, MetricValue
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.encoding import Contender
from tasks.retrieval.judged import is_held_out, query_key
from tasks.retrieval.metrics import Judged, bootstrap_interval, ranking_metrics
from tasks.retrieval.topk import exact_top_k

DEPTH: Final = 10


@dataclass(frozen=True, slots=True)
class SearchTask:
    """Queries that no model was trained on, and the graded products of each.

    Args:
        queries: The words.
        judged: Per query, catalogue positions and grades as gains.
    """

    queries: tuple[str, ...]
    judged: Judged


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


def search_values(
    task: SearchTask, contenders: Mapping[str, Contender], config: EvaluateConfig
) -> tuple[MetricValue, ...]:
    """Return `search_ndcg_at_10` of each encoder over the whole catalogue; products without a judgment gain nothing.

    Args:
        task: Queries with graded products.
        contenders: Model name to encoder.
        config: How to encode and to resample.
    """
    return tuple(
        _value(name, task, contender.asked(task.queries, config), contender.vectors, config)
        for name, contender in contenders.items()
    )


def _value(
    model: str, task: SearchTask, queries: NDArray[np.float32], products: NDArray[np.float32], config: EvaluateConfig
) -> MetricValue:
    found = exact_top_k(queries, products, DEPTH).indices
    values = ranking_metrics(found, task.judged, DEPTH).ndcg
    interval = bootstrap_interval(values, seed=config.seed, resamples=config.bootstrap_samples)
    return MetricValue(
        model=model,
        split="test",
        metric="search_ndcg_at_10",
        value=interval.mean,
        low=interval.low,
        high=interval.high,
    )
