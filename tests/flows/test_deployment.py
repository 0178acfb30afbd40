"""A real Prefect server and a real worker: deploy as the README says, run a deployment, see it Completed."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.plan import STAGES
from tasks.assets import specs
from tasks.assets.store import AssetStore
from tests.pandian import ROOT, environment
from tests.tiny import write_shop

DEPLOYMENTS = ("stocktake/nightly", "stocktake/weekly", "promotion/promotion")
PREFECT = str(Path(sys.executable).parent / "prefect")
TRAINING = ("finetune", "evaluate", "register")
NIGHTLY = tuple(stage for stage in STAGES if stage not in TRAINING)
TABLES = ("products", "events", "users", "coupons")
LINKS = (*(f"stocktake-{stage}-page" for stage in NIGHTLY if stage != "inventory"), "stocktake-catalogue")
"""The last is that of the stage which makes the pages."""
LINK = re.compile(r"\]\(file://([^)]+)\)")


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


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    tmp_path = tmp_path_factory.mktemp("server")
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
    done = subprocess.run([PREFECT, *args], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{args}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


@dataclass(frozen=True, slots=True)
class Deployed:
    """A server that the deployments were run on, and the folder of the shop."""

    api: str
    shop: Path

    def ask(self, path: str, **body: object) -> Any:  # JSON values of any shape
        data = json.dumps(body).encode() if body else None
        request = urllib.request.Request(f"{self.api}/{path}", data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def deployment(self, name: str) -> Any:  # JSON values of any shape
        return self.ask(f"deployments/name/{name}")

    def scheduled(self) -> set[str]:
        """Return the ids of the deployments that the server has made future runs of, by their schedules."""
        return {run["deployment_id"] for run in self.ask("flow_runs/filter", limit=200) if run["auto_scheduled"]}

    def artifacts(self) -> dict[str, Any]:  # JSON values of any shape
        """Return the newest of each artifact's versions, by key."""
        return {item["key"]: item for item in self.ask("artifacts/latest/filter", limit=200)}

    def materialised(self) -> set[str]:
        """Return the keys, below the lake, of the assets that Prefect was told of."""
        name, lake = "prefect.asset.materialization.succeeded", (self.shop / "lake").as_uri()
        page = self.ask("events/filter", filter={"event": {"name": [name]}}, limit=50)
        found = [item["resource"]["prefect.resource.id"] for item in page["events"]]
        assert page["next_page"] is None
        return {key.removeprefix(f"{lake}/") for key in found}


