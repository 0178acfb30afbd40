"""The demo, whole, with the network blocked: what it prints, what it leaves, and that it does nothing twice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from flows.report import RunReport
from flows.summary import human_bytes
from tasks.assets import specs
from tasks.assets.asset import AssetRef
from tasks.assets.reports import EVALUATION_REPORT, EvaluationReport
from tasks.assets.store import AssetStore
from tests.builders_encoder import write_first_layer
from tests.pandian import answer, pandian
from tests.watched import forget, told, watching

OFFLINE = ("unshare", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
"""A network namespace of its own, with nothing in it but the loopback device."""

SHORT = {"PANDIAN_EMBED__MAX_TOKENS": "8", "PANDIAN_FINETUNE__MAX_STEPS": "10"}
"""What encoders and training are worth, a shop shows whose products have titles; here they read and learn less.

The encoder is the first layer of the packaged one: whole, it is at work in that shop, and in the benchmark of the demo.
"""

ROWS = {
    "products": 92_331,
    "events": 1_469_307,
    "users": 801,
    "promotions": 20_940_529,
    "campaigns": 6_589,
    "campaign_descriptions": 27,
    "coupons": 116_204,
    "coupon_redemptions": 2_102,
}
"""Rows of the sample shop's tables, as they are read."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("watched")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    encoder = write_first_layer(tmp_path_factory.mktemp("encoder") / "model")
    return {**SHORT, "PANDIAN_EMBED__ENCODER": str(encoder)}


@pytest.fixture(scope="module")
def report(folder: Path, watched: Path, settings: Mapping[str, str]) -> Any:  # JSON values of any shape
    env = watching(watched)
    call = "import socket; socket.create_connection(('192.0.2.1', 80), 2)"
    assert pandian(cwd=folder, before=OFFLINE, env=env, code=call).returncode != 0, "the network is not blocked"
    assert told(watched), "the network is not watched"
    forget(watched)
    done = pandian("demo", "--json", cwd=folder, before=OFFLINE, env={**settings, **env})
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def summary(report: Any, folder: Path, settings: Mapping[str, str]) -> str:  # JSON values of any shape
    """What a second run prints for a person."""
    assert report["status"] == "succeeded", report["problem"]
    done = pandian("demo", cwd=folder, env=settings)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


@pytest.mark.service
@pytest.mark.timeout(1500)
def test_the_demo_runs_without_a_network_and_registers_a_model(report: Any) -> None:  # JSON values of any shape
    assert report["status"] == "succeeded", report["problem"]
    assert report["model"]["alias"] == "challenger"
    assert {stage["status"] for stage in report["stages"]} == {"run"}


@pytest.mark.service
def test_nothing_outside_this_machine_is_even_looked_for(report: Any, watched: Path) -> None:  # JSON values
    assert report["status"] == "succeeded", report["problem"]
    assert told(watched) == []


@pytest.mark.service
@pytest.mark.parametrize(("table", "rows"), ROWS.items())
def test_every_row_read_is_kept_merged_or_quarantined(report: Any, table: str, rows: int) -> None:  # JSON values
    (version,) = [item["version"] for item in report["assets"] if item["key"] == f"tables/{table}"]
    metrics = AssetStore(report["lake"]).manifest(AssetRef(f"tables/{table}", version)).metrics
    assert metrics["rows_read"] == rows
    assert metrics["rows_read"] == metrics["rows_kept"] + metrics["rows_merged"] + metrics["rows_quarantined"]


@pytest.mark.service
def test_a_second_run_does_no_stages_work_again(report: Any, summary: str) -> None:  # JSON values of any shape
    assert "Stocktake succeeded" in summary
    store = AssetStore(report["lake"])
    newest, _ = store.versions(specs.RUN.key)
    again = RunReport.model_validate_json((store.path(newest.ref) / specs.RUN.main).read_bytes())
    assert {stage.status for stage in again.stages} == {"skipped"}
    assert [(a.key, a.version) for a in again.assets] == [(a["key"], a["version"]) for a in report["assets"]]
    assert all(item.skipped for item in again.assets)


@pytest.mark.service
def test_the_summary_names_what_a_person_wants_to_know(report: Any, summary: str) -> None:  # JSON values of any shape
    assert Path(report["report"]).is_file()
    assert f"The pages:       {report['report']}\n" in summary
    assert f"-m webbrowser {Path(report['report']).as_uri()}\n" in summary
    model = f"Model {report['model']['name']} version {report['model']['version']}, challenger"
    assert model in " ".join(summary.split())
    check_summary(summary, report)


def check_summary(summary: str, report: Any) -> None:  # JSON values of any shape
    """Look whether a summary's tables say what the run and its evaluation say."""
    assets = {item["key"]: item for item in report["assets"]}
    cells = {line.split()[0]: line for line in summary.splitlines() if line.strip()}
    tables = [key for key in assets if key.startswith("tables/")]
    for key in tables:
        verdict = assets[key.replace("tables/", "validations/")]["verdict"]
        told = f"{assets[key]['rows']:,} {human_bytes(assets[key]['bytes'])} {verdict}"
        assert " ".join(cells[key].split()).startswith(f"{key} {told}")
    counts = ", ".join(f"{report['findings'][severity]} {severity}" for severity in ("critical", "warning", "info"))
    assert f"Findings: {counts}\n" in summary
    store = AssetStore(report["lake"])
    ref = AssetRef(specs.EVALUATION.key, assets[specs.EVALUATION.key]["version"])
    evaluation = EvaluationReport.model_validate_json((store.path(ref) / EVALUATION_REPORT).read_bytes())
    values = {(item.model, item.metric): item.value for item in evaluation.metrics if item.split == "test"}
    for model, name in (("combination", "Combination"), ("item_knn", "ItemKNN"), ("popularity", "Popularity")):
        told = " ".join(f"{values[model, metric]:.4f}" for metric in ("ndcg_at_10", "recall_at_10", "mrr_at_10"))
        assert " ".join(cells[name].split()).startswith(f"{name} {told}")
    assert f"{report['model']['metrics']['ndcg_at_10']:.4f}" in cells["Combination"]


@pytest.mark.service
def test_the_challenger_answers_and_says_why(report: Any, folder: Path) -> None:  # JSON values of any shape
    version = report["model"]["version"]
    found = answer("search", "frozen pizza", "--version", version, cwd=folder, is_warm=True)
    assert any("PIZZA" in item["title"].upper() for item in found)
    advised = answer("recommend", "900", "--version", version, cwd=folder, is_warm=True)
    assert len(advised) == 10
    assert all(item["reasons"] and item["title"] for item in advised)
