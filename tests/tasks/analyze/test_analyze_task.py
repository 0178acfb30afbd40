from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from tasks.analyze.config import AnalyzeConfig
from tasks.analyze.task import associate, cluster, deduplicate
from tasks.assets import specs
from tasks.assets.asset import AssetRef
from tasks.assets.store import AssetStore
from tests.builders import save_asset, save_table
from tests.builders_behaviour import KINDS, make_tasteful_events, make_tasteful_products
from tests.builders_encoder import HashEncoder

PER_KIND = 12


def save_vectors(store: AssetStore, ids: list[str], vectors: NDArray[np.float32]) -> AssetRef:
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
    table = pa.table({"product_id": ids, "vector": column})
    return save_asset(store, specs.PRODUCT_EMBEDDINGS, {"vectors-0.parquet": table})


def blobs(per_blob: int, seed: int = 0) -> NDArray[np.float32]:
    """Unit vectors around as many orthogonal directions as there are kinds of products, in their order."""
    rng = np.random.default_rng(seed)
    centres = np.repeat(np.eye(len(KINDS), 16, dtype=np.float32), per_blob, axis=0)
    noisy = centres + 0.05 * rng.standard_normal(centres.shape).astype(np.float32)
    unit: NDArray[np.float32] = noisy / np.linalg.norm(noisy, axis=1, keepdims=True)
    return unit


@dataclass
class Shop:
    """Products of four kinds whose vectors lie in four blobs, and users who keep to one kind."""

    store: AssetStore
    products: AssetRef
    embeddings: AssetRef
    events: AssetRef

    def clustered(self, **settings: Any) -> AssetRef:
        config = AnalyzeConfig(clusters=4, device="cpu", **settings)
        return cluster.fn(self.products, self.embeddings, self.events, config=config, store=self.store).primary


@pytest.fixture
def shop(store: AssetStore) -> Shop:
    products = make_tasteful_products(PER_KIND)
    events = make_tasteful_events(20, PER_KIND)
    events = events.append_column("price", pa.array(np.arange(1.0, events.num_rows + 1)))
    return Shop(
        store,
        save_table(store, "products", products),
        save_vectors(store, products["product_id"].to_pylist(), blobs(PER_KIND)),
        save_table(store, "events", events),
    )


