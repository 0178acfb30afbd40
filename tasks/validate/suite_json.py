"""Suites as Great Expectations 1.x writes them: a shop's own to read, and inferred ones to be copied."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from expectations.expectation import DIMENSIONS, Expectation, Severity
from tasks.errors import SuiteError, near_miss
from tasks.validate.checks import ON_COLUMN_NAMES

UNSUPPORTED: Final = frozenset(
    {
        "expect_column_type_to_be",
        "expect_query_results_to_match_comparison",
        "expect_table_row_count_to_equal_other_table",
        "unexpected_rows_expectation",
    }
)
"""These need an SQL database or a second table, which parquet files are not."""
SHARED: Final = frozenset({"column", "column_list", "column_A", "column_B", "mostly", "severity", "batch_id"})
KINDS: Final[tuple[tuple[str, str], ...]] = (
    ("not_be_null", "missing_values"),
    ("non_null", "missing_values"),
    ("row_count", "missing_records"),
    ("unique", "duplicate_keys"),
    ("of_type", "invalid_type"),
    ("type_list", "invalid_type"),
    ("in_set", "invalid_category"),
    ("_set", "invalid_category"),
    ("between", "impossible_values"),
    ("column_to_exist", "schema_change"),
    ("table_column", "schema_change"),
    ("outlier", "outliers"),
    ("z_score", "outliers"),
    ("equal", "conflicting_values"),
)
"""Part of a type's name, and the kind of finding its failure is; the first that fits, else `invalid_format`."""


class _Entry(BaseModel):  # type: ignore[no-redef]  # the alias `kwargs` meets the **kwargs of the model's __init__
    model_config = ConfigDict(extra="ignore")

    type: str
    arguments: dict[str, Any] = Field(default_factory=dict, alias="kwargs")  # of any JSON type
    id: str | None = None
    severity: Literal["critical", "warning", "info"] | None = None
    meta: dict[str, Any] | None = None  # a shop's own words, of any JSON type
    notes: str | list[str] | None = None


class _Suite(BaseModel):
    model_config = ConfigDict(extra="ignore")

    name: str
    expectations: list[_Entry]


def parse_suite(text: str, *, table: str, types: Collection[str], columns: Collection[str]) -> tuple[Expectation, ...]:
    """Return the expectations of a shop's own suite.

    `meta` of an expectation may hold `severity` (`block` or `warn`), `reason`, `kind` and `action`. Without
    `meta.severity`, Great Expectations' own severity `critical` blocks; without either, a failure is a warning.

    Args:
        text: The suite, as Great Expectations writes it.
        table: The table that the suite is for.
        types: The expectation types that Great Expectations knows.
        columns: The table's columns.

    Raises:
        SuiteError: The text is no suite, or asks for a type or a column that there is not.
    """
    try:
        suite = _Suite.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise SuiteError(
            table=table,
            problem=f"{place} of “{table}.json”: {first['msg']}.",
            fix="Write it as Great Expectations does: `suite.to_json_dict()`.",
        ) from error
    wrong = [words for entry in suite.expectations for words in _wrong_arguments(entry)]
    if wrong:
        raise SuiteError(
            table=table, problem=f"“{table}.json”: {' '.join(wrong)}", fix="Correct these, then run again."
        )
    found = [_expectation(entry, number) for number, entry in enumerate(suite.expectations, start=1)]
    problems = [
        text
        for entry, item in zip(suite.expectations, found, strict=True)
        for text in _problems(entry, item, types, columns)
    ]
    if problems:
        raise SuiteError(
            table=table, problem=f"“{table}.json”: {' '.join(problems)}", fix="Correct these, then run again."
        )
    return tuple(found)


def to_suite_json(name: str, suite: Iterable[Expectation]) -> str:
    """Return a suite as Great Expectations writes it; reading it back gives the same expectations, under new ids."""
    entries = [
        {
            "type": item.type,
            "kwargs": {**_about(item), **_plain(item.kwargs), **({"mostly": item.mostly} if item.mostly < 1 else {})},
            "severity": "critical" if item.severity == "block" else "warning",
            "meta": {
                "severity": item.severity,
                "name": item.id,
                "reason": item.reason,
                "kind": item.kind,
                "action": item.action,
            },
        }
        for item in suite
        if item.parent is None and item.where is None and not item.over
    ]
    return json.dumps({"name": name, "expectations": entries, "meta": {}}, ensure_ascii=False, indent=2) + "\n"