@pytest.fixture(scope="module")
def deployed(server: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    """What the deployments leave that a worker has run: a stocktake without training, and a promotion."""
    log = tmp_path_factory.mktemp("worker") / "worker.log"
    prefect("work-pool", "create", "pandian", "--type", "process", env=server)
    deploy, automate, run = _commands_of_the_readme()
    prefect(*deploy, env=server)
    prefect(*automate, env=server)
    with running("worker", "start", "--pool", "pandian", env=server, log=log):
        prefect("deployment", "run", "promotion/promotion", env=server)
        prefect(*run, "--watch", "--watch-timeout", "300", env=server)
        found = Deployed(server["PREFECT_API_URL"], Path(server["PANDIAN_CONFIG"]).parent)
        _wait_until(lambda: _states(found, "promotion") >= {"COMPLETED"}, log)
        _wait_until(lambda: len(found.scheduled()) == len(DEPLOYMENTS), log)
    return found


@pytest.mark.service
def test_a_deployment_runs_on_a_worker_and_is_completed(deployed: Deployed) -> None:
    assert _states(deployed, "nightly") == {"COMPLETED"}
    assert (deployed.shop / "lake" / "inventory" / "catalogue").is_dir()


@pytest.mark.service
def test_the_promotion_runs_on_the_same_worker(deployed: Deployed) -> None:
    assert "COMPLETED" in _states(deployed, "promotion")
    assert "FAILED" not in _states(deployed, "promotion")


@pytest.mark.service
def test_the_server_makes_runs_of_every_schedule(deployed: Deployed) -> None:
    assert deployed.scheduled() == {deployed.deployment(name)["id"] for name in DEPLOYMENTS}


@pytest.mark.service
def test_the_automation_for_runs_without_a_heartbeat_can_be_created(deployed: Deployed) -> None:
    (found,) = deployed.ask("automations/filter", limit=10)
    assert found["name"] == "pandian-crash-runs-without-heartbeat"
    assert (found["trigger"]["posture"], found["enabled"]) == ("Proactive", True)


@pytest.mark.service
def test_the_weekly_stocktake_is_scheduled_and_leaves_no_stage_out(deployed: Deployed) -> None:
    weekly, nightly = deployed.deployment("stocktake/weekly"), deployed.deployment("stocktake/nightly")
    assert weekly["parameters"] == {"config": str(deployed.shop / "shop.yaml")}
    assert [(item["schedule"]["cron"], item["active"]) for item in weekly["schedules"]] == [("0 4 * * 0", True)]
    assert set(STAGES) - set(nightly["parameters"]["only"]) == set(TRAINING)
    assert not weekly["paused"]


@pytest.mark.service
def test_a_run_from_the_ui_can_name_a_config_the_stages_and_refresh(deployed: Deployed) -> None:
    schema = deployed.deployment("stocktake/nightly")["parameter_openapi_schema"]
    asked = schema["properties"]
    assert list(asked) == ["config", "only", "start", "refresh"]
    assert [name for name, item in asked.items() if len(item.get("description", "")) < 20] == []
    stages = [option["items"]["enum"] for option in asked["only"]["anyOf"] if "items" in option]
    assert stages == [list(STAGES)]
    assert [option["enum"] for option in asked["start"]["anyOf"] if "enum" in option] == [list(STAGES)]
    assert asked["refresh"]["type"] == "boolean"


@pytest.mark.service
def test_a_task_run_is_named_after_its_stage_and_its_table(deployed: Deployed) -> None:
    names = {item["name"] for item in deployed.ask("task_runs/filter", limit=200)}
    of_tables = {f"{stage} {table}" for stage in ("merge", "validate", "profile") for table in TABLES}
    looked = {f"ingest look for {table}" for table in TABLES}
    assert of_tables | looked | {"read day0.csv", "embed", "inventory"} <= names


@pytest.mark.service
def test_each_stage_of_a_run_has_a_table_a_page_and_a_link(deployed: Deployed) -> None:
    found = {key: item["type"] for key, item in deployed.artifacts().items()}
    tables = {f"stocktake-{stage}": "table" for stage in NIGHTLY}
    pages = {f"stocktake-{stage}-summary": "markdown" for stage in NIGHTLY}
    links = dict.fromkeys(LINKS, "markdown")
    assert found == {**tables, **pages, **links, "stocktake-summary": "markdown"}


@pytest.mark.service
def test_a_stages_artifacts_tell_its_assets_rows_seconds_and_findings(deployed: Deployed) -> None:
    found = deployed.artifacts()
    rows = {row["asset"]: row for row in json.loads(found["stocktake-validate"]["data"])}
    assert set(rows) == {f"validations/{name}" for name in TABLES}
    assert all(row["verdict"] == "passed" and row["seconds"] > 0 for row in rows.values())
    ingested = {row["asset"]: row["rows"] for row in json.loads(found["stocktake-ingest"]["data"])}
    assert (ingested["tables/events"], ingested["tables/coupons"]) == (540, 20)
    page = found["stocktake-validate-summary"]["data"]
    assert re.match(r"\*\*validate\*\*: run in \d+\.\d s\.\n", page)
    assert "4 assets: 4 made, 0 unchanged" in page
    assert "Findings: none." in page
    assert found["stocktake-validate-summary"]["flow_run_id"] == found["stocktake-summary"]["flow_run_id"]


@pytest.mark.service
def test_a_runs_artifacts_sum_it_up_and_link_to_pages_that_are_there(deployed: Deployed) -> None:
    found = deployed.artifacts()
    summary = found["stocktake-summary"]["data"]
    assert summary.startswith("## succeeded\n")
    assert re.findall(r"^\| (\w+) \| run \|", summary, re.MULTILINE) == list(NIGHTLY)
    assert "Findings: 0 critical, 0 warning, 1 info." in summary
    pages = [found[key]["data"] for key in LINKS]
    links = [link for page in [*pages, found["stocktake-ingest-summary"]["data"]] for link in LINK.findall(page)]
    assert len(links) == len(LINKS) + 8
    for path, _, section in (urllib.request.url2pathname(link).partition("#") for link in links):
        assert not section or f'id="{section}"' in Path(path).read_text(encoding="utf-8")
        assert Path(path).is_file()


@pytest.mark.service
def test_prefect_knows_the_assets_that_a_run_materialised(deployed: Deployed) -> None:
    manifests = AssetStore(str(deployed.shop / "lake")).manifests()
    assert deployed.materialised() == {item.key for item in manifests if item.key != specs.RUN.key}


def _states(deployed: Deployed, name: str) -> set[str]:
    """Return how the runs of a deployment stand, but for those that wait for their time."""
    runs = deployed.ask("flow_runs/filter", deployments={"name": {"any_": [name]}})
    return {item["state_type"] for item in runs} - {"SCHEDULED"}


def test_a_promotion_is_deployed_beside_a_nightly_and_a_weekly_stocktake() -> None:
    content = yaml.safe_load((ROOT / "deployments" / "prefect.yaml").read_text(encoding="utf-8"))
    assert [item["name"] for item in content["deployments"]] == ["nightly", "weekly", "promotion"]
    assert all((ROOT / item["entrypoint"].split(":")[0]).is_file() for item in content["deployments"])
    assert [schedule for item in content["deployments"] for schedule in item["schedules"]] == [
        {"cron": "0 2 * * 1-6", "timezone": "UTC"},
        {"cron": "0 4 * * 0", "timezone": "UTC"},
        {"interval": 300},
    ]


def _commands_of_the_readme() -> list[list[str]]:
    """Return what follows `prefect` in each line of the block that deploys: to deploy, to automate, to run."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = [part for part in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) if "deployments/prefect.yaml" in part]
    return [line[line.index("prefect") + 1 :] for line in map(shlex.split, block.splitlines())]


def _settings(name: str) -> list[str]:
    lines = (ROOT / "infra" / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _wait_for(url: str, log: Path) -> None:
    def answers() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return True
        except OSError:
            return False

    _wait_until(answers, log)


def _wait_until(is_true: Callable[[], bool], log: Path) -> None:
    for _ in range(240):
        if is_true():
            return
        time.sleep(0.5)
    raise AssertionError(f"Waited in vain: {log.read_text()[-2000:]}")
