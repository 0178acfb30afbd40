import contextlib
import json
import pickle
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.assets.asset import AssetRef, AssetSpec
from tasks.assets.gc import collect
from tasks.assets.manifest import Finding
from tasks.assets.recipe import Recipe
from tasks.assets.store import AssetStore
from tasks.errors import TamperedAssetError, UnavailableError, UnknownAssetError
from tests.pandian import environment
from tests.services import S3, s3_endpoint
from tests.tasks.assets.meddling import meddler

__all__ = ["s3_endpoint"]

SPEC = AssetSpec("tables/products", "Products", "one row per product", "team", main="part-*.parquet")
RECIPE = Recipe.of("ingest", 1, {"config": {"a": 1}})
REF = AssetRef(SPEC.key, RECIPE.version)


def publish(store: AssetStore, values: list[int] | None = None) -> None:
    with store.draft(SPEC, RECIPE, run_id="run-1") as draft:
        pq.write_table(pa.table({"id": values or [1, 2, 3]}), draft.path / "part-0.parquet")
        (draft.path / "notes").mkdir()
        (draft.path / "notes" / "read.txt").write_text("hello")
        draft.metrics["rows_read"] = 3
        draft.verdict = "warned"
        draft.seed = 13
        draft.findings.append(
            Finding(
                id="f1", table="products", kind="missing_values", severity="info", dimension="completeness",
                count=1, share=0.3, message="m", action="a",
            )
        )  # fmt: skip


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.service)])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AssetStore]:
    if request.param == "folder":
        yield AssetStore(str(tmp_path / "lake"), code_revision="1.0")
        return
    endpoint: S3 = request.getfixturevalue("s3_endpoint")
    yield AssetStore(f"{endpoint.url}/lake", code_revision="1.0", cache=tmp_path / "cache")


@pytest.fixture
def s3_store(s3_endpoint: S3, tmp_path: Path) -> AssetStore:
    return AssetStore(f"{s3_endpoint.url}/lake", cache=tmp_path / "cache")


def test_a_manifest_says_everything_that_is_known(any_store: AssetStore) -> None:
    publish(any_store)
    manifest = any_store.manifest(REF)
    assert (manifest.rows, manifest.verdict, manifest.seed, manifest.code_revision) == (3, "warned", 13, "1.0")
    assert manifest.run_id == "run-1"
    assert manifest.metrics == {"rows_read": 3}
    assert [(c.name, c.type) for c in manifest.columns] == [("id", "int64")]
    assert [entry.path for entry in manifest.files] == ["notes/read.txt", "part-0.parquet"]
    assert manifest.bytes == sum(entry.bytes for entry in manifest.files)
    assert manifest.findings[0].kind == "missing_values"
    assert manifest.finished_at >= manifest.started_at


def test_what_was_published_can_be_read_by_another_process(any_store: AssetStore, tmp_path: Path) -> None:
    publish(any_store)
    other = AssetStore(any_store.url, cache=tmp_path / "another-cache")
    assert pq.read_table(other.path(REF) / "part-0.parquet")["id"].to_pylist() == [1, 2, 3]
    assert (other.path(REF) / "notes" / "read.txt").read_text() == "hello"


def test_the_second_of_two_equal_recipes_leaves_the_first_ones_data(any_store: AssetStore) -> None:
    publish(any_store, [1])
    publish(any_store, [2])
    assert pq.read_table(any_store.path(REF) / "part-0.parquet")["id"].to_pylist() == [1]
    assert len(any_store.lake.attempts()) == 1


def test_a_key_may_look_like_a_data_folder(any_store: AssetStore) -> None:
    spec = AssetSpec("shards/events/data-2024-01-01.csv", "t", "g", "team", main="*.txt")
    with any_store.draft(spec, RECIPE, run_id="r") as draft:
        (draft.path / "a.txt").write_text("1")
    assert [item.key for item in any_store.manifests()] == [spec.key]
    assert any_store.leftovers(grace=timedelta(0)) == []


def test_a_data_file_may_be_named_like_a_manifest(any_store: AssetStore, caplog: pytest.LogCaptureFixture) -> None:
    with any_store.draft(SPEC, RECIPE, run_id="r") as draft:
        (draft.path / "manifest.json").write_text("{}")
    assert [item.ref for item in any_store.manifests()] == [REF]
    assert "cannot be read" not in caplog.text


