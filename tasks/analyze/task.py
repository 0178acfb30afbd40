"""The stages: cluster products, find the same ones, and see what users move between."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.analyze import queries
from tasks.analyze.clusters import cluster_table, clustered
from tasks.analyze.config import AnalyzeConfig
from tasks.analyze.duplicates import duplicate_groups
from tasks.analyze.findings import brands_of, duplicate_finding, duplicate_tables
from tasks.analyze.reading import read_products
from tasks.assets import specs
from tasks.assets.asset import AssetRef
from tasks.bounds import connect
from tasks.retrieval.vectors import read_vectors
from tasks.stage import Build, stage

MEMBERS = "members.parquet"


@stage("cluster", revision=5, produces=lambda **_: (specs.CLUSTERS,))
def cluster(
    products: AssetRef, embeddings: AssetRef, events: AssetRef | None, config: AnalyzeConfig, build: Build
) -> None:
    """Cluster products by their texts, name the clusters, and weigh them by behaviour."""
    table = read_products(_files(build, products))
    vectors = read_vectors(_files(build, embeddings), table["product_id"])
    members, words = clustered(table, vectors, config)
    clusters = cluster_table(members, words, _values(build, events, members, config))
    with build.draft(specs.CLUSTERS) as draft:
        pq.write_table(clusters, draft.path / specs.CLUSTERS.main)
        pq.write_table(members, draft.path / MEMBERS)
        draft.seed = config.seed
        without = table.num_rows - members.num_rows
        draft.metrics.update(
            {"clusters": clusters.num_rows, "products": members.num_rows, "products_without_vector": without}
        )


@stage("deduplicate", revision=3, produces=lambda **_: (specs.DUPLICATES,))
def deduplicate(products: AssetRef, embeddings: AssetRef, config: AnalyzeConfig, build: Build) -> None:
    """Find products that are the same, or nearly."""
    table = read_products(_files(build, products))
    vectors = read_vectors(_files(build, embeddings), table["product_id"])
    titles = [title or "" for title in table["title"].to_pylist()]
    found = duplicate_groups(titles, brands_of(table), vectors, near=config.near_similarity, device=config.device)
    members, groups = duplicate_tables(found, table["product_id"].to_pylist(), titles)
    with build.draft(specs.DUPLICATES) as draft:
        pq.write_table(members, draft.path / specs.DUPLICATES.main)
        pq.write_table(groups, draft.path / "groups.parquet")
        draft.metrics.update({"groups": groups.num_rows, "products": members.num_rows})
        draft.findings.extend(duplicate_finding(members, groups, products=table.num_rows))


@stage("associate", revision=2, produces=lambda **_: (specs.ASSOCIATIONS,))
def associate(products: AssetRef, events: AssetRef, clusters: AssetRef, config: AnalyzeConfig, build: Build) -> None:
    """Find which categories, brands, price bands and clusters users move between."""
    named = pq.read_table(build.path(clusters) / specs.CLUSTERS.main, columns=["cluster_id", "name"])
    members = pq.read_table(build.path(clusters) / MEMBERS, columns=["product_id", "cluster_id"])
    with connect(config, build.scratch()) as connection:
        of_products = queries.view(connection, "product", _files(build, products))
        of_events = queries.view(connection, "event", _files(build, events))
        names = members.join(named, "cluster_id")
        attributes = queries.make_attributes(
            connection, of_products, of_events, names, bands=config.price_bands, wanted=config.attributes
        )
        found = queries.associations(
            connection, attributes, min_support=config.min_support, most=config.max_associations
        )
    with build.draft(specs.ASSOCIATIONS) as draft:
        pq.write_table(found, draft.path / specs.ASSOCIATIONS.main)
        draft.metrics.update({"attributes": attributes, "associations": found.num_rows})


def _files(build: Build, ref: AssetRef) -> list[Path]:
    return sorted(build.path(ref).glob(build.manifest(ref).main))


def _values(
    build: Build, events: AssetRef | None, members: pa.Table, config: AnalyzeConfig
) -> dict[int, tuple[int, float | None]]:
    if events is None:
        return {}
    with connect(config, build.scratch()) as connection:
        columns = queries.view(connection, "event", _files(build, events))
        return queries.cluster_values(connection, members, events=columns)
