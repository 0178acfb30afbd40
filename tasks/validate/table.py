"""Judges one table from its files to everything that is written of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from expectations.expectation import Expectation
from expectations.suites import SUITES
from tasks.assets.manifest import Finding
from tasks.assets.reports import VALIDATION_REPORT, ExpectationResult, ValidationReport
from tasks.bounds import connect
from tasks.errors import CountsDisagreeError, ExpectationRaisedError, SuiteError
from tasks.schemas import CANONICAL
from tasks.validate.checks import Check, applicable
from tasks.validate.config import ValidateConfig
from tasks.validate.engine import Demand, Entry, known_types, problem, write_docs
from tasks.validate.inferred import TableFacts, category_candidates, inferred_suite, key_candidates
from tasks.validate.judge import Outcome, demand, outcomes
from tasks.validate.offline import make_offline, safe
from tasks.validate.report import Evidence, finding, metrics, page_result, result, results_table, verdict
from tasks.validate.rows import Rows
from tasks.validate.suite_json import parse_suite, to_suite_json

DOCS_INDEX: Final = "docs/index.html"


@dataclass(frozen=True, slots=True)
class Subject:
    """A table to be judged.

    Args:
        table: Its name.
        files: Its parquet files, in order.
        parents: The parquet files of each table that it may refer to.
        own_suite: The text of the shop's own suite for it.
        ingested_at: When it was ingested.
    """

    table: str
    files: tuple[Path, ...]
    parents: Mapping[str, tuple[Path, ...]]
    own_suite: str | None
    ingested_at: datetime


@dataclass(frozen=True, slots=True)
class Validated:
    """What was found: the report, its findings, and the counts for the manifest."""

    report: ValidationReport
    findings: tuple[Finding, ...]
    metrics: dict[str, Any]  # the manifest's metrics


def validate_table(subject: Subject, config: ValidateConfig, *, folder: Path, spill: Path) -> Validated:
    """Judge a table and write the files of its validation asset.

    Args:
        subject: The table.
        config: The settings.
        folder: Where the files go.
        spill: A folder for what does not fit in memory.

    Raises:
        SuiteError: The shop's own suite cannot be used, or an expectation of it could not be judged.
        ExpectationRaisedError: An expectation of ours could not be judged.
        CountsDisagreeError: Two counts of the same failures differ.
    """
    known = CANONICAL.get(subject.table)
    with connect(config, spill) as connection:
        rows = Rows(connection, subject.files, known.key if known else (), config)
        suite = _suite(subject, rows, config)
        parents = {name: rows.described(files) for name, files in subject.parents.items()}
        checks = applicable(suite, rows.columns, parents=parents, ingested_at=subject.ingested_at)
        found = _outcomes(subject, checks, rows)
        results = [result(item, _evidence(item, rows, config, folder)) for item in found]
        report = ValidationReport(
            table=subject.table,
            suite=subject.table if known else f"{subject.table} (inferred)",
            verdict=verdict(results),
            rows=rows.total,
            partitions=max((item.frames for item in found), default=0),
            results=tuple(results),
            docs=DOCS_INDEX,
        )
    _write(folder, report, found, suite)
    findings = tuple(
        finding(subject.table, item, one) for item, one in zip(found, results, strict=True) if not one.is_met
    )
    return Validated(report, findings, metrics(report))


def _suite(subject: Subject, rows: Rows, config: ValidateConfig) -> tuple[Expectation, ...]:
    ours = SUITES.get(subject.table) or _inferred(rows, config)
    if subject.own_suite is None:
        return ours
    own = parse_suite(subject.own_suite, table=subject.table, types=known_types(), columns=rows.columns)
    refused = [text for item in own if (text := problem(demand(item)))]
    if refused:
        raise SuiteError(
            table=subject.table,
            problem=f"“{subject.table}.json”: {' '.join(refused)}",
            fix="Correct the arguments, then run again.",
        )
    return (*ours, *own)


def _outcomes(subject: Subject, checks: Sequence[Check], rows: Rows) -> list[Outcome]:
    try:
        return outcomes(checks, rows, subject.parents)
    except ExpectationRaisedError as error:
        if error.facts["expectation"] not in {check.id for check in checks if check.expectation.is_own}:
            raise
        raise SuiteError(
            table=subject.table,
            problem=f"“{subject.table}.json”: {error.template.format_map(error.facts)}",
            fix="Correct its arguments, or ask for a column of a type that they fit.",
        ) from error


def _inferred(rows: Rows, config: ValidateConfig) -> tuple[Expectation, ...]:
    names = list(rows.columns)
    nulls = dict(zip(names, (nulls for _, nulls in rows.nulls([(name, None) for name in names])), strict=True))
    about = rows.approximate_distinct(names)
    keys = key_candidates(rows.columns, nulls, about, rows.total)
    sets = category_candidates(rows.columns, about, rows.total, config.max_category_values)
    facts = TableFacts(
        rows=rows.total,
        columns=rows.columns,
        nulls=nulls,
        distinct={name: rows.exact_distinct(name) for name in keys},
        values={name: tuple(rows.distinct_values(name)) for name in sets},
    )
    return inferred_suite(facts, most_values=config.max_category_values)


def _evidence(outcome: Outcome, rows: Rows, config: ValidateConfig, folder: Path) -> Evidence:
    if outcome.is_met or outcome.condition is None:
        return Evidence()
    name = f"failing/{outcome.check.file_name}.parquet"
    written = rows.write_failing(folder / name, outcome.condition)
    if written != outcome.failed:
        raise CountsDisagreeError(
            expectation=outcome.check.id,
            judged=outcome.failed,
            counted=written,
            fix="Report this with the expectation and the values of its column: nothing was published.",
        )
    return Evidence(name, rows.examples(folder / name, outcome.condition.columns, config.examples))


def _write(folder: Path, report: ValidationReport, found: Sequence[Outcome], suite: Sequence[Expectation]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / VALIDATION_REPORT).write_text(report.model_dump_json(indent=2), encoding="utf-8")
    (folder / "suite.json").write_text(to_suite_json(report.suite, suite), encoding="utf-8")
    pq.write_table(results_table(report.results), folder / "results.parquet")
    entries = [_entry(item, one, report.rows) for item, one in zip(found, report.results, strict=True)]
    results = write_docs(folder / "docs", suite=report.table, entries=entries)
    make_offline(folder / "docs", table=report.table, results=results)


def _entry(outcome: Outcome, found: ExpectationResult, rows: int) -> Entry:
    return Entry(
        demand=_spoken(outcome.check.written),
        is_met=found.is_met,
        is_blocking=found.severity == "block",
        reason=safe(found.reason),
        result=safe(page_result(outcome, found, rows)),
    )


def _spoken(item: Expectation) -> Demand:
    asked = demand(item)
    kwargs = {name: dict(value) if isinstance(value, Mapping) else value for name, value in asked.kwargs.items()}
    if item.parent is not None:
        kwargs["value_set"] = [f"every {item.parent[1]} of {item.parent[0]}"]
    return Demand(safe(item.id), item.type, safe(kwargs))
