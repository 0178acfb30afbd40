"""The stage: cluster products, find the same ones, and see what users move between."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tasks.analyze import queries
from tasks.analyze.clusters import cluster_table, clustered
from tasks.analyze.config import AnalyzeConfig
from tasks.analyze.duplicates import duplicate_groups
from tasks.analyze.findings import duplicate_finding, duplicate_tables
from tasks.assets import specs
from tasks.assets.asset import AssetRef
from tasks.retrieval.texts import product_text
from tasks.stage import Build, stage


@stage("cluster", revision=1, produces=lambda **_: (specs.CLUSTERS,))
def cluster(
    products: AssetRef, embeddings: AssetRef, events: AssetRef | None, config: AnalyzeConfig, build: Build
) -> None:
    """Cluster products by their texts, name the clusters, and weigh them by behaviour."""
    table = _products(build, products)
    vectors = _vectors(build, embeddings, table)
    members, words = clustered(table["product_id"].to_pylist(), product_text(table), vectors, config)
    values = {}
    with queries.connected(config, build.scratch()) as connection:
        if events is not None:
            columns = queries.view(connection, "event", _files(build, events))
            values = queries.cluster_values(connection, members, has_price="price" in columns)
    clusters = cluster_table(members, words, values)
    with build.draft(specs.CLUSTERS) as draft:
        pq.write_table(clusters, draft.path / specs.CLUSTERS.main)
        pq.write_table(members, draft.path / "members.parquet")
        draft.seed = config.seed
        draft.metrics.update({"clusters": clusters.num_rows, "products": members.num_rows})


@stage("deduplicate", revision=1, produces=lambda **_: (specs.DUPLICATES,))
def deduplicate(products: AssetRef, embeddings: AssetRef, config: AnalyzeConfig, build: Build) -> None:
    """Find products that are the same, or nearly."""
    table = _products(build, products)
    titles = [title or "" for title in table["title"].to_pylist()]
    vectors = _vectors(build, embeddings, table)
    found = duplicate_groups(
        titles, vectors, near=config.near_similarity, neighbours=config.neighbours, device=config.device
    )
    members, groups = duplicate_tables(found, table["product_id"].to_pylist(), titles)
    with build.draft(specs.DUPLICATES) as draft:
        pq.write_table(members, draft.path / specs.DUPLICATES.main)
        pq.write_table(groups, draft.path / "groups.parquet")
        draft.metrics.update({"groups": groups.num_rows, "products": members.num_rows})
        draft.findings.extend(duplicate_finding(members, groups, products=table.num_rows))


@stage("associate", revision=1, produces=lambda **_: (specs.ASSOCIATIONS,))
def associate(products: AssetRef, events: AssetRef, clusters: AssetRef, config: AnalyzeConfig, build: Build) -> None:
    """Find which categories, brands, price bands and clusters users move between."""
    named = pq.read_table(build.path(clusters) / specs.CLUSTERS.main, columns=["cluster_id", "name"])
    members = pq.read_table(build.path(clusters) / "members.parquet", columns=["product_id", "cluster_id"])
    with queries.connected(config, build.scratch()) as connection:
        product_columns = queries.view(connection, "product", _files(build, products))
        event_columns = queries.view(connection, "event", _files(build, events))
        names = members.join(named, "cluster_id").select(["product_id", "name"])
        attributes = queries.make_attributes(
            connection, product_columns, event_columns, names, bands=config.price_bands
        )
        found = queries.associations(
            connection, attributes, min_support=config.min_support, most=config.max_associations
        )
    with build.draft(specs.ASSOCIATIONS) as draft:
        pq.write_table(found, draft.path / specs.ASSOCIATIONS.main)
        draft.metrics.update({"attributes": attributes, "associations": found.num_rows})


def _files(build: Build, ref: AssetRef) -> list[Path]:
    return sorted(build.path(ref).glob(build.manifest(ref).main))


def _products(build: Build, ref: AssetRef) -> pa.Table:
    wanted = {"product_id", "title", "brand", "category", "description"}
    files = _files(build, ref)
    columns = [name for name in pq.read_schema(files[0]).names if name in wanted]
    return pa.concat_tables([pq.read_table(file, columns=columns) for file in files])


def _vectors(build: Build, embeddings: AssetRef, products: pa.Table) -> NDArray[np.float32]:
    """A unit vector per product, in the order of products; zeros where there is none."""
    ids: list[str] = []
    blocks: list[NDArray[np.float32]] = []
    for file in _files(build, embeddings):
        table = pq.read_table(file, columns=["product_id", "vector"])
        ids += table["product_id"].to_pylist()
        column = table["vector"].combine_chunks()
        blocks.append(column.flatten().to_numpy().reshape(len(column), -1))
    matrix = np.concatenate(blocks)
    row = {product: position for position, product in enumerate(ids)}
    result = np.zeros((products.num_rows, matrix.shape[1]), np.float32)
    for position, product in enumerate(products["product_id"].to_pylist()):
        if product in row:
            result[position] = matrix[row[product]]
    return result
