import os
from datetime import timedelta
from pathlib import Path

import pytest

from tasks.assets import specs
from tasks.assets.asset import AssetRef, AssetSpec
from tasks.assets.gc import collect
from tasks.assets.inventory import current
from tasks.assets.object_lake import ObjectLake
from tasks.assets.recipe import Recipe
from tasks.assets.store import AssetStore
from tasks.errors import UnavailableError
from tests.services import S3, s3_endpoint

__all__ = ["s3_endpoint"]

NO_TIME = timedelta(0)
DATA = "data-4194305-0123456789abcdef0123456789abcdef"
UPLOAD = f"tables/fresh/0123456789ab/{DATA}"


def save(store: AssetStore, key: str, content: str, inputs: list[AssetRef] | None = None) -> AssetRef:
    recipe = Recipe.of("by-hand", 1, {"content": content, "inputs": inputs or []})
    with store.draft(AssetSpec(key, "t", "g", "o", format="json", main="*.txt"), recipe, run_id="r") as draft:
        (draft.path / "a.txt").write_text(content)
    return AssetRef(key, recipe.version)


def record(store: AssetStore, name: str, refs: list[AssetRef]) -> AssetRef:
    return save(store, specs.RUN.key, name, refs)


@pytest.fixture
def s3_store(s3_endpoint: S3, tmp_path: Path) -> AssetStore:
    return AssetStore(f"{s3_endpoint.url}/lake", cache=tmp_path / "cache")


def elsewhere(store: AssetStore, tmp_path: Path) -> AssetStore:
    """The same lake as another machine sees it."""
    return AssetStore(store.url, cache=tmp_path / "another-cache")


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


def test_a_run_of_some_stages_takes_nothing_current_from_the_others(store: AssetStore) -> None:
    raw = save(store, "tables/raw", "1")
    old = save(store, "inventory/catalogue", "old pages", [raw])
    run_1 = record(store, "run 1", [raw, old])
    part = save(store, "profiles/raw", "1", [raw])
    pages = save(store, "inventory/catalogue", "pages", [part])
    run_2 = record(store, "run 2", [raw, part, pages])
    newer = save(store, "tables/raw", "2")
    record(store, "only ingest", [newer])
    assert collect(store, keep=1).removed == tuple(sorted([old, run_1]))
    assert run_2 in {item.ref for item in store.manifests()}, "it says that its pages are current"


def test_what_is_current_stays_so_however_often_is_collected(store: AssetStore) -> None:
    first = save(store, "tables/made", "1")
    later = save(store, "tables/made", "2")
    pages = save(store, "inventory/catalogue", "pages")
    record(store, "run 1", [later])
    record(store, "run 2", [first, pages])  # the shop went back to what it had
    record(store, "only another stage", [save(store, "tables/other", "1")])
    shown = {item.ref for item in current(store)}
    assert {first, pages} <= shown
    assert collect(store, keep=1, protected=[later]).removed != ()
    assert {item.ref for item in current(store)} == shown
    assert collect(store, keep=1, protected=[later]).removed == ()
    assert {item.ref for item in current(store)} == shown


def test_what_is_of_a_table_that_the_shop_no_longer_has_is_not_current(store: AssetStore) -> None:
    gone, stays = save(store, "profiles/gone", "1"), save(store, "profiles/stays", "1")
    links = save(store, specs.RELATIONSHIPS.key, "1")
    record(store, "run 1", [gone, stays, links])
    record(store, "run 2", [])
    assert collect(store, keep=1, tables={"stays"}).removed == (gone,)


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
    (lake / "tables" / "kept" / "0123456789ab" / DATA).mkdir(parents=True)
    collected = collect(store, keep=1)
    assert collected.leftovers == (".staging/4194305-abc", f"tables/kept/0123456789ab/{DATA}")
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


def test_the_locks_of_stages_that_ended_are_removed(store: AssetStore) -> None:
    with store.lake.lock("read-0123456789ab"):
        pass
    collect(store, keep=1)
    assert [path.name for path in (Path(store.url) / ".locks").iterdir()] == ["run"]


