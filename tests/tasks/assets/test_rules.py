from __future__ import annotations

import pytest

from tasks.assets.reports import ExpectationResult
from tasks.assets.rules import in_words, subject


def result(
    name: str, parameters: dict[str, str], *, named: str = "own", column: str | None = "price"
) -> ExpectationResult:
    return ExpectationResult(
        id=named,
        column=column,
        expectation=name,
        severity="warn",
        reason="r",
        is_met=True,
        checked=1,
        failed=0,
        share=0.0,
        examples=(),
        failing=None,
        parameters=parameters,
    )


BETWEEN = "expect_column_values_to_be_between"
IN_SET = "expect_column_values_to_be_in_set"


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        (BETWEEN, {"max_value": "ingested_at"}, "must be no later than when the table was ingested"),
        (BETWEEN, {"min_value": "1990-01-01T00:00:00+00:00"}, "must be 1990-01-01 or later"),
        (BETWEEN, {"min_value": "0"}, "must be 0 or more"),
        (BETWEEN, {"max_value": "9"}, "must be 9 or less"),
        (BETWEEN, {"min_value": "0", "max_value": "100"}, "must be between 0 and 100"),
        (
            BETWEEN,
            {"min_value": "0", "where": "event_type is distinct from 'return'"},
            "must be 0 or more, of the rows with event_type other than 'return'",
        ),
        (
            "expect_compound_columns_to_be_unique",
            {"over": "user_id, timestamp, session_id", "mostly": "0.5"},
            "must not repeat together in at least 50% of the rows; "
            "rows that agree in user_id, timestamp and session_id count once",
        ),
        (IN_SET, {"parent": "users.user_id"}, "must be a value that users.user_id has"),
        (IN_SET, {"value_set": "a, b"}, "must be one of a, b"),
        ("expect_column_values_to_not_be_null", {}, "must never be empty"),
        ("expect_column_values_to_be_of_type", {"type_": "DOUBLE"}, "must be of the type DOUBLE"),
        ("expect_table_row_count_to_be_between", {"min_value": "5"}, "must have 5 or more rows"),
        ("expect_column_mean_to_be_close", {"far_off": "3"}, "column mean to be close; far off 3"),
    ],
)
def test_a_rule_is_told_without_the_jargon_of_its_library(name: str, parameters: dict[str, str], words: str) -> None:
    assert in_words(result(name, parameters)) == words


def test_patterns_of_our_own_are_told_by_what_they_are_for() -> None:
    name = "expect_column_values_to_not_match_regex"
    assert in_words(result(name, {"regex": "<b>"}, named="title.no_markup")) == "must hold no HTML"
    assert in_words(result(name, {"regex": "x"}, named="title.no_damage")) == "must hold no damaged characters"
    assert in_words(result(name, {"regex": "x"}, named="title.else")) == "must not hold x"
    rows = result("expect_table_row_count_to_be_between", {"min_value": "1"}, named="table.not_empty", column=None)
    assert in_words(rows) == "must have rows"


def test_columns_judged_together_are_told_apart() -> None:
    assert subject(result(BETWEEN, {}, column="user_id+timestamp")) == "`user_id` and `timestamp`"
    assert subject(result(BETWEEN, {}, column=None)) == ""
