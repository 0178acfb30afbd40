"""What the evaluation reads: the catalogue in its order, the split, and vectors in the catalogue's order."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.assets.reports import SPLIT_REPORT, SplitReport
from tasks.evaluate.catalogue import Catalogue
from tasks.evaluate.encoding import Contender
from tasks.evaluate.search import SearchTask, search_task
from tasks.retrieval.judged import TRAINED_QUERIES
from tasks.retrieval.texts import product_text
from tasks.retrieval.vectors import read_vectors


def read_catalogue(folder: Path) -> Catalogue:
    """Return the products of a `tables/products` asset."""
    products = pq.read_table(sorted(folder.glob("part-*.parquet")))
    return Catalogue(
        product_ids=products["product_id"].combine_chunks(),
        titles=tuple(title or "" for title in products["title"].to_pylist()),
        texts=tuple(product_text(products)),
    )


def read_split(folder: Path) -> tuple[pa.Table, SplitReport]:
    """Return the interactions and the report of a `splits/behaviour` asset."""
    report = SplitReport.model_validate_json((folder / SPLIT_REPORT).read_bytes())
    return pq.read_table(folder / "interactions.parquet"), report


def read_contender(folder: Path, product_ids: pa.Array) -> Contender:
    """Return the encoder that made an `embeddings/products` asset, with its vectors in the catalogue's order."""
    made_by = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
    repo = made_by["name"].partition("@")[0]
    return Contender(
        encoder=f"{repo}@{made_by['commit']}" if made_by["commit"] else made_by["name"],
        vectors=read_vectors(sorted(folder.glob("vectors-*.parquet")), product_ids),
        made_by=made_by,
        prompts={"passage": made_by["prompt"], "query": made_by["query_prompt"]},
    )


def read_search_task(judgments: Path, queries: Path, catalogue: Catalogue) -> SearchTask | None:
    """Return the held-out queries of `tables/judgments` and `tables/queries`, or None where there are none."""
    return search_task(
        pq.read_table(sorted(judgments.glob("part-*.parquet")), columns=["query_id", "product_id", "grade"]),
        pq.read_table(sorted(queries.glob("part-*.parquet")), columns=["query_id", "query"]),
        catalogue.product_ids,
    )


def read_trained_queries(folder: Path) -> frozenset[str]:
    """Return the judged queries that a `models/encoder` asset has learned from."""
    return frozenset(pq.read_table(folder / TRAINED_QUERIES)["query"].to_pylist())
