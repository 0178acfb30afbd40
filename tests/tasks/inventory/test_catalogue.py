from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from tasks.assets import specs
from tasks.assets.store import AssetStore
from tasks.inventory.catalogue import Catalogue, count_verdicts
from tasks.inventory.config import InventoryConfig
from tasks.inventory.lineage import edges_of, picture
from tasks.inventory.pipeline import STAGES, pipeline, stage_of
from tasks.inventory.reading import Asset, has_reports, read_asset
from tasks.inventory.words import ENGLISH
from tests.tasks.inventory.stock import MODEL, Stock, finding

CONFIG = InventoryConfig()
ROW = pa.table({"a": [1]})


def read(store: AssetStore, stock: Stock, config: InventoryConfig = CONFIG) -> Catalogue:
    found = []
    for ref in stock.refs:
        manifest = store.manifest(ref)
        has = has_reports(manifest)
        found.append(read_asset(manifest, store.path(ref), config) if has else Asset(manifest))
    return Catalogue(found)


def decision(
    kind: str, version: str | None, from_version: str | None = None, *, model: str = MODEL
) -> dict[str, Any]:  # JSON values of any shape
    versions = {"version": version, "from_version": from_version}
    return {"model": model, "decision": kind, **versions, "by": "Ada", "reason": "because"}


@pytest.fixture
def stock(store: AssetStore) -> Stock:
    made = Stock(store)
    made.everything()
    return made


@pytest.fixture
def whole(store: AssetStore, stock: Stock) -> Catalogue:
    return read(store, stock)


def test_tables_come_canonical_first_and_carry_all_that_describes_them(whole: Catalogue) -> None:
    assert [table.name for table in whole.tables] == ["products", "events", "coupons"]
    products = whole.tables[0]
    assert products.rows is not None
    assert products.quarantine is not None
    assert products.verdict == "warned"
    assert len(products.shards) == 1
    assert products.severities == {"critical": 0, "warning": 1, "info": 1}


def test_a_table_that_was_not_validated_has_no_verdict(store: AssetStore) -> None:
    stock = Stock(store)
    stock.publish(specs.table("events"), tables={"part-0.parquet": ROW})
    (table,) = read(store, stock).tables
    assert table.verdict is None
    assert count_verdicts([table]) == {"passed": 0, "warned": 0, "blocked": 0}


def test_findings_come_worst_first_and_name_the_place_of_their_keys(store: AssetStore) -> None:
    stock = Stock(store)
    found = (
        finding("events", None, "duplicate_rows", "info", 900, 0.5, "900 repeats."),
        finding("events", "price", "outliers", "warning", 2, 0.1, "2 prices.", keys="failing/price.parquet"),
        finding("events", "user_id", "orphan_keys", "warning", 7, 0.1, "7 users."),
        finding("events", "product_id", "missing_values", "critical", 1, 0.1, "1 product."),
    )
    ref = stock.publish(specs.table("events"), tables={"part-0.parquet": ROW}, findings=found)
    places = read(store, stock).findings
    assert [place.finding.count for place in places] == [1, 7, 2, 900]
    assert places[2].keys == f"{ref.key}/{ref.version}/{store.manifest(ref).data}/failing/price.parquet"
    assert places[0].keys is None


def test_shards_have_no_page_and_findings_of_shards_are_not_told_twice(whole: Catalogue) -> None:
    assert not [asset for asset in whole.listed if asset.kind == "shards"]
    assert len(whole.assets) == len(whole.listed) + 5


def test_the_candidate_is_the_last_of_the_models(whole: Catalogue) -> None:
    assert whole.model is not None
    assert whole.model.candidate is not None
    assert whole.model.candidate.model == "combination"


def test_without_evaluation_and_registration_there_is_no_model(store: AssetStore) -> None:
    stock = Stock(store)
    stock.events()
    found = read(store, stock)
    assert found.model is None
    assert found.relationships == ()


def test_an_empty_catalogue_has_no_date() -> None:
    assert Catalogue([]).newest is None
    assert Catalogue([]).newest is None


def test_a_table_knows_the_links_it_takes_part_in(whole: Catalogue) -> None:
    assert len(whole.links("products")) == len(whole.links("events")) == 1
    assert whole.links("coupons") == []


