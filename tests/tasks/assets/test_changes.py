"""What differs between versions of an asset."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.assets import specs
from tasks.assets.asset import AssetRef
from tasks.assets.changes import Change
from tasks.assets.inventory import difference, history
from tasks.assets.manifest import Finding
from tasks.assets.recipe import Recipe
from tasks.assets.store import AssetStore
from tasks.errors import UnknownAssetError, UsageError

KEY = "tables/products"


def finding(name: str, count: int = 2) -> Finding:
    return Finding(
        id=name,
        table="products",
        kind="missing_values",
        severity="warning",
        dimension="completeness",
        count=count,
        share=0.5,
        message="Something is missing.",
        action="Mend it.",
    )


def publish(
    store: AssetStore,
    table: pa.Table,
    *inputs: AssetRef,
    revision: int = 1,
    found: tuple[Finding, ...] = (),
    metrics: dict[str, Any] | None = None,
    **arguments: object,
) -> str:
    recipe = Recipe.of("ingest", revision, {**arguments, "shards": list(inputs)})
    with store.draft(specs.table("products"), recipe, run_id="by-hand") as draft:
        pq.write_table(table, draft.path / "part-0.parquet")
        draft.findings.extend(found)
        draft.metrics.update(metrics or {})
    return recipe.version


@pytest.fixture
def versions(store: AssetStore) -> tuple[str, str]:
    """An old and a new version that differ in everything that can differ."""
    shard, other = AssetRef("shards/products/a.csv", "1" * 12), AssetRef("shards/products/a.csv", "2" * 12)
    old = publish(
        store,
        pa.table({"product_id": ["p1"], "price": [1], "brand": ["a"]}),
        shard,
        found=(finding("gone"), finding("kept")),
        metrics={"rows_read": 1, "rules": {"trimmed": 1}},
        config={"currency": "EUR", "keep": ["newest"]},
    )
    new = publish(
        store,
        pa.table({"product_id": ["p1", "p2"], "price": [1.5, 2.0], "title": ["pen", "cup"]}),
        other,
        AssetRef("shards/products/b.csv", "3" * 12),
        revision=2,
        found=(finding("new"), finding("kept", 3)),
        metrics={"rows_read": 2, "rules": {"trimmed": 1, "dated": 4}},
        config={"currency": "USD", "keep": ["newest"]},
    )
    return old, new


def test_a_difference_names_columns_metrics_findings_arguments_and_inputs(
    store: AssetStore, versions: tuple[str, str]
) -> None:
    found = difference(store, KEY)
    assert (found.old.version, found.new.version) == versions
    assert set(found.columns) == {
        Change("price", "int64", "double"),
        Change("title", None, "string"),
        Change("brand", "string", None),
    }
    assert Change("rows", 1, 2) in found.facts
    assert set(found.metrics) == {Change("rows_read", 1, 2), Change("rules.dated", None, 4)}
    assert [item.id for item in found.findings_new] == ["new"]
    assert [item.id for item in found.findings_gone] == ["gone"]
    assert found.findings_changed == (Change("kept", 2, 3),)
    assert found.recipe.recipe == (Change("revision", 1, 2),)
    assert found.recipe.arguments == (Change("config.currency", "EUR", "USD"),)
    assert found.recipe.inputs == (
        Change("shards/products/a.csv", "1" * 12, "2" * 12),
        Change("shards/products/b.csv", None, "3" * 12),
    )


def test_versions_may_be_named_in_any_order(store: AssetStore, versions: tuple[str, str]) -> None:
    old, new = versions
    assert difference(store, KEY, new, old).columns == (
        Change("price", "double", "int64"),
        Change("brand", None, "string"),
        Change("title", "string", None),
    )
    assert difference(store, KEY, old).new.version == new


def test_a_first_version_has_nothing_to_be_compared_with(store: AssetStore) -> None:
    only = publish(store, pa.table({"product_id": ["p1"]}))
    with pytest.raises(UsageError, match=f"no version before {only}"):
        difference(store, KEY)
    with pytest.raises(UnknownAssetError, match="Its versions are"):
        difference(store, KEY, "0" * 12)
    with pytest.raises(UnknownAssetError, match="Did you mean “tables/products”"):
        difference(store, "tables/product")


def test_a_history_says_what_made_each_version_and_which_is_current(
    store: AssetStore, versions: tuple[str, str]
) -> None:
    old, new = versions
    back = Recipe.of("run", 1, {"assets": [AssetRef(KEY, old)]})
    with store.draft(specs.RUN, back, run_id="again") as draft:
        (draft.path / "run.json").write_text("{}")
    newest, oldest = history(store, KEY)
    assert (newest.manifest.version, newest.is_current) == (new, False)
    assert (oldest.manifest.version, oldest.is_current) == (old, True)
    assert newest.changed.arguments == (Change("config.currency", "EUR", "USD"),)
    assert not oldest.changed.arguments
    assert not oldest.changed.inputs


def test_refused_history_names_the_near_miss(store: AssetStore, versions: tuple[str, str]) -> None:
    assert versions
    with pytest.raises(UnknownAssetError, match="Did you mean “tables/products”"):
        history(store, "tables/product")
