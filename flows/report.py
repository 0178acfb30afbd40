"""What a run reports: the object that `pandian run --json` prints and the run record holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from tasks.assets.manifest import Finding, Manifest, Record, Severity
from tasks.assets.reports import ModelState

StageStatus = Literal["run", "skipped", "blocked", "failed"]
RunStatus = Literal["succeeded", "blocked", "refused", "failed"]

SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")


class StageReport(Record):
    """One stage of a run: `skipped` where all its assets were there; `seconds` add up its task runs.

    Args:
        status: `blocked` where what it, or a part of it, needs was blocked or did not arrive, or the run failed before
            it was its turn.
        is_asked: It was to be made; otherwise it was only looked for, since later stages read it.
        reason: Why it failed, or what blocked it, in one line; nothing where it neither failed nor was blocked.
    """

    name: str
    status: StageStatus
    seconds: float
    is_asked: bool = True
    reason: str = ""


class AssetReport(Record):
    """One asset that a run made, or found unchanged (`skipped`), and the stage it is of."""

    key: str
    stage: str = ""
    version: str
    rows: int | None
    bytes: int
    verdict: str | None
    skipped: bool


class ModelReport(Record):
    """The registered version that a run made or found; `alias` is what it was given then, `state` what became of it."""

    name: str
    version: str
    alias: str | None
    state: ModelState
    metrics: dict[str, float]


class RunReport(Record):
    """A run: what each stage did, which assets there are now, what was found, which model, where the pages lie.

    Args:
        missing: Keys of stages not asked for that were looked for in vain: never made, or made from older inputs.
    """

    run_id: str
    status: RunStatus
    lake: str
    stages: tuple[StageReport, ...]
    assets: tuple[AssetReport, ...]
    findings: dict[Severity, int]
    model: ModelReport | None
    report: str | None
    problem: str | None = None
    missing: tuple[str, ...] = ()


def why_blocked(failed: Sequence[str], tables: Sequence[str]) -> str:
    """Return in one line what kept a stage from running.

    Args:
        failed: The stages whose failure kept it from running.
        tables: The tables that validation blocked.
    """
    if failed:
        return f"{' and '.join(failed)} failed."
    return f"Validation blocked {' and '.join(tables)}." if tables else "The run ended before it."


def finding_counts(manifests: Iterable[Manifest]) -> dict[Severity, int]:
    """Return how many findings the assets carry, per severity."""
    found: list[Finding] = [finding for manifest in manifests for finding in manifest.findings]
    return {severity: sum(finding.severity == severity for finding in found) for severity in SEVERITIES}


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 table`, `1,200 tables`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