def test_reading_takes_reports_reasons_history_and_first_rows(whole: Catalogue) -> None:
    (aside,) = whole.assets["quarantine/products"].set_aside
    assert (aside.reason, aside.count) == ("missing_title", 1)
    assert whole.assets["quarantine/events"].set_aside == ()
    assert whole.assets["models/encoder"].history["ndcg_at_10"] == (0.08, None, 0.09, 0.091)
    assert [preview.file for preview in whole.assets["analysis/duplicates"].previews] == [
        "groups.parquet",
        "members.parquet",
    ]
    assert whole.assets["registrations/recommender"].card is not None


def test_the_first_rows_of_each_reason_are_read_and_the_reason_of_most_rows_comes_first(store: AssetStore) -> None:
    stock = Stock(store)
    rows = pa.table(
        {
            "reason": ["bad_time", "missing_key", "missing_key", "bad_time", "missing_key"],
            "detail": ["d"] * 5,
            "source": ["a.csv"] * 5,
            "line": [2, 3, 4, 5, 6],
            "row": ["{}"] * 5,
        }
    )
    stock.publish(specs.quarantine("events"), tables={"part-0.parquet": rows.slice(0, 3), "part-1.parquet": rows[3:]})
    found = read(store, stock, InventoryConfig(quarantine_rows=2)).assets["quarantine/events"].set_aside
    told = [(item.reason, item.count, [row["line"] for row in item.rows]) for item in found]
    assert told == [("missing_key", 3, [3, 4]), ("bad_time", 2, [2, 5])]
    (first, _) = read(store, stock, InventoryConfig(quarantine_rows=0)).assets["quarantine/events"].set_aside
    assert first.rows == ()


def test_what_was_made_from_another_version_is_behind(store: AssetStore, stock: Stock, whole: Catalogue) -> None:
    assert whole.stale == []
    old = next(ref for ref in stock.refs if ref.key == "tables/events")
    stock.refs.remove(old)
    new = stock.publish(specs.table("events"), tables={"part-0.parquet": ROW})
    found = read(store, stock)
    assert found.behind(found.assets["profiles/events"]) == (old,)
    assert [ref.key for ref in found.behind(found.assets["models/encoder"])] == ["splits/behaviour"]
    assert not found.behind(found.assets["tables/events"])
    assert new == found.assets["tables/events"].manifest.ref
    assert {"registrations/recommender", "validations/events"} <= {asset.key for asset in found.stale}


def test_previews_are_limited_and_sorted_largest_first(store: AssetStore, stock: Stock) -> None:
    (preview,) = read(store, stock, InventoryConfig(preview_rows=2)).assets["analysis/clusters"].previews
    assert preview.total == 3
    assert [row[preview.columns.index("size")] for row in preview.rows] == [30, 19]


def test_the_lineage_of_a_table_shows_its_source_files_as_one(whole: Catalogue) -> None:
    drawn = picture(whole, edges_of(whole), "tables/events", most=60)
    (files,) = [node for node in drawn.nodes if node.asset is None]
    assert (files.name, files.files) == ("shards/events", 4)
    assert {"analysis/clusters", "registrations/recommender"} <= {node.name for node in drawn.nodes}
    assert [node.name for node in drawn.nodes if node.is_self] == ["tables/events"]
    assert not drawn.is_cut


def test_lineage_is_not_sideways(whole: Catalogue) -> None:
    drawn = picture(whole, edges_of(whole), "profiles/events", most=60)
    assert {node.name for node in drawn.nodes} == {"shards/events", "tables/events", "profiles/events"}


def test_a_lineage_of_too_many_assets_shows_only_neighbours(whole: Catalogue) -> None:
    drawn = picture(whole, edges_of(whole), "embeddings/products", most=3)
    assert drawn.is_cut
    assert {curve.origin for curve in drawn.curves} == {"tables/products", "embeddings/products"}
    assert "registrations/recommender" not in {node.name for node in drawn.nodes}


