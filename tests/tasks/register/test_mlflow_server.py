"""Registration, review and promotion against a real MLflow server, and the model behind its own scoring server."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.assets.store import AssetStore
from tasks.register.config import RegisterConfig
from tasks.register.registered import chosen_files
from tasks.retrieval.recommender import Recommender
from tests.services import free_port
from tests.tasks.register.registering import MLFLOW_WARNINGS, Shop, evaluation_of

pytestmark = [pytest.mark.service, *MLFLOW_WARNINGS]
PATIENCE_S = 180


@contextlib.contextmanager
def serving(command: list[str], url: str, folder: Path) -> Iterator[str]:
    """Start a server in a folder, wait until it answers, and stop it with all its workers."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # MLflow calls uvicorn by its name
    environment = {**os.environ, "PYTHONPATH": "", "PATH": path}
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        _wait(url, process, folder / "server.log")
        yield url
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=60)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(PATIENCE_S * 2):
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    pytest.fail(f"{url} does not answer: {log.read_text()[-3000:]}")


def post(url: str, body: object) -> tuple[int, Any]:
    """Send JSON, and return the status and the JSON that comes back."""
    request = urllib.request.Request(
        url, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "server"
    folder.mkdir()
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    stores = ["--backend-store-uri", "sqlite:///mlflow.db", "--artifacts-destination", str(folder / "artifacts")]
    with serving([*command, *stores], f"http://127.0.0.1:{port}", folder) as url:
        yield url


def test_a_model_goes_through_review_on_a_server_and_answers_over_http(
    server: str, recommender_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    config = RegisterConfig(tracking_uri=server, experiment="office", model_name="office-recommender")
    shop = Shop(AssetStore(str(tmp_path / "lake")), config, recommender_files)
    report = shop.register(evaluation_of(0.12))
    assert (report.decision, report.alias) == ("passed", "challenger")
    shop.registry.client.set_model_version_tag(config.model_name, report.version, "review", "approved")
    review = shop.promote()
    assert review is not None
    assert (review.version, review.by) == ("1", "somebody in MLflow")
    assert shop.alias("champion") == "1"
    assert list(temporary.rglob("MLmodel")) == [], "a copy of the model that was tried stays behind"

    files = chosen_files(config, None, cache=tmp_path / "cache")
    assert chosen_files(config, None, cache=tmp_path / "cache") == files
    assert Recommender.load(files).recommend("u0", k=1)[0].product_id == "paper"

    model = next(path for path in files.parents if (path / "MLmodel").is_file())
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(model), "--env-manager", "local"]
    with serving([*command, "--port", str(port)], f"http://127.0.0.1:{port}", tmp_path) as url:
        rows = [{"task": "recommend", "history": ["pen"], "k": 1}, {"task": "search", "query": "iron pan", "k": 1}]
        status, answer = post(f"{url}/invocations", {"dataframe_records": rows})
        assert status == 200, answer
        assert [row["results"][0]["product_id"] for row in answer["predictions"]] == ["ink", "pan"]
        status, answer = post(f"{url}/invocations", {"dataframe_records": [{"task": "buy", "user_id": "u0"}]})
        assert status == 400
        assert "`task` is one of" in json.dumps(answer)
