"""From outcomes to what others read: the report, the table of results, the verdict, the findings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from tasks.assets.manifest import Finding, Verdict
from tasks.assets.reports import ExpectationResult, ValidationReport
from tasks.validate.checks import spelled
from tasks.validate.judge import Outcome

RESULTS_SCHEMA: Final = pa.schema(
    {
        "id": pa.string(),
        "column": pa.string(),
        "expectation": pa.string(),
        "severity": pa.string(),
        "reason": pa.string(),
        "is_met": pa.bool_(),
        "checked": pa.int64(),
        "failed": pa.int64(),
        "share": pa.float64(),
        "examples": pa.list_(pa.string()),
        "failing": pa.string(),
        "parameters": pa.string(),
    }
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was written of an outcome's failing rows: the file below the asset's folder, and the examples."""

    failing: str | None = None
    examples: tuple[str, ...] = ()


def result(outcome: Outcome, evidence: Evidence) -> ExpectationResult:
    """Return what the report says of an outcome."""
    item = outcome.check.expectation
    return ExpectationResult(
        id=item.id,
        column="+".join(item.judged) or None,
        expectation=item.type,
        severity=item.severity,
        reason=item.reason,
        is_met=outcome.is_met,
        checked=outcome.checked,
        failed=outcome.failed,
        share=outcome.failed / outcome.checked if outcome.checked else 0.0,
        examples=evidence.examples,
        failing=evidence.failing,
        parameters=_parameters(outcome),
    )


def verdict(results: Sequence[ExpectationResult]) -> Verdict:
    """Return `blocked` where a blocking expectation fails, `warned` where another does, else `passed`."""
    failed = {item.severity for item in results if not item.is_met}
    return "blocked" if "block" in failed else "warned" if failed else "passed"


def finding(table: str, outcome: Outcome, found: ExpectationResult) -> Finding:
    """Return the finding that a failed expectation raises."""
    item = outcome.check.expectation
    return Finding(
        id=f"{table}.{item.id}",
        table=table,
        column=found.column,
        kind=item.kind,
        severity="critical" if item.severity == "block" else "warning",
        dimension=item.dimension,
        count=found.failed,
        share=found.share,
        message=_message(outcome, found),
        examples=found.examples,
        keys=found.failing,
        action=item.action,
    )


def results_table(results: Sequence[ExpectationResult]) -> pa.Table:
    """Return the results with one row per expectation; parameters are JSON text."""
    rows = [
        {**item.model_dump(), "parameters": json.dumps(item.parameters, ensure_ascii=False), "examples": item.examples}
        for item in results
    ]
    return pa.Table.from_pylist(rows, schema=RESULTS_SCHEMA)


def metrics(report: ValidationReport) -> dict[str, Any]:  # the manifest's metrics
    """Return the counts that the manifest carries."""
    failed = [item for item in report.results if not item.is_met]
    return {
        "rows": report.rows,
        "expectations": len(report.results),
        "failed_expectations": len(failed),
        "blocking_failures": sum(item.severity == "block" for item in failed),
    }


def page_result(outcome: Outcome, found: ExpectationResult, rows: int) -> dict[str, Any]:  # as GX writes results
    """Return an outcome as Great Expectations writes the result of one expectation."""
    if outcome.condition is None:
        return {"observed_value": outcome.observed}
    missing = rows - outcome.checked
    return {
        "element_count": rows,
        "missing_count": missing,
        "missing_percent": 100 * missing / rows if rows else 0.0,
        "unexpected_count": found.failed,
        "unexpected_percent": 100 * found.share,
        "unexpected_percent_total": 100 * found.failed / rows if rows else 0.0,
        "unexpected_percent_nonmissing": 100 * found.share,
        "partial_unexpected_list": list(found.examples),
    }


def _message(outcome: Outcome, found: ExpectationResult) -> str:
    name = f"`{found.column}`" if found.column else "The table"
    if outcome.condition is None:
        return f"{name} fails “{found.id}”: found {outcome.observed or 'none'}. {found.reason}"
    mostly = outcome.check.expectation.mostly
    allowed = f", where {1 - mostly:.0%} may" if mostly < 1 else ""
    rows = f"{found.failed:,} of {found.checked:,} rows{allowed}"
    return f"{name} fails “{found.id}” in {rows}{_repeats(outcome)}. {found.reason}"


def _repeats(outcome: Outcome) -> str:
    if not outcome.repeated:
        return ""
    values = "1 value" if outcome.repeated == 1 else f"{outcome.repeated:,} values"
    return f"; they share {values}, so that {outcome.failed - outcome.repeated:,} of them repeat another"


def _parameters(outcome: Outcome) -> dict[str, str]:
    item = outcome.check.written
    found = {name: spelled(value) for name, value in item.kwargs.items()}
    if item.parent:
        found["parent"] = ".".join(item.parent)
    if item.where:
        found["where"] = item.where
    if item.over:
        found["over"] = ", ".join(item.over)
    if item.mostly < 1:
        found["mostly"] = str(item.mostly)
    return found