def test_a_draft_that_raises_publishes_nothing(any_store: AssetStore) -> None:
    def half() -> None:
        with any_store.draft(SPEC, RECIPE, run_id="r") as draft:
            (draft.path / "part-0.parquet").write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert any_store.find(REF) is None
    assert any_store.lake.attempts() == []


def test_a_discarded_asset_is_gone(any_store: AssetStore) -> None:
    publish(any_store)
    any_store.discard(REF)
    assert any_store.find(REF) is None
    assert any_store.manifests() == []
    with pytest.raises(UnknownAssetError, match=str(REF)):
        any_store.path(REF)


def test_versions_come_newest_first(any_store: AssetStore) -> None:
    publish(any_store)
    later = Recipe.of("ingest", 2, {})
    with any_store.draft(SPEC, later, run_id="r") as draft:
        pq.write_table(pa.table({"id": [1]}), draft.path / "part-0.parquet")
    assert [item.version for item in any_store.versions(SPEC.key)] == [later.version, RECIPE.version]


def spoil(store: AssetStore, file: str, content: bytes | None) -> None:
    """Give a file of the asset other bytes, or none at all, where it lies."""
    path = f"{REF.key}/{REF.version}/{store.manifest(REF).data}/{file}".rstrip("/")
    if content is None:
        store.lake.delete(path)
    else:
        store.lake.replace(path, content)


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("notes/read.txt", b"hallo", "the bytes of the file notes/read.txt .* differ from their digest"),
        ("notes/read.txt", b"hell", "the file notes/read.txt .* has 4 bytes, not 5"),
        ("notes/read.txt", b"", "the file notes/read.txt .* has 0 bytes, not 5"),
        ("notes/read.txt", None, "the file notes/read.txt .* is missing"),
        ("part-0.parquet", None, "the file part-0.parquet .* is missing"),
        ("", None, "is missing"),
        ("part-1.parquet", b"more", "the file part-1.parquet is none of"),
    ],
)
def test_damage_is_named_and_never_read(
    any_store: AssetStore, tmp_path: Path, file: str, content: bytes | None, words: str
) -> None:
    publish(any_store)
    spoil(any_store, file, content)
    again = AssetStore(any_store.url, cache=tmp_path / "another-cache")
    with pytest.raises(TamperedAssetError, match=words) as caught:
        again.path(REF)
    assert str(REF) in str(caught.value)
    assert not again.is_intact(REF)
    assert list((tmp_path / "another-cache").rglob(".staging/*")) == []


def test_what_a_file_manager_leaves_beside_data_is_no_damage(store: AssetStore) -> None:
    publish(store)
    (store.path(REF) / ".DS_Store").write_text("x")
    assert AssetStore(store.url).is_intact(REF)


@pytest.mark.service
@pytest.mark.parametrize(
    "damage", [lambda file: file.write_bytes(b"x"), lambda file: file.unlink(), lambda file: shutil.rmtree(file.parent)]
)
def test_a_damaged_copy_of_a_good_asset_is_fetched_again(s3_store: AssetStore, damage: object) -> None:
    publish(s3_store)
    damage(s3_store.path(REF) / "part-0.parquet")  # type: ignore[operator]  # one of the lambdas above
    again = AssetStore(s3_store.url, cache=s3_store.cache)
    assert again.is_intact(REF)
    assert pq.read_table(again.path(REF) / "part-0.parquet")["id"].to_pylist() == [1, 2, 3]


@pytest.mark.parametrize("content", [None, b"spoilt"])
def test_a_damaged_asset_is_named_and_rebuilt(
    any_store: AssetStore, tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes | None
) -> None:
    publish(any_store)
    spoil(any_store, "part-0.parquet", content)
    again = AssetStore(any_store.url, cache=tmp_path / "another-cache")
    assert not again.is_intact(REF)
    assert "the file part-0.parquet" in caplog.text
    publish(again)
    assert again.is_intact(REF)
    assert pq.read_table(again.path(REF) / "part-0.parquet")["id"].to_pylist() == [1, 2, 3]


