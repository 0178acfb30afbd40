"""What the evaluation reads: the catalogue in its order, the split, and vectors in the catalogue's order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tasks.assets.reports import SPLIT_REPORT, SplitReport
from tasks.evaluate.catalogue import Catalogue
from tasks.evaluate.encoding import Contender
from tasks.evaluate.search import SearchTask, search_task
from tasks.retrieval.judged import TRAINED_QUERIES
from tasks.retrieval.texts import product_text


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


def read_vectors_of(folder: Path, product_ids: pa.Array) -> NDArray[np.float32]:
    """Return the vectors of an `embeddings/products` asset in the catalogue's order, zeros where there is none."""
    table = pq.read_table(sorted(folder.glob("vectors-*.parquet")), columns=["product_id", "vector"])
    vectors = table["vector"].combine_chunks()
    matrix = vectors.flatten().to_numpy(zero_copy_only=False).reshape(len(table), -1)
    return aligned(matrix, table["product_id"].combine_chunks(), product_ids)


def read_contender(folder: Path, product_ids: pa.Array) -> Contender:
    """Return the encoder that made an `embeddings/products` asset, with its vectors in the catalogue's order."""
    made_by = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
    repo = made_by["name"].partition("@")[0]
    return Contender(
        encoder=f"{repo}@{made_by['commit']}" if made_by["commit"] else made_by["name"],
        vectors=read_vectors_of(folder, product_ids),
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


def aligned(matrix: NDArray[Any], owners: pa.Array, product_ids: pa.Array) -> NDArray[np.float32]:
    """Return the rows of a matrix in another order, zeros for products that own none."""
    place = pc.index_in(product_ids, value_set=owners)
    found = np.zeros((len(product_ids), matrix.shape[1]), np.float32)
    has_one = pc.is_valid(place).to_numpy(zero_copy_only=False)
    found[has_one] = matrix[place.drop_null().to_numpy()]
    return found
