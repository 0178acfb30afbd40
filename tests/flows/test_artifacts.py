"""What the Prefect UI shows of a stage that failed, or that found something."""

from __future__ import annotations

import pytest

from flows import artifacts
from flows.artifacts import stage_page
from flows.report import AssetReport, RunReport, StageReport
from tasks.assets import specs
from tasks.assets.asset import AssetSpec
from tasks.assets.manifest import Finding, Manifest
from tasks.assets.recipe import Recipe
from tasks.assets.store import AssetStore

FAILED = StageReport(name="ingest", status="failed", seconds=2.0, reason="No file matches “a|b.csv”.")
VALIDATED = StageReport(name="validate", status="run", seconds=2.0)


def finding(number: int, column: str = "region") -> Finding:
    return Finding(
        id=f"users.{number}",
        table="users",
        column=column,
        kind="unknown_value",
        severity="warning",
        dimension="normativity",
        count=1_200,
        share=0.5,
        message="“north|south” is no region.",
        action="Mend it.",
    )


def manifest(store: AssetStore, spec: AssetSpec, *findings: Finding) -> Manifest:
    with store.draft(spec, Recipe.of("validate", 1, {"key": spec.key}), run_id="r") as draft:
        (draft.path / "report.json").write_text("{}")
        draft.findings.extend(findings)
    return next(item for item in store.manifests() if item.key == spec.key)


def report(stage: StageReport, *manifests: Manifest) -> RunReport:
    assets = tuple(
        AssetReport(key=m.key, stage=stage.name, version=m.version, rows=m.rows, bytes=1, verdict=None, skipped=True)
        for m in manifests
    )
    return RunReport(
        run_id="r", status="failed", lake="lake", stages=(stage,), assets=assets, findings={}, model=None, report=None
    )


def test_a_stage_that_failed_says_why_and_claims_no_assets() -> None:
    page = stage_page(report(FAILED), FAILED, [])
    assert page.startswith("**ingest**: failed.\n\nNo file matches")
    assert not {"asset", "Findings"} & set(page.split())
    assert "In the catalogue" not in page


def test_what_a_stage_found_is_a_table_whose_cells_hold(store: AssetStore) -> None:
    made = manifest(store, specs.validation("users"), finding(1, "region|area"))
    page = stage_page(report(VALIDATED, made), VALIDATED, [made])
    assert "1 asset: 0 made, 1 unchanged" in page
    assert "| warning | users | region\\|area | unknown_value | 1,200 | “north\\|south” is no region. |" in page
    assert "none" not in page


def test_more_findings_than_fit_are_counted(store: AssetStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "MOST_FINDINGS", 2)
    made = manifest(store, specs.validation("users"), *map(finding, range(5)))
    page = stage_page(report(VALIDATED, made), VALIDATED, [made])
    assert page.count("unknown_value") == 2
    assert page.endswith("3 more stand in the catalogue.")
