from pathlib import Path

import pytest

from tasks.assets import specs
from tasks.assets.asset import AssetRef, AssetSpec
from tasks.assets.gc import collect
from tasks.assets.recipe import Recipe
from tasks.assets.store import AssetStore
from tasks.errors import UnavailableError


def save(store: AssetStore, key: str, content: str, inputs: list[AssetRef] | None = None) -> AssetRef:
    recipe = Recipe.of("by-hand", 1, {"content": content, "inputs": inputs or []})
    with store.draft(AssetSpec(key, "t", "g", "o", format="json", main="*.txt"), recipe, run_id="r") as draft:
        (draft.path / "a.txt").write_text(content)
    return AssetRef(key, recipe.version)


def record(store: AssetStore, name: str, refs: list[AssetRef]) -> AssetRef:
    return save(store, specs.RUN.key, name, refs)


def test_what_only_an_older_run_reaches_is_removed(store: AssetStore) -> None:
    raw = save(store, "tables/raw", "1")
    old = save(store, "tables/made", "old", [raw])
    run_1 = record(store, "run 1", [old])
    new = save(store, "tables/made", "new", [raw])
    run_2 = record(store, "run 2", [new])
    collected = collect(store, keep=1)
    assert collected.removed == tuple(sorted([old, run_1]))
    assert set(collected.kept) == {raw, new, run_2}
    assert {item.ref for item in store.manifests()} == {raw, new, run_2}
    assert collected.bytes_freed == len("old") + len("run 1")


def test_two_runs_are_kept_when_asked(store: AssetStore) -> None:
    old = save(store, "tables/made", "old")
    record(store, "run 1", [old])
    record(store, "run 2", [save(store, "tables/made", "new")])
    assert collect(store, keep=2).removed == ()


def test_a_protected_asset_keeps_what_it_was_made_from(store: AssetStore) -> None:
    raw = save(store, "tables/raw", "1")
    model = save(store, "models/recommender", "m", [raw])
    record(store, "run 1", [model])
    record(store, "run 2", [save(store, "tables/other", "2")])
    assert {raw, model} <= set(collect(store, keep=1, protected=[model]).kept)


def test_reviews_are_always_kept(store: AssetStore) -> None:
    review = save(store, specs.REVIEWS.key, "approved")
    record(store, "run 1", [review])
    record(store, "run 2", [])
    assert review in collect(store, keep=1).kept


def test_what_was_made_after_the_last_record_may_belong_to_a_run_that_goes_on(store: AssetStore) -> None:
    record(store, "run 1", [])
    fresh = save(store, "tables/fresh", "1")
    assert fresh in collect(store, keep=1).kept


def test_what_a_crash_left_before_the_last_record_is_removed(store: AssetStore) -> None:
    orphan = save(store, "tables/orphan", "1")
    record(store, "run 1", [])
    assert collect(store, keep=1).removed == (orphan,)


def test_a_dry_run_removes_nothing(store: AssetStore) -> None:
    orphan = save(store, "tables/orphan", "1")
    record(store, "run 1", [])
    assert collect(store, keep=1, is_dry_run=True).removed == (orphan,)
    assert store.find(orphan) is not None


def test_leftovers_of_dead_processes_and_data_without_manifest_are_removed(store: AssetStore) -> None:
    kept = save(store, "tables/kept", "1")
    record(store, "run 1", [kept])
    lake = Path(store.url)
    (lake / ".staging" / "4194305-abc").mkdir(parents=True)
    (lake / "tables" / "kept" / "0123456789ab" / "data-4194305-abc").mkdir(parents=True)
    collected = collect(store, keep=1)
    assert collected.leftovers == (".staging/4194305-abc", "tables/kept/0123456789ab/data-4194305-abc")
    assert not (lake / ".staging" / "4194305-abc").exists()
    assert not (lake / "tables" / "kept" / "0123456789ab").exists()
    assert store.is_intact(kept)


def test_work_of_a_living_process_is_left_alone(store: AssetStore) -> None:
    folder = store.lake.staging()
    assert collect(store, keep=1).leftovers == ()
    assert folder.exists()


def test_nothing_is_collected_while_a_run_is_going_on(store: AssetStore) -> None:
    with store.lake.lock("run", is_shared=True), pytest.raises(UnavailableError, match="a run or a review is going on"):
        collect(store, keep=1)


def test_a_dry_run_does_not_wait_for_a_run_that_is_going_on(store: AssetStore) -> None:
    with store.lake.lock("run", is_shared=True):
        assert collect(store, keep=1, is_dry_run=True).removed == ()