def test_inputs_of_other_versions_are_no_edges(store: AssetStore) -> None:
    stock = Stock(store)
    stock.events()
    table = stock.refs.pop()
    stock.publish(specs.profile("events"), table, stage="profile")
    assert "tables/events" not in {a for a, _ in edges_of(read(store, stock))}


def test_every_asset_belongs_to_a_stage(whole: Catalogue) -> None:
    assert {stage_of(key) for key in whole.assets} == set(STAGES)
    assert stage_of("inventory/run") is None


def test_the_pipeline_says_what_each_stage_made(whole: Catalogue) -> None:
    drawn = pipeline(whole, ENGLISH)
    made = {box.name: box.made for box in drawn.boxes}
    assert made == {
        "ingest": "3 tables, 223 rows",
        "validate": "2 passed, 1 warned",
        "profile": "11 columns, 1 link",
        "embed": "2 vectors",
        "analyze": "3 clusters, 2 duplicates",
        "finetune": "1 interaction",
        "evaluate": "NDCG@10 0.1430",
        "register": "version 3, challenger",
    }
    assert [box.verdict for box in drawn.boxes if box.verdict] == ["warned"]


def test_the_stages_count_every_asset_with_a_page_once_and_source_files_apart(store: AssetStore, stock: Stock) -> None:
    stock.publish(specs.REVIEWS, stage="review", metrics=decision("rejected", "3"))
    found = read(store, stock)
    assert found.newest is not None
    assert found.newest.key != specs.REVIEWS.key  # which no run made
    boxes = pipeline(found, ENGLISH).boxes
    assert sum(box.assets for box in boxes) == len(found.listed) == 21
    assert [box.source_files for box in boxes if box.source_files] == [found.source_files] == [5]


@pytest.mark.parametrize(
    ("decisions", "champion", "state"),
    [
        ([("promoted", "1", None), ("rejected", "3", None)], "1", "rejected"),
        ([("promoted", "1", None), ("promoted", "3", "1")], "3", "champion"),
        ([("promoted", "3", "1"), ("rolled back", "1", "3")], "1", "rolled back"),
        ([("promoted", "3", "1"), ("rolled back", "3", "4")], "3", "champion"),
        ([("promoted", "3", "1"), ("promoted", "2", "3")], "2", "replaced"),
        ([("promoted", "3", None), ("rolled back", None, "3")], None, "rolled back"),
        ([("approved", "2", None)], None, "waiting"),
    ],
)
def test_the_champion_is_told_beside_the_version_registered_last(
    store: AssetStore,
    stock: Stock,
    decisions: list[tuple[str, str | None, str | None]],
    champion: str | None,
    state: str,
) -> None:
    for item in decisions:
        stock.publish(specs.REVIEWS, *stock.refs[-1:], stage="review", metrics=decision(*item))
    model = read(store, stock).model
    assert model is not None
    assert (model.crowned["version"] if model.crowned else None) == champion
    assert model.state == state
    assert (model.alias == "champion") == (state == "champion")


def test_a_decision_about_another_model_is_not_told_as_this_ones(store: AssetStore, stock: Stock) -> None:
    stock.publish(specs.REVIEWS, *stock.refs[-1:], stage="review", metrics=decision("promoted", "3", model="other"))
    model = read(store, stock).model
    assert model is not None
    assert (model.crowned, model.decision, model.state) == (None, None, "waiting")


def test_a_stage_that_made_nothing_says_so(store: AssetStore) -> None:
    stock = Stock(store)
    stock.events()
    boxes = {box.name: box for box in pipeline(read(store, stock), ENGLISH).boxes}
    assert boxes["ingest"].is_done
    assert not boxes["register"].is_done
    assert boxes["register"].made == ENGLISH.not_in_this_run


def test_words_spell_out_what_they_do_not_know() -> None:
    assert ENGLISH.fact("mean_length") == "Mean length"
    assert ENGLISH.fact("rows_read") == "Rows read"
    assert ENGLISH.fact("item_knn") == ENGLISH.models["item_knn"] == "ItemKNN"
    assert ENGLISH.fact("day-1.csv") == "day-1.csv"
    assert ENGLISH.some(1, "asset") == "1 asset"
    assert ENGLISH.some(22_504_000, "row") == "22.5 M rows"
