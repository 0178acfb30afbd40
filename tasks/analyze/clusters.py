"""Clusters of products: how many, which, and what they are called."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.analyze.config import AnalyzeConfig
from tasks.analyze.kmeans import spherical_kmeans
from tasks.analyze.naming import cluster_words, distinct_names


def cluster_count(texts: int, wanted: int | None) -> int:
    """Return the number of clusters: as wanted, or the root of half the texts, 2 to 256 (Mardia et al., 1979)."""
    chosen = round(math.sqrt(texts / 2)) if wanted is None else wanted
    return max(1, min(chosen if wanted is not None else max(2, min(chosen, 256)), texts))


def clustered(
    product_ids: Sequence[str], texts: Sequence[str], vectors: NDArray[np.float32], config: AnalyzeConfig
) -> tuple[pa.Table, list[list[str]]]:
    """Return each product's cluster (product_id, cluster_id, similarity), and each cluster's words.

    Equal texts are clustered as one, so that a text of which there are many ids does not draw the centres to itself.
    Clusters are numbered by size, the largest first. A product without a vector is in none.
    """
    has_vector = np.linalg.norm(vectors, axis=1) > 0
    rows = np.nonzero(has_vector)[0]
    first: dict[str, int] = {}
    text_of = np.array([first.setdefault(texts[row], len(first)) for row in rows.tolist()], np.int64)
    distinct = list(first)
    leaders = np.full(len(distinct), -1, np.int64)
    leaders[text_of[::-1]] = rows[::-1]
    k = cluster_count(len(distinct), config.clusters)
    found = spherical_kmeans(
        vectors[leaders],
        k,
        iterations=config.iterations,
        sample=k * config.points_per_cluster,
        seed=config.seed,
        device=config.device,
    )
    labels = found.labels[text_of]
    order = np.argsort(-np.bincount(labels, minlength=k), kind="stable")
    number = np.empty(k, np.int64)
    number[order] = np.arange(k)
    words = cluster_words(distinct, number[found.labels], k, words=config.cluster_words)
    members = pa.table(
        {
            "product_id": pa.array([product_ids[row] for row in rows.tolist()], pa.string()),
            "cluster_id": pa.array(number[labels], pa.int64()),
            "similarity": pa.array(found.similarities[text_of], pa.float32()),
        }
    )
    return members, words


def cluster_table(
    members: pa.Table, words: Sequence[Sequence[str]], values: Mapping[int, tuple[int, float | None]]
) -> pa.Table:
    """Return one row per cluster that has products, with its shares of events and revenue.

    Args:
        members: From `clustered`.
        words: From `clustered`.
        values: Cluster to its events and revenue; empty where there are no events.
    """
    names = distinct_names(words)
    sizes = np.bincount(members["cluster_id"].to_numpy(), minlength=len(words))
    kept = [cluster for cluster in range(len(words)) if sizes[cluster]]
    events = sum(count for count, _ in values.values())
    revenue = sum(paid or 0.0 for _, paid in values.values())
    shares = [values.get(cluster, (0, 0.0)) for cluster in kept]
    return pa.table(
        {
            "cluster_id": pa.array(kept, pa.int64()),
            "name": [names[cluster] for cluster in kept],
            "words": pa.array([list(words[cluster]) for cluster in kept], pa.list_(pa.string())),
            "size": pa.array([int(sizes[cluster]) for cluster in kept], pa.int64()),
            "event_share": pa.array([count / events if events else None for count, _ in shares], pa.float64()),
            "revenue_share": pa.array(
                [(paid or 0.0) / revenue if revenue else None for _, paid in shares], pa.float64()
            ),
        }
    )