def test_a_dry_run_does_not_wait_for_a_run_that_is_going_on(store: AssetStore) -> None:
    with store.lake.lock("run", is_shared=True):
        assert collect(store, keep=1, is_dry_run=True).removed == ()


@pytest.mark.service
def test_what_another_machine_may_be_uploading_is_left_alone_for_a_day(s3_store: AssetStore, tmp_path: Path) -> None:
    record(s3_store, "run 1", [])
    folder = s3_store.lake.staging()
    (folder / "a.txt").write_text("1")
    s3_store.lake.publish(folder, UPLOAD)
    here = elsewhere(s3_store, tmp_path)
    assert collect(here, keep=1).leftovers == ()
    assert UPLOAD in here.lake.attempts()
    assert collect(here, keep=1, grace=NO_TIME).leftovers == (UPLOAD,)
    assert UPLOAD not in here.lake.attempts()


@pytest.mark.service
def test_what_another_machine_may_have_made_for_its_run_is_kept_for_a_day(s3_store: AssetStore, tmp_path: Path) -> None:
    made = save(s3_store, "tables/made", "1")
    record(s3_store, "the run of a third machine", [])
    here = elsewhere(s3_store, tmp_path)
    assert made in collect(here, keep=1).kept
    assert collect(here, keep=1, grace=NO_TIME).removed == (made,)


@pytest.mark.service
def test_nothing_is_collected_while_a_run_on_an_object_store_goes_on_here(s3_store: AssetStore) -> None:
    with s3_store.lake.lock("run", is_shared=True), pytest.raises(UnavailableError, match="going on"):
        collect(s3_store, keep=1)


def abandon(root: Path) -> tuple[str, str]:
    """Leave what a killed process leaves: unpublished work, and work to be resumed that nobody came back to."""
    staging, scratch = root / ".staging" / "4194305-abc", root / ".scratch" / "embed-0123456789ab"
    for folder in (staging, scratch):
        folder.mkdir(parents=True)
        (folder / "a.txt").write_text("half")
    for path in (scratch / "a.txt", scratch):
        os.utime(path, (0, 0))
    return ".scratch/embed-0123456789ab", ".staging/4194305-abc"


def test_work_to_be_resumed_goes_when_nobody_came_back_for_a_day(store: AssetStore) -> None:
    left = abandon(Path(store.url))
    (store.lake.scratch("embed-ba9876543210") / "a.txt").write_text("half")
    assert collect(store, keep=1).leftovers == left
    assert [item.name for item in (Path(store.url) / ".scratch").iterdir()] == ["embed-ba9876543210"]


def test_work_to_be_resumed_is_as_old_as_its_newest_file(store: AssetStore) -> None:
    scratch = store.lake.scratch("embed-0123456789ab")
    (scratch / "a.txt").write_text("half")
    os.utime(scratch, (0, 0))
    assert collect(store, keep=1).leftovers == ()


@pytest.mark.service
def test_what_a_crash_left_in_the_cache_of_an_object_store_is_removed(s3_store: AssetStore) -> None:
    lake = ObjectLake(s3_store.url, s3_store.cache or Path())
    left = abandon(lake.cache)
    at_work = lake.staging()
    assert collect(s3_store, keep=1).leftovers == left
    assert not any((lake.cache / path).exists() for path in left)
    assert at_work.exists()


@pytest.mark.service
def test_copies_of_what_is_gone_from_an_object_store_are_removed(s3_store: AssetStore, tmp_path: Path) -> None:
    kept, gone = save(s3_store, "tables/kept", "1"), save(s3_store, "tables/gone", "2")
    copies = {ref: s3_store.path(ref) for ref in (kept, gone)}
    elsewhere(s3_store, tmp_path).discard(gone)
    collected = collect(s3_store, keep=1)
    assert [path.rsplit("/", 1)[0] for path in collected.leftovers] == [f"{gone.key}/{gone.version}"]
    assert copies[kept].is_dir()
    assert not copies[gone].parents[1].exists()
