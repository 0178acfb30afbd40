"""What went wrong in a run: causes before consequences, several of them in one sentence each."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from prefect.exceptions import UnfinishedRun

from tasks.assets.manifest import Finding
from tasks.assets.reports import ExpectationResult, ValidationReport
from tasks.errors import PandianError

MOST_NAMED: Final = 3
"""Failures that are told in full; of the others only how many there are."""


def causes(failures: Iterable[BaseException]) -> list[BaseException]:
    """Return what failed by itself, each message once, expected failures first, and one of each table before others.

    What failed only because something before it did is a consequence, and left out where there is a cause.
    """
    distinct = {words(failure): failure for failure in failures}
    found = [failure for failure in distinct.values() if not isinstance(failure, UnfinishedRun)]
    expected = [failure for failure in found or distinct.values() if isinstance(failure, PandianError)]
    of_tables = {failure.facts.get("table", words(failure)): failure for failure in reversed(expected)}
    firsts = set(map(words, of_tables.values()))
    return sorted(
        found or distinct.values(),
        key=lambda failure: (not isinstance(failure, PandianError), words(failure) not in firsts),
    )


def together(failures: Iterable[BaseException]) -> BaseException | None:
    """Return one error that tells of all causes: of the class of the first, so that its exit code holds."""
    found = causes(failures)
    if not found:
        return None
    first, *others = found
    if not others or not isinstance(first, PandianError):
        return first
    return type(first)(fix=" ".join([first.fix, *_few(list(map(words, others)), MOST_NAMED - 1)]), **first.facts)


def reason(failures: Iterable[BaseException]) -> str:
    """Return in one line why a stage failed, without what to do; nothing where no failure is its own."""
    own = [failure for failure in causes(failures) if not isinstance(failure, UnfinishedRun)]
    told = [words(failure).removesuffix(getattr(failure, "fix", "")) for failure in own]
    return " ".join(" ".join(_few(told, MOST_NAMED)).split())


def blocked_words(report: ValidationReport, findings: Iterable[Finding], folder: Path) -> str:
    """Return in one sentence which rules block a table, and for which rows, or what a rule of the whole table found.

    Args:
        report: What the suite says of the table.
        findings: What its manifest carries.
        folder: Where its files lie.
    """
    messages = {finding.id: finding.message for finding in findings}
    rules = [
        _rows_words(result, folder)
        if result.failing
        else _whole_words(result, messages.get(f"{report.table}.{result.id}"))
        for result in report.results
        if result.severity == "block" and not result.is_met
    ]
    return f"The table “{report.table}” is blocked: {'; '.join(rules)}."


def _rows_words(result: ExpectationResult, folder: Path) -> str:
    counts = f"{result.failed:,} of {result.checked:,} rows"
    return f"“{result.id}” fails for {counts}, all of them in {folder / (result.failing or '')}"


def _whole_words(result: ExpectationResult, message: str | None) -> str:
    """What a rule that counts no rows found, and what it asks for."""
    said = (message or f"“{result.id}” fails").removesuffix(result.reason).strip().removesuffix(".")
    said = said.removesuffix(": found None")  # of some rules Great Expectations does not tell what it saw
    asked = ", ".join(f"{name} {value}" for name, value in result.parameters.items())
    return f"{said}, where {asked} is asked for" if asked else said


def words(failure: BaseException) -> str:
    """Return what a failure says; a bug with the name of its class."""
    return str(failure) if isinstance(failure, PandianError) else f"{type(failure).__name__}: {failure}"


def _few(told: list[str], most: int) -> list[str]:
    return told if len(told) <= most else [*told[:most], f"And {len(told) - most} more."]
