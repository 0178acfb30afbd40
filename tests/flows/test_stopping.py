"""SIGTERM and Ctrl-C: a run ends at once, says so, and leaves what the next one goes on from."""

from __future__ import annotations

import json
import signal
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import pytest

from tasks.assets.store import AssetStore
from tests.pandian import WAITS, start
from tests.tiny import write_shop

STOPPED = "Stopped. What is finished is kept, and the next run goes on from there."


@pytest.mark.service
def test_a_stopped_run_ends_with_one_line_and_its_exit_code_and_publishes_nothing_half(
    tmp_path: Path, prefect: Mapping[str, str]
) -> None:
    env = {**prefect, "WAITS_BEFORE": "tables/", "WAITS_FOR": str(tmp_path / "never")}
    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        write_shop(tmp_path / number.name)
    runs = {
        number: start("run", "--only", "ingest", cwd=tmp_path / number.name, env=env, code=WAITS) for number in numbers
    }
    for number, run in runs.items():
        lake = tmp_path / number.name / "lake"
        while not any(lake.glob("tables/*/*/data-*")):
            assert run.poll() is None, run.communicate()
            time.sleep(0.1)
        run.send_signal(number)
    for number, run in runs.items():
        output, errors = run.communicate(timeout=60)
        assert (run.returncode, output) == (128 + number, "")
        assert errors.splitlines()[-1] == STOPPED
        keys = {item.key for item in AssetStore(str(tmp_path / number.name / "lake")).manifests()}
        assert not [key for key in keys if not key.startswith("shards/")]
    assert _crashes(prefect) >= {f"The run was stopped by {number.name}." for number in numbers}


def _crashes(prefect: Mapping[str, str]) -> set[str]:
    url = f"{prefect['PREFECT_API_URL']}/flow_runs/filter"
    asked = json.dumps({"flow_runs": {"state": {"type": {"any_": ["CRASHED"]}}}}).encode()
    request = urllib.request.Request(url, asked, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return {run["state"]["message"] for run in json.load(answer)}
