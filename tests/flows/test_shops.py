"""The whole DAG on a shop of office supplies, and ingest, validate and profile on every other public data set."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from tasks.assets import specs
from tasks.assets.reports import EvaluationReport
from tasks.assets.store import AssetStore
from tests.pandian import ROOT, answer

SHOPS = ROOT / "tests" / "shops"
NOTHING: Mapping[str, str] = MappingProxyType({})


def run(name: str, folder: Path, *args: str, env: Mapping[str, str] = NOTHING) -> Any:  # JSON values of any shape
    environment = {**env, "PANDIAN_LAKE": str(folder / "lake"), "PANDIAN_HOME": str(folder / "home")}
    return answer(*args, "-c", str(SHOPS / f"{name}.yaml"), cwd=folder, env=environment)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, prefect: Mapping[str, str], shared_data: Path) -> Path:
    assert shared_data.is_dir()
    folder = tmp_path_factory.mktemp("office")
    report = run("office", folder, "run", env=prefect)
    assert report["status"] == "succeeded", report["problem"]
    return folder


@pytest.mark.service
def test_office_has_the_rows_its_source_has(office: Path) -> None:
    events = run("office", office, "inventory", "show", "tables/events")["metrics"]
    assert events["rows_read"] == 21_297
    assert events["rows_read"] == events["rows_kept"] + events["rows_merged"] + events["rows_quarantined"]
    assert run("office", office, "inventory", "show", "tables/products")["rows"] == 3_317


@pytest.mark.service
def test_office_leads_to_a_challenger_above_every_part(office: Path) -> None:
    (listed,) = run("office", office, "review", "list")
    assert listed["alias"] == "challenger"
    assert listed["review"] == "pending"
    store = AssetStore(str(office / "lake"))
    (made,) = [item for item in store.manifests() if item.key == specs.EVALUATION.key]
    found = EvaluationReport.model_validate_json((store.path(made.ref) / "evaluation.json").read_bytes())
    ndcg = {item.model: item.value for item in found.metrics if (item.split, item.metric) == ("test", "ndcg_at_10")}
    assert ndcg["combination"] >= 0.125
    assert ndcg["combination"] > max(value for model, value in ndcg.items() if model != "combination")
    assert ndcg["finetuned_encoder"] > ndcg["raw_encoder"] > ndcg["popularity"]


@pytest.mark.service
@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("giftcards", {"products": 1_547, "reviews": 2_972}),
        ("icecat", {"products": 19_406, "judgments": 3_668}),
        ("zh-reviews", {"reviews": 62_774}),
        ("qa-appliances", {"answers": 9_011}),
        ("fashion", {"products": 2_000}),
    ],
)
def test_every_row_of_the_other_shops_is_accounted_for(
    name: str, rows: dict[str, int], prefect: Mapping[str, str], tmp_path: Path, shared_data: Path
) -> None:
    assert shared_data.is_dir()
    report = run(name, tmp_path, "run", "--only", "ingest", "--only", "validate", "--only", "profile", env=prefect)
    assert report["status"] == "succeeded", report["problem"]
    for table, expected in rows.items():
        metrics = run(name, tmp_path, "inventory", "show", f"tables/{table}")["metrics"]
        assert metrics["rows_read"] == expected
        assert expected == metrics["rows_kept"] + metrics["rows_merged"] + metrics["rows_quarantined"]
        assert run(name, tmp_path, "inventory", "show", f"profiles/{table}")["rows"] > 0