def test_a_refresh_is_what_is_read_from_then_on(any_store: AssetStore) -> None:
    publish(any_store, [1])
    any_store.path(REF)
    with any_store.draft(SPEC, RECIPE, run_id="run-2", is_refresh=True) as draft:
        pq.write_table(pa.table({"id": [2]}), draft.path / "part-0.parquet")
    other = AssetStore(any_store.url, cache=any_store.cache)
    assert [pq.read_table(item.path(REF))["id"].to_pylist() for item in (any_store, other)] == [[2], [2]]


def test_what_another_process_refreshed_is_checked_again(store: AssetStore) -> None:
    publish(store)
    other = AssetStore(store.url)
    with other.draft(SPEC, RECIPE, run_id="run-2", is_refresh=True) as draft:
        (draft.path / "a.txt").write_text("whole")
    (other.path(REF) / "a.txt").write_text("spoilt")
    with pytest.raises(TamperedAssetError, match=r"a\.txt"):
        store.path(REF)


def test_a_manifest_that_is_none_is_named_and_left_out(store: AssetStore, caplog: pytest.LogCaptureFixture) -> None:
    publish(store)
    (Path(store.url) / SPEC.key / RECIPE.version / "manifest.json").write_text('{"key": "x"')
    assert store.manifests() == []
    assert "cannot be read" in caplog.text
    with pytest.raises(TamperedAssetError, match="cannot be read"):
        store.find(REF)
    assert not store.is_intact(REF)


