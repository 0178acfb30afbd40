import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest

from tasks.assets.lake import open_lake
from tasks.assets.local_lake import LocalLake
from tasks.assets.object_lake import ObjectLake
from tasks.errors import LakeError
from tests.services import S3, s3_endpoint

__all__ = ["s3_endpoint"]


def test_a_folder_and_an_address_open_different_lakes(tmp_path: Path) -> None:
    assert isinstance(open_lake(str(tmp_path)), LocalLake)
    assert isinstance(open_lake(f"file://{tmp_path}"), LocalLake)
    assert isinstance(open_lake("s3://bucket/prefix", tmp_path), ObjectLake)


def test_a_file_is_created_once(tmp_path: Path) -> None:
    lake = LocalLake(tmp_path)
    assert lake.create("a/b.json", b"1")
    assert not lake.create("a/b.json", b"2")
    assert lake.read("a/b.json") == b"1"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.json"]


@pytest.mark.service
def test_an_object_is_created_once(s3_endpoint: S3, tmp_path: Path) -> None:
    lake = ObjectLake(f"{s3_endpoint.url}/lake", tmp_path)
    assert lake.create("a/b.json", b"1")
    assert not lake.create("a/b.json", b"2")
    assert lake.read("a/b.json") == b"1"
    assert lake.read("a/c.json") is None
    assert lake.find("b.json") == ["a/b.json"]


@pytest.mark.service
def test_what_another_machine_puts_after_one_has_listed_is_there(s3_endpoint: S3, tmp_path: Path) -> None:
    lake = ObjectLake(f"{s3_endpoint.url}/lake", tmp_path)
    lake.create("a/1/b.json", b"1")
    assert lake.find("b.json") == ["a/1/b.json"]
    client = boto3.client("s3", endpoint_url=s3_endpoint.endpoint)
    for name in ("a/2/b.json", "a/1/c.json"):
        client.put_object(Bucket=s3_endpoint.bucket, Key=f"lake/{name}", Body=b"2")
        assert lake.read(name) == b"2"
    assert lake.find("b.json") == ["a/1/b.json", "a/2/b.json"]


@pytest.mark.service
def test_a_lake_in_a_bucket_that_is_not_there_cannot_be_written(s3_endpoint: S3, tmp_path: Path) -> None:
    assert s3_endpoint.bucket
    lake = ObjectLake("s3://no-such-bucket/lake", tmp_path)
    assert lake.read("a/b.json") is None
    (folder := tmp_path / "folder").mkdir()
    (folder / "part").write_text("1")
    for write in (
        lambda: lake.create("a/b.json", b"1"),
        lambda: lake.replace("a/b.json", b"1"),
        lambda: lake.publish(folder, "a/1"),
    ):
        with pytest.raises(LakeError, match="no such bucket"):
            write()


def test_files_are_found_outside_of_data_and_hidden_folders(tmp_path: Path) -> None:
    lake = LocalLake(tmp_path)
    for path in (
        "a/1/manifest.json",
        "a/1/data-1-0123456789abcdef0123456789abcdef/manifest.json",
        ".staging/x/manifest.json",
    ):
        lake.create(path, b"{}")
    assert lake.find("manifest.json") == ["a/1/manifest.json"]


def test_deleting_leaves_no_empty_folders_and_minds_nothing_missing(tmp_path: Path) -> None:
    lake = LocalLake(tmp_path)
    lake.create("a/b/c.json", b"1")
    lake.delete("a/b/c.json")
    assert [path.name for path in tmp_path.iterdir()] == [".staging"]
    lake.delete("a/b/c.json")


def test_an_exclusive_lock_is_not_to_be_had_twice(tmp_path: Path) -> None:
    one, two = LocalLake(tmp_path), LocalLake(tmp_path)
    with one.lock("x") as first, two.lock("x", is_waiting=False) as second:
        assert (first, second) == (True, False)
    with two.lock("x", is_waiting=False) as third:
        assert third


def test_shared_locks_go_together_and_keep_an_exclusive_one_out(tmp_path: Path) -> None:
    lake = LocalLake(tmp_path)
    with lake.lock("x", is_shared=True), lake.lock("x", is_shared=True) as second:
        assert second
        with lake.lock("x", is_waiting=False) as exclusive:
            assert not exclusive


def test_a_lock_that_is_removed_while_one_waits_for_it_is_still_held_once(tmp_path: Path) -> None:
    lake, held = LocalLake(tmp_path), threading.Event()

    def holds() -> bool:
        with lake.lock("x"):
            held.set()
            with lake.lock("x", is_waiting=False) as second:
                return second

    with ThreadPoolExecutor() as pool:
        with lake.lock("x"):
            waiting = pool.submit(holds)
            while _waiting_for_locks() == 0:
                time.sleep(0.01)
            (tmp_path / ".locks" / "x").unlink()
        assert held.wait(60)
        assert not waiting.result(60)


def _waiting_for_locks() -> int:
    """How many threads of this process wait for a lock of a file, as the kernel says."""
    lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    return sum("->" in line and f" {os.getpid()} " in line for line in lines)


def test_sweeping_removes_the_locks_that_nobody_holds(tmp_path: Path) -> None:
    lake = LocalLake(tmp_path)
    with lake.lock("idle"):
        pass
    with lake.lock("run"), lake.lock("shared", is_shared=True):
        lake.sweep(datetime.now(UTC))
        assert sorted(path.name for path in (tmp_path / ".locks").iterdir()) == ["run", "shared"]


@pytest.mark.service
def test_sweeping_drops_what_was_uploaded_of_files_that_never_became_whole(s3_endpoint: S3, tmp_path: Path) -> None:
    import boto3

    client = boto3.client("s3", endpoint_url=s3_endpoint.endpoint)
    lake = ObjectLake(f"{s3_endpoint.url}/lake", tmp_path)
    for key in ("lake/tables/a", "lakes/b"):
        client.create_multipart_upload(Bucket=s3_endpoint.bucket, Key=key)
    begun = [item["Initiated"] for item in client.list_multipart_uploads(Bucket=s3_endpoint.bucket)["Uploads"]]
    lake.sweep(min(begun))
    assert len(client.list_multipart_uploads(Bucket=s3_endpoint.bucket)["Uploads"]) == 2
    lake.sweep(max(begun) + timedelta(seconds=1))
    left = client.list_multipart_uploads(Bucket=s3_endpoint.bucket)["Uploads"]
    assert [item["Key"] for item in left] == ["lakes/b"]


def test_scratch_is_the_same_folder_after_a_crash(tmp_path: Path) -> None:
    (LocalLake(tmp_path).scratch("embed-1") / "part").write_text("done")
    assert (LocalLake(tmp_path).scratch("embed-1") / "part").read_text() == "done"
