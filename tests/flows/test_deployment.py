"""A real Prefect server and a real worker: deploy as the README says, run a deployment, see it Completed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests.pandian import ROOT, environment
from tests.tiny import write_shop

PREFECT = str(Path(sys.executable).parent / "prefect")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(*args: str, env: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (
        log.open("wb") as output,
        subprocess.Popen([PREFECT, *args], cwd=ROOT, env=env, stdout=output, stderr=output) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()  # Prefect's worker has been seen to hang between two signals of its own


@pytest.fixture
def server(tmp_path: Path) -> Iterator[dict[str, str]]:
    port = free_port()
    env = {
        **environment(),
        **dict(line.split("=", 1) for line in _settings("prefect.env")),
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_UI_API_URL": f"http://127.0.0.1:{port}/api",
        "PANDIAN_CONFIG": str(write_shop(tmp_path / "shop")),
        "PWD": str(ROOT),
        "COLUMNS": "200",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    with running("server", "start", "--host", "127.0.0.1", "--port", str(port), env=env, log=tmp_path / "server.log"):
        _wait_for(f"{env['PREFECT_API_URL']}/health", tmp_path / "server.log")
        yield env


def prefect(*args: str, env: Mapping[str, str]) -> str:
    done = subprocess.run(
        [PREFECT, "--no-prompt", *args], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{args}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


@pytest.mark.service
def test_a_deployment_runs_on_a_worker_and_is_completed(server: dict[str, str], tmp_path: Path) -> None:
    prefect("work-pool", "create", "pandian", "--type", "process", env=server)
    prefect("deploy", "--prefect-file", "deployments/prefect.yaml", "--all", env=server)
    prefect("automation", "create", "--from-file", "deployments/automations.yaml", env=server)
    assert "Proactive" in prefect("automation", "inspect", "pandian-crash-runs-without-heartbeat", env=server)
    with running("worker", "start", "--pool", "pandian", env=server, log=tmp_path / "worker.log"):
        prefect("deployment", "run", "stocktake/nightly", "--watch", "--watch-timeout", "300", env=server)
    runs = prefect("flow-run", "ls", "--flow-name", "stocktake", env=server)
    assert "COMPLETED" in runs.upper()
    assert (tmp_path / "shop" / "lake" / "inventory" / "catalogue").is_dir()
    artifacts = prefect("artifact", "ls", env=server)
    assert "stocktake-validate" in artifacts


def test_a_promotion_is_deployed_beside_a_nightly_and_a_weekly_stocktake() -> None:
    content = yaml.safe_load((ROOT / "deployments" / "prefect.yaml").read_text(encoding="utf-8"))
    assert [item["name"] for item in content["deployments"]] == ["nightly", "weekly", "promotion"]
    assert all((ROOT / item["entrypoint"].split(":")[0]).is_file() for item in content["deployments"])


def _settings(name: str) -> list[str]:
    lines = (ROOT / "infra" / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _wait_for(url: str, log: Path) -> None:
    for _ in range(240):
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.5)
    raise AssertionError(f"No answer from {url}: {log.read_text()[-2000:]}")