def rewrite(store: AssetStore, **changes: object) -> None:
    """Change what the manifest says."""
    place = f"{REF.key}/{REF.version}/manifest.json"
    said = json.loads(store.lake.read(place) or b"")
    store.lake.replace(place, json.dumps({**said, **changes}).encode())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"key": "../precious", "version": "1"}, "is that of ../precious@1"),
        ({"version": "0123456789ab"}, "is that of tables/products@0123456789ab"),
        ({"data": "../../../../../precious"}, "not in the asset's folder"),
        ({"files": [{"path": "../notes.txt", "bytes": 1, "sha256": "0"}]}, "not in the asset's folder"),
        ({"files": [{"path": "/etc/passwd", "bytes": 1, "sha256": "0"}]}, "not in the asset's folder"),
        ({"main": "../*/*.parquet"}, "not in the asset's folder"),
        ({"files": []}, "differ from its content digest"),
        ({"inputs": ["tables/events"]}, "cannot be read"),
    ],
)
def test_a_manifest_that_was_changed_is_named_and_leads_nowhere(
    any_store: AssetStore, tmp_path: Path, changes: dict[str, object], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    (precious := tmp_path / "precious" / "1").mkdir(parents=True)
    publish(any_store)
    rewrite(any_store, **changes)
    again = AssetStore(any_store.url, cache=any_store.cache)
    with pytest.raises(TamperedAssetError, match=words):
        again.path(REF)
    assert not again.is_intact(REF)
    collect(again, keep=1, grace=timedelta(0))
    assert words in caplog.text
    assert precious.is_dir()
    publish(again)
    assert again.is_intact(REF)


def test_a_copy_of_another_version_is_not_taken_for_this_one(store: AssetStore) -> None:
    publish(store)
    folder = Path(store.url) / SPEC.key
    shutil.copytree(folder / RECIPE.version, folder / "0123456789ab")
    assert not store.is_intact(AssetRef(SPEC.key, "0123456789ab"))
    assert [item.ref for item in store.manifests()] == [REF]


def test_a_store_survives_pickling(store: AssetStore) -> None:
    publish(store)
    assert pickle.loads(pickle.dumps(store)).manifest(REF).rows == 3


def test_a_store_that_cannot_be_reached_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with pytest.raises(UnavailableError, match="s3://nowhere"):
        AssetStore("s3://nowhere/lake", cache=tmp_path).manifests()


WRITER = """
import sys
from pathlib import Path
import pyarrow as pa, pyarrow.parquet as pq
from tests.tasks.assets.test_store import SPEC, RECIPE
from tasks.assets.store import AssetStore
with AssetStore(sys.argv[1], cache=Path(sys.argv[2])).draft(SPEC, RECIPE, run_id="r") as draft:
    pq.write_table(pa.table({"id": [int(sys.argv[3])] * 100000}), draft.path / "part-0.parquet")
    print("written", flush=True)
    sys.stdin.read()
"""


def writer(store: AssetStore, cache: Path, value: int = 1, **env: str) -> subprocess.Popen[bytes]:
    """Start a process that writes a draft, says so, and publishes it when its standard input ends."""
    command = [sys.executable, "-c", WRITER, store.url, str(cache), str(value)]
    return subprocess.Popen(command, env=environment(env), stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def written(process: subprocess.Popen[bytes]) -> IO[bytes]:
    """Wait for its draft, and return the input whose end lets it publish."""
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == b"written\n"
    return process.stdin


def test_a_writer_that_is_killed_leaves_no_asset(any_store: AssetStore, tmp_path: Path) -> None:
    with writer(any_store, tmp_path / "cache") as process:
        written(process)
        process.kill()
    assert any_store.find(REF) is None
    assert len(any_store.leftovers()) == 1
    collect(any_store, keep=1)
    assert any_store.leftovers() == []


@pytest.mark.service
@pytest.mark.parametrize(("last", "is_there"), [("part-0.parquet", False), ("manifest.json", True)])
def test_a_writer_that_is_killed_while_it_uploads_leaves_a_whole_asset_or_none(
    s3_store: AssetStore, s3_endpoint: S3, tmp_path: Path, last: str, is_there: bool
) -> None:
    writers: list[subprocess.Popen[bytes]] = []

    def kills(method: str, path: str) -> bool:
        is_last = method == "PUT" and path.endswith(f"/{last}")
        if is_last:
            writers[0].kill()
        return is_last

    with (
        meddler(s3_endpoint.endpoint, kills) as address,
        writer(s3_store, tmp_path / "another-cache", AWS_ENDPOINT_URL=address) as process,
    ):
        writers.append(process)
        written(process).close()
    assert process.returncode == -signal.SIGKILL
    assert s3_store.is_intact(REF) == (s3_store.find(REF) is not None) == is_there
    publish(s3_store)
    collect(s3_store, keep=1, grace=timedelta(0))
    assert s3_store.is_intact(REF)
    assert len(s3_store.lake.attempts()) == 1


def test_of_processes_that_publish_at_once_one_wins_whole(any_store: AssetStore, tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(writer(any_store, tmp_path / f"cache-{value}", value)) for value in range(3)]
        for ready in [written(process) for process in processes]:
            ready.close()
    assert [process.returncode for process in processes] == [0, 0, 0]
    table = pq.read_table(any_store.path(REF) / "part-0.parquet")
    assert len(set(table["id"].to_pylist())) == 1
    assert table.num_rows == 100_000
    assert len(any_store.lake.attempts()) == 1
    assert list(tmp_path.rglob(".staging/*")) == []


@pytest.mark.service
def test_an_asset_stays_though_the_answer_to_its_manifest_was_lost(
    s3_endpoint: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[str] = []

    def loses_the_first(method: str, path: str) -> bool:
        if method != "PUT" or not path.endswith("/manifest.json"):
            return False
        lost.append(path)
        return len(lost) == 1

    with meddler(s3_endpoint.endpoint, loses_the_first) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        publish(AssetStore(f"{s3_endpoint.url}/lake", cache=tmp_path / "cache"))
        assert len(lost) > 1, "the client did not try again"
        assert AssetStore(f"{s3_endpoint.url}/lake", cache=tmp_path / "another-cache").is_intact(REF)


def test_what_is_of_a_table_belongs_to_its_owner_and_the_recipe_does_not_say_so(tmp_path: Path) -> None:
    store = AssetStore(str(tmp_path / "lake"), owners={"products": "王小明"})
    publish(store)
    assert store.manifest(REF).owner == "王小明"
    kept = pickle.loads(pickle.dumps(store))
    keys = ("shards/products/a", "quarantine/products", "profiles/products", "tables/events", "embeddings/products")
    found = [kept.owner_of(AssetSpec(key, "t", "g", "team")) for key in keys]
    assert found == ["王小明", "王小明", "王小明", "team", "team"]


def test_a_model_has_no_rows_though_a_table_lies_beside_it(tmp_path: Path) -> None:
    store = AssetStore(str(tmp_path / "lake"))
    spec = AssetSpec("models/encoder", "Encoder", "one model", "team", format="model", main="history.parquet")
    with store.draft(spec, RECIPE, run_id="run-1") as draft:
        pq.write_table(pa.table({"step": [1, 2, 3]}), draft.path / "history.parquet")
    assert store.manifest(AssetRef(spec.key, RECIPE.version)).rows is None
