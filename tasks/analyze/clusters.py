"""Clusters of products: how many, which, and what they are called."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.analyze.config import AnalyzeConfig
from tasks.analyze.kmeans import Learning, spherical_kmeans
from tasks.analyze.naming import cluster_words, distinct_names
from tasks.errors import TooLittleDataError
from tasks.retrieval.packing import distinct
from tasks.retrieval.texts import product_text

NAMED_BY = ("title", "category")
"""What names are made of: descriptions praise, and brands are in titles where they matter."""


def cluster_count(texts: int, wanted: int | None) -> int:
    """Return the number of clusters: as wanted, or the root of half the texts, 2 to 256 (Mardia et al., 1979).

    There are never more clusters than texts.
    """
    chosen = min(max(2, round(math.sqrt(texts / 2))), 256) if wanted is None else wanted
    return min(chosen, texts)


def clustered(
    products: pa.Table, vectors: NDArray[np.float32], config: AnalyzeConfig
) -> tuple[pa.Table, list[list[str]]]:
    """Return each product's cluster (product_id, cluster_id, similarity), and each cluster's words.

    Equal texts are clustered as one, so that a text of which there are many ids does not draw the centres to itself.
    Clusters are numbered by their products, the largest first. A product without a vector is in none.

    Args:
        products: product_id and whatever of title, brand, category, description there is.
        vectors: A unit vector per product; zeros where there is none.
        config: How many clusters, and how they are learned.

    Raises:
        TooLittleDataError: No product has a vector.
    """
    rows = np.nonzero(vectors.any(axis=1))[0]
    if not len(rows):
        raise TooLittleDataError(
            stage="cluster",
            needed="at least one product with a vector",
            found=f"{products.num_rows} products without any",
            fix="Map a source column to `title` or `description` under sources in shop.yaml.",
        )
    texts = product_text(products)
    text_of = distinct([texts[row] for row in rows.tolist()]).positions
    leaders = np.unique(text_of, return_index=True)[1]
    k = cluster_count(len(leaders), config.clusters)
    learning = Learning(config.iterations, sample=k * config.points_per_cluster, seed=config.seed)
    found = spherical_kmeans(vectors[rows[leaders]], k, learning, device=config.device)
    labels = found.labels[text_of]
    number = np.empty(k, np.int64)
    number[np.argsort(-np.bincount(labels, minlength=k), kind="stable")] = np.arange(k)
    members = pa.table(
        {
            "product_id": products["product_id"].take(pa.array(rows)).combine_chunks(),
            "cluster_id": pa.array(number[labels], pa.int64()),
            "similarity": pa.array(found.similarities[text_of], pa.float32()),
        }
    )
    named_by = [name for name in NAMED_BY if name in products.column_names]
    named = product_text(products.select(named_by).take(pa.array(rows[leaders])))
    return members, cluster_words(named, number[found.labels], k, words=config.cluster_words)


def cluster_table(
    members: pa.Table, words: Sequence[Sequence[str]], values: Mapping[int, tuple[int, float | None]]
) -> pa.Table:
    """Return one row per cluster that has products, with its shares of events and revenue.

    Shares are of the events of all clusters together. They are null where there are no events, or no prices.

    Args:
        members: From `clustered`.
        words: From `clustered`.
        values: Cluster to its events and revenue; empty where there are no events.
    """
    sizes = np.bincount(members["cluster_id"].to_numpy(), minlength=len(words))
    kept = np.nonzero(sizes)[0].tolist()
    names = distinct_names([words[cluster] for cluster in kept])
    events = [values.get(cluster, (0, None))[0] for cluster in kept]
    revenue = [values.get(cluster, (0, None))[1] or 0.0 for cluster in kept]
    return pa.table(
        {
            "cluster_id": pa.array(kept, pa.int64()),
            "name": pa.array(names, pa.string()),
            "words": pa.array([list(words[cluster]) for cluster in kept], pa.list_(pa.string())),
            "size": pa.array(sizes[kept], pa.int64()),
            "event_share": pa.array(_shares(events), pa.float64()),
            "revenue_share": pa.array(_shares(revenue), pa.float64()),
        }
    )


def _shares(amounts: Sequence[float]) -> list[float | None]:
    total = sum(amounts)
    return [amount / total if total > 0 else None for amount in amounts]
