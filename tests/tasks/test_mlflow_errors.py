"""What becomes of the answers of a real server that is no good."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tasks.errors import CredentialsError, PandianError, UnavailableError, UsageError
from tasks.finetune.config import FinetuneConfig
from tasks.finetune.tracking import tracked
from tasks.mlflow_errors import mlflow_error
from tasks.register.config import RegisterConfig
from tasks.register.registry import Registry


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], str]]:
    """Return the address of a server that answers everything with one status."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    servers = []

    def start(status: int) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_error(status)

            def do_POST(self) -> None:
                self.send_error(status)

            def log_message(self, *args: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "kind", "fix"),
    [
        (429, UnavailableError, "Check that MLflow runs at mlflow.tracking_uri"),
        (500, UnavailableError, "Check that MLflow runs at mlflow.tracking_uri"),
        (502, UnavailableError, "Check that MLflow runs at mlflow.tracking_uri"),
        (404, UsageError, "Change in MLflow what it names"),
        (401, CredentialsError, "Set MLFLOW_TRACKING_USERNAME"),
        (403, CredentialsError, "Set MLFLOW_TRACKING_USERNAME"),
    ],
)
def test_only_what_can_pass_is_tried_again(
    answering: Callable[[int], str], tmp_path: Path, status: int, kind: type[PandianError], fix: str
) -> None:
    uri = answering(status)
    with pytest.raises(kind, match=fix):
        Registry(RegisterConfig(tracking_uri=uri, model_name="m")).tags()
    with pytest.raises(kind, match=fix), tracked(FinetuneConfig(tracking_uri=uri, experiment="t"), tmp_path, {}):
        pass


@pytest.mark.parametrize("code", ["RESOURCE_ALREADY_EXISTS", "BAD_REQUEST", "RESOURCE_CONFLICT"])
def test_what_another_run_has_just_made_is_found_by_trying_again(code: str) -> None:
    error = mlflow_error(
        "http://mlflow", "RESOURCE_ALREADY_EXISTS", ValueError("Experiment(name=t) already exists.\nSQL")
    )
    assert error.is_transient
    assert "MLflow says: Experiment(name=t) already exists. Check that" in str(error)
