"""What is said where several things went wrong."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

from prefect.exceptions import UnfinishedRun

from flows.failures import blocked_words, reason, together
from tasks.assets.manifest import Finding
from tasks.assets.reports import ExpectationResult, ValidationReport
from tasks.errors import MissingColumnsError, MissingSourceError


def missing(table: str) -> MissingSourceError:
    return MissingSourceError(table=table, source=f"{table}.csv", fix="Deliver it.")


def test_one_error_names_every_cause_and_how_many_more_there_are() -> None:
    error = together(map(missing, ("a", "b", "c", "d", "e")))
    assert isinstance(error, MissingSourceError)
    assert error.exit_code == 5
    assert [name for name in "abcde" if f"“{name}.csv”" in str(error)] == ["a", "b", "c"]
    assert str(error).endswith("And 2 more.")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_a_failure_of_every_table_is_told_before_a_second_one_of_the_same() -> None:
    days = [MissingSourceError(table="events", source=f"day{day}.csv", fix="Deliver it.") for day in range(5)]
    error = together([*days, missing("users"), missing("products")])
    assert [name for name in ("day0", "day1", "users", "products") if f"“{name}.csv”" in str(error)] == [
        "day0",
        "users",
        "products",
    ]
    assert str(error).endswith("And 4 more.")


def test_an_expected_failure_goes_before_a_bug_and_a_consequence_is_left_out() -> None:
    columns = MissingColumnsError(table="users", missing=["user_id"], found=["id"], fix="Mend `columns`.")
    error = together([UnfinishedRun("waits"), ValueError("odd"), columns])
    assert isinstance(error, MissingColumnsError)
    assert str(error).endswith("Mend `columns`. ValueError: odd")


def test_the_same_message_is_said_once() -> None:
    assert str(together([missing("a"), missing("a")])) == str(missing("a"))


def test_a_reason_is_one_line_without_what_to_do() -> None:
    assert reason([missing("a"), UnfinishedRun("waits")]) == "No file matches “a.csv”, the source of the table “a”."
    assert reason([UnfinishedRun("waits")]) == ""


def rule(name: str, parameters: Mapping[str, str], failing: str | None = None) -> ExpectationResult:
    return ExpectationResult(
        id=name,
        column="price",
        expectation="e",
        severity="block",
        reason="Why.",
        is_met=False,
        checked=5,
        failed=3,
        share=0.6,
        examples=(),
        failing=failing,
        parameters=dict(parameters),
    )


def found(name: str, message: str) -> Finding:
    return Finding(
        id=name,
        table="products",
        column="price",
        kind="k",
        severity="critical",
        dimension="accuracy",
        count=3,
        share=0.6,
        message=message,
        examples=(),
        keys=None,
        action="Mend it.",
    )


def test_a_blocking_rule_of_rows_names_them_and_one_of_the_whole_what_it_found_and_asks_for() -> None:
    rules = (
        rule("positive", {}, "failing/positive.parquet"),
        rule("mean", {"min_value": "10", "max_value": "20"}),
        rule("set", {"value_set": "a"}),
    )
    report = ValidationReport(
        table="products", suite="s", verdict="blocked", rows=5, partitions=1, results=rules, docs=None
    )
    findings = [
        found("products.mean", "`price` fails “mean”: found 3.0. Why."),
        found("products.set", "`price` fails “set”: found None. Why."),
    ]
    assert blocked_words(report, findings, Path("/lake")) == (
        "The table “products” is blocked: “positive” fails for 3 of 5 rows, all of them in "
        "/lake/failing/positive.parquet; `price` fails “mean”: found 3.0, where min_value 10, max_value 20 is asked "
        "for; `price` fails “set”, where value_set a is asked for."
    )