def read(store: AssetStore, ref: AssetRef, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(store.path(ref) / name).to_pylist()
    return rows


def test_every_product_with_a_vector_is_in_one_cluster(shop: Shop) -> None:
    members = read(shop.store, shop.clustered(), "members.parquet")
    ids = [row["product_id"] for row in members]
    assert sorted(ids) == sorted(make_tasteful_products(PER_KIND)["product_id"].to_pylist())
    assert all(0.8 < row["similarity"] <= 1.0001 for row in members)


def test_blobs_of_vectors_are_recovered(shop: Shop) -> None:
    members = read(shop.store, shop.clustered(), "members.parquet")
    kinds: dict[int, set[str]] = {}
    for row in members:
        kinds.setdefault(row["cluster_id"], set()).add(row["product_id"].split("-")[0])
    assert sorted(map(len, kinds.values())) == [1] * len(kinds), "no cluster mixes kinds"


def test_the_same_seed_gives_the_same_clusters_in_another_lake(shop: Shop, tmp_path: Path) -> None:
    other = AssetStore(str(tmp_path / "other"))
    products = make_tasteful_products(PER_KIND)
    again = Shop(
        other,
        save_table(other, "products", products),
        save_vectors(other, products["product_id"].to_pylist(), blobs(PER_KIND)),
        shop.events,
    )
    config = AnalyzeConfig(clusters=4, device="cpu")
    ref = cluster.fn(again.products, again.embeddings, None, config=config, store=other).primary
    assert read(other, ref, "members.parquet") == read(shop.store, shop.clustered(), "members.parquet")
    assert other.manifest(ref).seed == config.seed


def test_clusters_are_numbered_by_size_and_their_shares_sum_to_one(shop: Shop) -> None:
    clusters = read(shop.store, shop.clustered(), "clusters.parquet")
    assert sum(row["event_share"] for row in clusters) == pytest.approx(1, abs=1e-9)
    assert sum(row["revenue_share"] for row in clusters) == pytest.approx(1, abs=1e-9)
    sizes = [row["size"] for row in clusters]
    assert sizes == sorted(sizes, reverse=True)
    assert sum(sizes) == len(KINDS) * PER_KIND
    assert len({row["name"] for row in clusters}) == len(clusters)


def test_shares_are_unknown_without_events(shop: Shop) -> None:
    config = AnalyzeConfig(clusters=4, device="cpu")
    ref = cluster.fn(shop.products, shop.embeddings, None, config=config, store=shop.store).primary
    assert {row["event_share"] for row in read(shop.store, ref, "clusters.parquet")} == {None}


def test_a_product_without_a_vector_is_in_no_cluster(store: AssetStore) -> None:
    products = make_tasteful_products(PER_KIND)
    ids = products["product_id"].to_pylist()
    table, vectors = save_table(store, "products", products), save_vectors(store, ids[1:], blobs(PER_KIND)[1:])
    ref = cluster.fn(table, vectors, None, config=AnalyzeConfig(clusters=2, device="cpu"), store=store).primary
    assert [row["product_id"] for row in read(store, ref, "members.parquet")] == ids[1:]


TITLES = {
    "a1": "Blue ballpoint pen with soft grip, box of 12",
    "a2": "blue ballpoint pen, with soft grip - box of 12",
    "a3": "Blue ballpoint pens with soft grip, box of 12",
    "a4": "Blue ballpoint pen with soft grip, box of 24",
    "a5": "Red ballpoint pen with soft grip, box of 12",
    "b1": "Steel stapler",
}


def groups_of(store: AssetStore, titles: dict[str, str]) -> tuple[list[set[str]], AssetRef]:
    products = pa.table({"product_id": list(titles), "title": list(titles.values())})
    base = HashEncoder().encode(["same"] * len(titles))
    base[[title == "Steel stapler" for title in titles.values()]] = HashEncoder().encode(["stapler"])
    config = AnalyzeConfig(near_similarity=0.9, device="cpu")
    table, vectors = save_table(store, "products", products), save_vectors(store, list(titles), base)
    ref = deduplicate.fn(table, vectors, config=config, store=store).primary
    found: dict[int, set[str]] = {}
    for row in read(store, ref, "members.parquet"):
        found.setdefault(row["group_id"], set()).add(row["product_id"])
    return [found[number] for number in sorted(found)], ref


def test_equal_titles_are_one_group_whatever_their_case_and_punctuation(store: AssetStore) -> None:
    groups, ref = groups_of(store, {key: TITLES[key] for key in ("a1", "a2", "b1")})
    assert groups == [{"a1", "a2"}]
    assert {row["kind"] for row in read(store, ref, "members.parquet")} == {"exact"}


@pytest.mark.parametrize("other", ["a4", "a5"])
def test_pack_sizes_and_colours_are_not_duplicates_however_near(store: AssetStore, other: str) -> None:
    assert groups_of(store, {key: TITLES[key] for key in ("a1", other)})[0] == []


def test_near_titles_are_one_group(store: AssetStore) -> None:
    groups, ref = groups_of(store, {key: TITLES[key] for key in ("a1", "a3", "b1")})
    assert groups == [{"a1", "a3"}]
    assert {row["kind"] for row in read(store, ref, "members.parquet")} == {"near"}


def test_duplicates_are_a_finding_with_every_product(store: AssetStore) -> None:
    groups, ref = groups_of(store, TITLES)
    assert groups == [{"a1", "a2", "a3"}]
    (finding,) = store.manifest(ref).findings
    assert (finding.kind, finding.count) == ("near_duplicate_products", 3)
    assert finding.share == pytest.approx(3 / len(TITLES))


def test_no_duplicates_are_no_finding(store: AssetStore) -> None:
    groups, ref = groups_of(store, {"a1": TITLES["a1"], "b1": TITLES["b1"]})
    assert groups == []
    assert store.manifest(ref).findings == ()


def test_users_who_keep_to_one_kind_move_within_its_cluster(shop: Shop) -> None:
    config = AnalyzeConfig(min_support=5)
    ref = associate.fn(shop.products, shop.events, shop.clustered(), config=config, store=shop.store).primary
    moves = [row for row in read(shop.store, ref, "associations.parquet") if row["attribute"] == "cluster"]
    members = read(shop.store, shop.clustered(), "members.parquet")
    names = {row["cluster_id"]: row["name"] for row in read(shop.store, shop.clustered(), "clusters.parquet")}
    kind = {names[row["cluster_id"]]: row["product_id"].split("-")[0] for row in members}
    assert moves
    assert all(kind[row["origin"]] == kind[row["destination"]] for row in moves)
    assert all(row["support"] >= 5 and row["lift"] > 1 for row in moves)
    total = sum(row["support"] for row in moves)
    assert total <= 20 * 6, "seven purchases are six moves"
