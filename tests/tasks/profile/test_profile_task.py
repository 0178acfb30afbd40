import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.assets.reports import Relationships, TableProfile
from tasks.assets.store import AssetStore
from tasks.profile.config import ProfileConfig
from tasks.profile.task import profile, relate
from tests.builders import make_events, make_products, save_table

CONFIG = ProfileConfig(memory_limit="300MB")


def test_a_profile_is_json_and_a_table_of_columns(store: AssetStore) -> None:
    ref = save_table(store, "products", make_products(30))
    folder = store.path(profile.fn("products", ref, config=CONFIG, store=store).primary)
    report = TableProfile.model_validate_json((folder / "profile.json").read_text())
    assert (report.table, report.rows, report.keys[0]) == ("products", 30, ("product_id",))
    rows = {row["name"]: row for row in pq.read_table(folder / "columns.parquet").to_pylist()}
    assert list(rows) == make_products(1).column_names
    assert (rows["product_id"]["is_key"], rows["brand"]["is_key"]) == (True, False)
    assert (rows["price"]["q50"], rows["price"]["mean"]) == (15.5, 15.5)
    assert (rows["brand"]["top_value"], rows["brand"]["top_count"]) == ("brand0", 10)
    assert (rows["title"]["language"], rows["title"]["min_length"]) == ("latin", 9)


def test_the_manifest_names_keys_and_constants(store: AssetStore) -> None:
    table = make_products(5).append_column("shop", pa.array(["a"] * 5))
    manifest = store.manifest(
        profile.fn("products", save_table(store, "products", table), config=CONFIG, store=store).primary
    )
    assert (manifest.rows, manifest.metrics["table_rows"]) == (7, 5)
    assert ["product_id"] in manifest.metrics["keys"]
    assert [(item.column, item.kind) for item in manifest.findings] == [("shop", "constant_column")]


def test_tables_are_related_through_their_profiles(store: AssetStore) -> None:
    tables = {
        "products": save_table(store, "products", make_products(8)),
        "events": save_table(store, "events", make_events(5, 8)),
    }
    profiles = {name: profile.fn(name, ref, config=CONFIG, store=store).primary for name, ref in tables.items()}
    result = relate.fn(tables, profiles, config=CONFIG, store=store)
    folder = store.path(result.primary)
    (found,) = Relationships.model_validate_json((folder / "relationships.json").read_text()).relationships
    assert (found.child_table, found.parent_table, found.match_rate, found.coverage) == ("events", "products", 1.0, 1.0)
    assert pq.read_table(folder / "relationships.parquet").to_pylist() == [found.model_dump()]
    assert set(store.manifest(result.primary).input_refs) == {*tables.values(), *profiles.values()}


def test_values_that_another_table_has_not_are_a_finding_where_no_suite_judges_them(store: AssetStore) -> None:
    coupons = pa.table({"product_id": ["p1", "p1", "gone", "gone", "gone", "lost", None]})
    tables = {
        "products": save_table(store, "products", make_products(4)),
        "coupons": save_table(store, "coupons", coupons),
        "events": save_table(store, "events", make_events(5, 20)),
    }
    profiles = {name: profile.fn(name, ref, config=CONFIG, store=store).primary for name, ref in tables.items()}
    result = relate.fn(tables, profiles, config=CONFIG, store=store).primary
    (finding,) = store.manifest(result).findings
    assert (finding.kind, finding.table, finding.column) == ("orphan_keys", "coupons", "product_id")
    assert (finding.count, round(finding.share, 4), finding.examples) == (4, 0.6667, ("gone", "lost"))
    assert "in 2 of 6 rows; 2 of its values are not there." in finding.message
    failing = pq.read_table(store.path(result) / str(finding.keys)).to_pylist()
    assert failing == [{"value": "gone", "rows": 3}, {"value": "lost", "rows": 1}]


def test_the_manifest_counts_the_elements_of_lists_and_the_keys_of_maps(store: AssetStore) -> None:
    maps = pa.array([[("a", "1"), ("b", "1")], [("b", "2"), ("c", "2")], None], pa.map_(pa.string(), pa.string()))
    table = pa.table({"id": [1, 2, 3], "tags": [["x", "y"], ["x"], []], "attributes": maps})
    manifest = store.manifest(profile.fn("mine", save_table(store, "mine", table), config=CONFIG, store=store).primary)
    assert manifest.metrics["elements"] == {"tags": 2, "attributes": 3}


def test_memory_and_threads_are_no_part_of_the_recipe(store: AssetStore) -> None:
    ref = save_table(store, "products", make_products(5))
    assert profile.fn("products", ref, config=CONFIG, store=store).status == "run"
    other = ProfileConfig(memory_limit="1GB", threads=1)
    assert profile.fn("products", ref, config=other, store=store).status == "skipped"


def test_a_table_without_files_is_described_as_empty(store: AssetStore) -> None:
    ref = save_table(store, "products", make_products(1).slice(0, 0))
    folder = store.path(profile.fn("products", ref, config=CONFIG, store=store).primary)
    assert json.loads((folder / "profile.json").read_text())["rows"] == 0


@pytest.mark.parametrize("limit", ["0GB", "1 GB", "1TB", "lots"])
def test_a_limit_that_is_none_is_refused(limit: str) -> None:
    with pytest.raises(ValueError, match="memory_limit"):
        ProfileConfig(memory_limit=limit)


def test_nothing_is_left_of_what_was_spilled(store: AssetStore) -> None:
    ref = save_table(store, "products", make_products(5))
    profile.fn("products", ref, config=CONFIG, store=store)
    assert list((Path(store.url) / ".scratch").iterdir()) == []