def _expectation(entry: _Entry, number: int) -> Expectation:
    kwargs, meta = entry.arguments, entry.meta or {}
    pair = (kwargs["column_A"], kwargs["column_B"]) if {"column_A", "column_B"} <= set(kwargs) else ()
    about = kwargs.get("column") or "+".join(kwargs.get("column_list") or pair) or "table"
    rule = entry.type.removeprefix("expect_").removeprefix("column_values_to_")
    return Expectation(
        id=f"own.{number}.{_safe(f'{about}.{rule}')}",
        type=entry.type,
        severity=_severity(entry),
        reason=str(meta.get("reason") or _notes(entry) or "The shop's own suite demands it."),
        kind=meta["kind"] if meta.get("kind") in DIMENSIONS else _kind(entry.type),
        action=str(meta.get("action") or "Look at the rows listed, and at the shop's own suite."),
        column=kwargs.get("column"),
        columns=tuple(kwargs.get("column_list") or pair),
        kwargs={name: value for name, value in kwargs.items() if name not in SHARED},
        mostly=float(kwargs.get("mostly", 1.0)),
        is_own=True,
    )


def _wrong_arguments(entry: _Entry) -> list[str]:
    """What stands in the arguments that every expectation may have, or as a regular expression, and cannot be used."""
    kwargs = entry.arguments
    wrong = [name for name in ("column", "column_A", "column_B") if not isinstance(kwargs.get(name, ""), str | None)]
    names = kwargs.get("column_list") or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        wrong.append("column_list")
    share = kwargs.get("mostly", 1.0)
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        wrong.append("mostly")
    expressions = kwargs.get("regex_list", [])
    held = [kwargs.get("regex", ""), *(expressions if isinstance(expressions, list) else [expressions])]
    if not all(_is_regular(text) for text in held):
        wrong.append("regex_list" if _is_regular(held[0]) else "regex")
    return [f"“{entry.type}” cannot have the `{name}` {json.dumps(kwargs[name])}." for name in wrong]


def _is_regular(text: object) -> bool:
    try:
        return isinstance(text, str) and re.compile(text) is not None
    except (re.error, RecursionError, OverflowError):
        return False


def _problems(entry: _Entry, item: Expectation, types: Collection[str], columns: Collection[str]) -> list[str]:
    if entry.type not in types:
        return [f"There is no expectation “{entry.type}”. {near_miss(entry.type, types)}".strip()]
    if entry.type in UNSUPPORTED or "like_pattern" in entry.type:
        return [f"“{entry.type}” needs an SQL database, and tables are parquet files here."]
    if entry.type in ON_COLUMN_NAMES:
        return []
    return [
        f"“{entry.type}” asks for the column “{name}”, which the table lacks. {near_miss(name, columns)}".strip()
        for name in item.named
        if name not in columns
    ]


def _severity(entry: _Entry) -> Severity:
    named = (entry.meta or {}).get("severity") or entry.severity
    return "block" if named in {"block", "critical"} else "warn"


def _notes(entry: _Entry) -> str:
    return " ".join([entry.notes] if isinstance(entry.notes, str) else entry.notes or [])


def _kind(type_: str) -> str:
    return next((kind for part, kind in KINDS if part in type_), "invalid_format")


def _safe(text: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "._+-" else "_" for letter in text)[:100]


def _about(item: Expectation) -> dict[str, object]:
    if item.column is not None:
        return {"column": item.column}
    return {"column_list": list(item.columns)} if item.columns else {}


def _plain(kwargs: Mapping[str, Any]) -> dict[str, Any]:  # arguments of any JSON type
    return {name: dict(value) if isinstance(value, Mapping) else value for name, value in kwargs.items()}
