from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from tasks.assets import specs
from tasks.assets.asset import AssetRef, AssetSpec
from tasks.assets.inventory import behind, current, findings, history, lineage, show
from tasks.assets.manifest import Finding, Verdict
from tasks.assets.recipe import Recipe
from tasks.assets.store import AssetStore
from tasks.errors import TamperedAssetError, UnknownAssetError
from tests.builders import make_products, save_table

ROOT = Path(__file__).parents[3]
ROWS = pa.table({"a": [1]})


def publish(
    store: AssetStore,
    spec: AssetSpec,
    *inputs: AssetRef,
    config: str = "",
    found: tuple[Finding, ...] = (),
    began: datetime | None = None,
) -> AssetRef:
    recipe = Recipe.of("by-hand", 1, {"config": config, "inputs": list(inputs), "key": spec.key})
    with store.draft(spec, recipe, run_id="by-hand") as draft:
        (draft.path / "note.txt").write_text(config, encoding="utf-8")
        draft.findings.extend(found)
        draft.started_at = began or draft.started_at
    return AssetRef(spec.key, recipe.version)


def run_record(store: AssetStore, name: str, *inputs: AssetRef, began: datetime | None = None) -> AssetRef:
    return publish(store, specs.RUN, *inputs, config=name, began=began)


def finding(table: str, severity: str, *, column: str | None = None, kind: str = "missing_values") -> Finding:
    return Finding.model_validate(
        {
            "id": f"{table}-{column}-{kind}",
            "table": table,
            "column": column,
            "kind": kind,
            "severity": severity,
            "dimension": "completeness",
            "count": 2,
            "share": 0.5,
            "message": "Two rows are “null”.",
            "keys": "failing/keys.parquet" if column else None,
            "action": "Mend the source.",
        }
    )


def test_an_empty_lake_has_nothing(store: AssetStore) -> None:
    assert current(store) == []
    assert findings(store) == []


def test_the_version_made_last_is_current(store: AssetStore) -> None:
    publish(store, specs.table("products"), config="old")
    new = publish(store, specs.table("products"), config="new")
    users = publish(store, specs.table("users"))
    assert [item.ref for item in current(store)] == [new, users]


def test_going_back_to_an_older_configuration_makes_the_older_version_current_again(store: AssetStore) -> None:
    old = publish(store, specs.table("products"), config="old")
    run_record(store, "first", old)
    new = publish(store, specs.table("products"), config="new")
    run_record(store, "second", new)
    assert show(store, "tables/products").ref == new
    run_record(store, "third", old)
    assert show(store, "tables/products").ref == old
    assert [item.ref for item in current(store) if item.key == "tables/products"] == [old]


def test_a_version_made_by_a_run_that_has_not_ended_is_current(store: AssetStore) -> None:
    old = publish(store, specs.table("products"), config="old")
    run_record(store, "first", old)
    new = publish(store, specs.table("products"), config="new")
    assert show(store, "tables/products").ref == new


def test_a_table_has_the_verdict_of_the_last_validation_of_its_version(store: AssetStore) -> None:
    old, new, unjudged = (publish(store, specs.table("products"), config=name) for name in ("old", "new", "unjudged"))
    judged: list[tuple[AssetRef, str, Verdict]] = [
        (old, "", "blocked"), (old, "anew", "passed"), (new, "", "warned")
    ]  # fmt: skip
    for table, config, verdict in judged:
        recipe = Recipe.of("validate", 1, {"config": config, "tables": [table]})
        with store.draft(specs.validation("products"), recipe, run_id="by-hand") as draft:
            (draft.path / "note.txt").write_text("", encoding="utf-8")
            draft.verdict = verdict
    found = {item.manifest.ref: item.verdict for item in history(store, "tables/products")}
    assert found == {old: "passed", new: "warned", unjudged: None}


def test_a_run_that_began_earlier_and_ends_later_makes_nothing_older_current(store: AssetStore) -> None:
    early, late = datetime.now(UTC), datetime.now(UTC)
    new = publish(store, specs.table("products"), config="read later")
    short = run_record(store, "short", new, began=late)
    old = publish(store, specs.table("products"), config="read earlier")
    long = run_record(store, "long", old, began=early)
    assert [item.ref for item in current(store)] == [short, new]
    assert [(item.manifest.ref, item.is_current) for item in history(store, "tables/products")] == [
        (old, False),
        (new, True),
    ]
    assert [item.manifest.ref for item in history(store, "inventory/run")] == [long, short]


def test_shards_are_left_out_unless_asked_for(store: AssetStore) -> None:
    shard = publish(store, specs.shard("events", "day-1"))
    table = publish(store, specs.table("events"), shard)
    assert [item.ref for item in current(store)] == [table]
    assert [item.ref for item in current(store, with_shards=True)] == [shard, table]


def test_show_returns_the_version_that_is_named(store: AssetStore) -> None:
    old = publish(store, specs.table("products"), config="old")
    publish(store, specs.table("products"), config="new")
    assert show(store, str(old)).ref == old


def test_an_unknown_key_names_its_near_miss(store: AssetStore) -> None:
    publish(store, specs.table("products"))
    with pytest.raises(UnknownAssetError, match="Did you mean “tables/products”") as caught:
        show(store, "tables/product")
    assert caught.value.exit_code == 2


def test_an_unknown_version_names_those_there_are(store: AssetStore) -> None:
    ref = publish(store, specs.table("products"))
    with pytest.raises(UnknownAssetError, match=f"Its versions are {ref.version}"):
        show(store, "tables/products@000000000000")


