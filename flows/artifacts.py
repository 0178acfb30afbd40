"""What a run tells in the Prefect UI: a table, a page and a link per stage, and a page that sums it up."""

from __future__ import annotations

import contextvars
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from prefect.artifacts import Artifact, LinkArtifact, MarkdownArtifact, TableArtifact

from flows.report import RunReport, StageReport, counted
from tasks.assets import specs
from tasks.assets.manifest import Finding, Manifest
from tasks.inventory.site import page_of

MOST_FINDINGS: Final = 50
SENT_AT_ONCE: Final = 4
"""Artifacts on their way to Prefect's server side by side: sent one by one, waiting takes three times as long."""

STAGE_ASSET: Final[Mapping[str, str]] = {
    "profile": specs.RELATIONSHIPS.key,
    "embed": specs.PRODUCT_EMBEDDINGS.key,
    "analyze": specs.CLUSTERS.key,
    "finetune": specs.ENCODER.key,
    "evaluate": specs.EVALUATION.key,
    "register": specs.REGISTRATION.key,
}
"""The asset whose page tells most of a stage."""

STAGE_SECTION: Final[Mapping[str, str]] = {"ingest": "tables", "validate": "findings"}
"""Where every table has an asset of its own: the part of the overview that tells of them all."""


def publish(report: RunReport, manifests: Sequence[Manifest]) -> None:
    """Put what a run did into the Prefect UI: each stage that was asked for, the run as a whole, and the catalogue.

    Args:
        report: The run.
        manifests: Those of the assets that the report names.
    """
    with ThreadPoolExecutor(SENT_AT_ONCE) as pool:
        sent = [
            pool.submit(contextvars.copy_context().run, artifact.create) for artifact in _artifacts(report, manifests)
        ]
        for artifact in sent:
            artifact.result()


def _artifacts(report: RunReport, manifests: Sequence[Manifest]) -> Iterator[Artifact]:
    by_key = {item.key: item for item in manifests}
    for stage in report.stages:
        if stage.is_asked:
            assets = [item for item in report.assets if item.stage == stage.name]
            yield from _of_stage(report, stage, [by_key[item.key] for item in assets])
    yield MarkdownArtifact(
        key="stocktake-summary", markdown=summary_page(report), description="What this stocktake made and found."
    )
    if report.report is not None:
        yield LinkArtifact(
            key="stocktake-catalogue",
            link=Path(report.report).as_uri(),
            link_text="The catalogue",
            description=f"{specs.CATALOGUE.title}, on the machine that ran the flow.",
        )


def stage_page(report: RunReport, stage: StageReport, manifests: Sequence[Manifest]) -> str:
    """Return, as Markdown, what a stage did: how it ended, what it made, what it found, where the pages lie."""
    seconds = f" in {stage.seconds:.1f} s" if manifests else ""
    lines = [f"**{stage.name}**: {stage.status}{seconds}.", ""]
    if stage.reason:
        lines += [_cell(stage.reason), ""]
    if manifests:
        unchanged = sum(item.skipped for item in report.assets if item.stage == stage.name)
        rows = sum(item.rows or 0 for item in manifests)
        lines += [
            f"{counted(len(manifests), 'asset')}: {len(manifests) - unchanged} made, {unchanged} unchanged; "
            f"{counted(rows, 'row')}.",
            "",
            findings_page([finding for item in manifests for finding in item.findings]),
        ]
    links = [f"[{item.key}]({path.as_uri()})" for item in manifests if (path := _page(report, item.key)) is not None]
    if links:
        lines += ["", f"In the catalogue: {', '.join(links)}."]
    return "\n".join(lines)


def findings_page(findings: Sequence[Finding]) -> str:
    """Return findings as a Markdown table, the first ones where there are many."""
    if not findings:
        return "Findings: none."
    lines = ["| severity | table | column | kind | rows | what |", "|---|---|---|---|---:|---|"]
    lines += [
        f"| {item.severity} | {_cell(item.table)} | {_cell(item.column or '')} | {item.kind} | {item.count:,} "
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
    lines += [f"| {stage.name} | {stage.status} | {stage.seconds:.1f} |" for stage in report.stages if stage.is_asked]
    counts = ", ".join(f"{count} {severity}" for severity, count in report.findings.items())
    lines += ["", f"Findings: {counts}.", ""]
    if report.model is not None:
        alias = f", alias `{report.model.alias}`" if report.model.alias else ""
        lines.append(f"Model `{report.model.name}` version {report.model.version}{alias}.")
    return "\n".join(lines)


def _of_stage(report: RunReport, stage: StageReport, manifests: Sequence[Manifest]) -> Iterator[Artifact]:
    key = f"stocktake-{stage.name}"
    if manifests:
        skipped = {item.key for item in report.assets if item.skipped}
        yield TableArtifact(
            key=key,
            table=[_asset_row(item, is_made=item.key not in skipped) for item in manifests],
            description=f"Assets of the stage `{stage.name}`; seconds are those that making them took.",
        )
    yield MarkdownArtifact(
        key=f"{key}-summary",
        markdown=stage_page(report, stage, manifests),
        description=f"What the stage `{stage.name}` did and found.",
    )
    shown = STAGE_ASSET.get(stage.name, "")
    page = _page(report, shown) if any(item.key == shown for item in manifests) else None
    if page is not None:
        yield _link(f"{key}-page", page.as_uri(), shown)
    section = STAGE_SECTION.get(stage.name)
    if section is not None and manifests and report.report is not None:
        yield _link(f"{key}-page", f"{Path(report.report).as_uri()}#{section}", section)


def _link(key: str, link: str, text: str) -> LinkArtifact:
    description = f"`{text}` in the catalogue, on the machine that ran the flow."
    return LinkArtifact(key=key, link=link, link_text=text, description=description)


def _page(report: RunReport, asset: str) -> Path | None:
    page = Path(report.report or "").parent / page_of(asset)
    return page if report.report is not None and page.is_file() else None


def _asset_row(manifest: Manifest, *, is_made: bool) -> dict[str, str | float]:
    return {
        "asset": manifest.key,
        "version": manifest.version,
        "made": "by this run" if is_made else "before",
        "rows": "" if manifest.rows is None else manifest.rows,
        "bytes": manifest.bytes,
        "verdict": manifest.verdict or "",
        "findings": len(manifest.findings),
        "seconds": round(manifest.duration_s, 2),
    }


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
