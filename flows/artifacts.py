"""What a run tells in the Prefect UI: a table per stage, and a page that sums it up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

from flows.plan import StageName
from flows.report import RunReport
from tasks.assets import specs
from tasks.assets.manifest import Finding, Manifest

MOST_FINDINGS = 50


def publish_stage(stage: StageName, manifests: Sequence[Manifest]) -> None:
    """Put a stage's assets, and what it found, beside its runs in the Prefect UI."""
    if not manifests:
        return
    create_table_artifact(
        key=f"stocktake-{stage}",
        table=[_asset_row(item) for item in manifests],
        description=f"Assets of the stage `{stage}`.",
    )
    findings = [finding for item in manifests for finding in item.findings]
    if findings:
        create_markdown_artifact(
            key=f"stocktake-{stage}-findings",
            markdown=findings_page(findings),
            description=f"What the stage `{stage}` found.",
        )


def publish_summary(report: RunReport) -> None:
    """Put the run's summary into the Prefect UI, and a link to the catalogue."""
    create_markdown_artifact(
        key="stocktake-summary", markdown=summary_page(report), description="What this stocktake made and found."
    )
    if report.report is not None:
        create_link_artifact(
            key="stocktake-catalogue",
            link=Path(report.report).as_uri(),
            link_text="The catalogue",
            description=f"{specs.CATALOGUE.title}, on the machine that ran the flow.",
        )


def findings_page(findings: Sequence[Finding]) -> str:
    """Return findings as a Markdown table, the first ones where there are many."""
    lines = ["| severity | table | column | kind | rows | what |", "|---|---|---|---|---:|---|"]
    lines += [
        f"| {item.severity} | {item.table} | {item.column or ''} | {item.kind} | {item.count:,} "
        f"| {_cell(item.message)} |"
        for item in findings[:MOST_FINDINGS]
    ]
    if len(findings) > MOST_FINDINGS:
        lines.append(f"\n{len(findings) - MOST_FINDINGS} more stand in the catalogue.")
    return "\n".join(lines)


def summary_page(report: RunReport) -> str:
    """Return a run's report as Markdown."""
    lines = [f"## {report.status}", ""]
    if report.problem:
        lines += [report.problem, ""]
    lines += ["| stage | status | seconds |", "|---|---|---:|"]
    lines += [f"| {stage.name} | {stage.status} | {stage.seconds:.1f} |" for stage in report.stages]
    counts = ", ".join(f"{count} {severity}" for severity, count in report.findings.items())
    lines += ["", f"Findings: {counts}.", ""]
    if report.model is not None:
        alias = f", alias `{report.model.alias}`" if report.model.alias else ""
        lines.append(f"Model `{report.model.name}` version {report.model.version}{alias}.")
    return "\n".join(lines)


def _asset_row(manifest: Manifest) -> dict[str, str | float]:
    return {
        "asset": manifest.key,
        "version": manifest.version,
        "rows": -1 if manifest.rows is None else manifest.rows,
        "bytes": manifest.bytes,
        "verdict": manifest.verdict or "",
        "findings": len(manifest.findings),
        "seconds": round(manifest.duration_s, 2),
    }


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