@pytest.mark.parametrize("ask", [show, lineage])
@pytest.mark.parametrize("is_version_named", [False, True])
def test_an_asset_whose_manifest_is_broken_is_called_damaged_and_not_unknown(
    store: AssetStore, ask: Callable[[AssetStore, str], object], is_version_named: bool
) -> None:
    publish(store, specs.profile("events"))
    broken = publish(store, specs.table("events"))
    store.lake.replace(f"{broken.key}/{broken.version}/manifest.json", b"{}")

    with pytest.raises(TamperedAssetError, match=f"the manifest of {broken} cannot be read.* Run the flow again"):
        ask(store, str(broken) if is_version_named else broken.key)


def test_an_asset_with_a_version_that_can_be_read_is_shown_beside_a_broken_one(store: AssetStore) -> None:
    whole, broken = (publish(store, specs.table("events"), config=config) for config in ("one", "two"))
    store.lake.replace(f"{broken.key}/{broken.version}/manifest.json", b"{}")

    assert show(store, whole.key).ref == whole


def test_lineage_goes_up_and_down_transitively_and_not_sideways(store: AssetStore) -> None:
    shard = publish(store, specs.shard("products", "items"))
    table = publish(store, specs.table("products"), shard)
    profile = publish(store, specs.profile("products"), table)
    vectors = publish(store, specs.PRODUCT_EMBEDDINGS, table)
    clusters = publish(store, specs.CLUSTERS, table, vectors)
    run_record(store, "first", shard, table, profile, vectors, clusters)
    found = lineage(store, "embeddings/products")
    assert found.nodes == tuple(sorted([shard, table, vectors, clusters]))
    assert found.edges == ((vectors, clusters), (shard, table), (table, vectors))


def test_lineage_of_a_run_record_is_what_it_made(store: AssetStore) -> None:
    table = publish(store, specs.table("products"))
    record = run_record(store, "first", table)
    assert lineage(store, "inventory/run").edges == ((table, record),)


def test_lineage_of_an_asset_alone_is_itself(store: AssetStore) -> None:
    ref = save_table(store, "products", make_products(3))
    assert lineage(store, str(ref)).nodes == (ref,)
    assert lineage(store, str(ref)).edges == ()


def test_findings_come_worst_first_with_the_place_of_their_keys(store: AssetStore, tmp_path: Path) -> None:
    found = (
        finding("products", "info"),
        finding("products", "warning", column="title"),
        finding("products", "warning", column="brand"),
        finding("products", "critical", column="product_id", kind="duplicate_keys"),
    )
    ref = publish(store, specs.table("products"), found=found)
    publish(store, specs.validation("events"), found=(finding("events", "warning"),))
    answer = findings(store)
    assert [(item["severity"], item["table"], item["column"]) for item in answer] == [
        ("critical", "products", "product_id"),
        ("warning", "events", None),
        ("warning", "products", "brand"),
        ("warning", "products", "title"),
        ("info", "products", None),
    ]
    data = show(store, "tables/products").data
    assert answer[0]["keys"] == str(tmp_path / "lake" / ref.key / ref.version / data / "failing" / "keys.parquet")
    assert answer[1]["keys"] is None
    assert answer[0]["message"] == "Two rows are “null”."
    assert answer[0]["examples"] == []


def test_findings_of_versions_that_are_not_current_are_left_out(store: AssetStore) -> None:
    publish(store, specs.table("products"), config="old", found=(finding("products", "info"),))
    publish(store, specs.table("products"), config="new")
    assert findings(store) == []


def test_asking_imports_nothing_heavy(store: AssetStore) -> None:
    publish(store, specs.table("products"), found=(finding("products", "info"),))
    code = (
        "import sys\n"
        "from tasks.assets.inventory import behind, current, findings, lineage\n"
        "from tasks.assets.store import AssetStore\n"
        f"store = AssetStore({store.url!r})\n"
        "assert current(store) and findings(store) and lineage(store, 'tables/products')\n"
        "loaded = set(sys.modules) & {'torch', 'pandas', 'prefect', 'mlflow', 'great_expectations'}\n"
        "assert not loaded, loaded\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_was_made_from_an_older_version_is_behind_and_so_is_what_was_made_from_that(store: AssetStore) -> None:
    old = publish(store, specs.table("events"), config="old")
    profile = publish(store, specs.profile("events"), old)
    split = publish(store, specs.SPLIT, old)
    model = publish(store, specs.RECOMMENDER, split)
    run_record(store, "first", old, profile, split, model)
    other = publish(store, specs.profile("users"), publish(store, specs.table("users")))
    assert behind(current(store, with_shards=True)) == {}
    new = publish(store, specs.table("events"), config="new")
    found = behind(current(store, with_shards=True))
    assert found == {profile: (old,), split: (old,), model: (split,)}
    assert not {new, other} & set(found)


def test_a_table_is_behind_a_source_file_that_was_read_again(store: AssetStore) -> None:
    day = publish(store, specs.shard("events", "day-1.csv"), config="old")
    table = publish(store, specs.table("events"), day)
    publish(store, specs.shard("events", "day-1.csv"), config="new")
    assert behind(current(store, with_shards=True)) == {table: (day,)}


def test_pages_are_behind_what_they_show_but_not_for_showing_what_is_behind(store: AssetStore) -> None:
    old = publish(store, specs.table("events"), config="old")
    profile = publish(store, specs.profile("events"), old)
    new = publish(store, specs.table("events"), config="new")
    pages = publish(store, specs.CATALOGUE, new, profile)
    assert behind(current(store, with_shards=True)) == {profile: (old,)}
    newest = publish(store, specs.table("events"), config="newest")
    assert behind(current(store, with_shards=True)) == {profile: (old,), pages: (new,)}
    assert newest not in behind(current(store, with_shards=True))
