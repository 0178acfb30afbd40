from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from expectations.expectation import INGESTED_AT, Expectation
from tasks.schemas import quoted
from tasks.validate import judge
from tasks.validate.checks import applicable, spelled
from tasks.validate.predicates import failure
from tasks.validate.rows import Rows
from tasks.validate.sql import VALUE
from tests.tasks.validate.tables import clean, judged, with_cell

BETWEEN = "expect_column_values_to_be_between"
LENGTHS = "expect_column_value_lengths_to_be_between"
MOMENT = datetime(2026, 1, 2, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("type_", "kwargs", "sql_type", "condition"),
    [
        (BETWEEN, {"min_value": 1, "max_value": 2}, "DOUBLE", "_value < 1 or _value > 2"),
        (BETWEEN, {"min_value": 1, "strict_min": True}, "BIGINT", "_value <= 1"),
        (
            BETWEEN,
            {"min_value": MOMENT},
            "TIMESTAMP WITH TIME ZONE",
            "_value < '2026-01-02T03:00:00+00:00'::timestamptz",
        ),
        (BETWEEN, {"min_value": date(2026, 1, 2)}, "DATE", "_value < '2026-01-02'::DATE"),
        (BETWEEN, {"min_value": "a"}, "VARCHAR", None),
        (BETWEEN, {"min_value": 0.1}, "FLOAT", "_value < 0.1::double"),
        (BETWEEN, {"min_value": 2**53 - 1}, "BIGINT", "_value < 9007199254740991"),
        (BETWEEN, {"min_value": 2**53}, "BIGINT", None),
        ("expect_column_values_to_be_in_set", {"value_set": [0.5, -(2**53)]}, "BIGINT", None),
        (BETWEEN, {"min_value": 1}, "DECIMAL(18,2)", None),
        (LENGTHS, {"max_value": 3}, "VARCHAR", "length(_value) > 3"),
        (LENGTHS, {"max_value": 3}, "BIGINT", None),
        ("expect_column_values_to_be_in_set", {"value_set": ["it's"]}, "VARCHAR", "_value not in ('it''s')"),
        ("expect_column_values_to_be_in_set", {"value_set": ["1"]}, "BIGINT", None),
        ("expect_column_values_to_be_in_set", {"value_set": []}, "VARCHAR", None),
        ("expect_column_values_to_be_in_set", {"value_set": [True]}, "BIGINT", None),
        ("expect_column_values_to_match_regex", {"regex": "^a."}, "VARCHAR", "not regexp_matches(_value, '^a.')"),
        ("expect_column_values_to_match_regex", {"regex": "^a$"}, "VARCHAR", None),
        ("expect_column_values_to_match_regex", {"regex": r"\w"}, "VARCHAR", None),
        ("expect_column_values_to_match_regex", {"regex": r"[^\D]"}, "VARCHAR", None),
        ("expect_column_values_to_match_regex", {"regex": r"\ba"}, "VARCHAR", None),
        ("expect_column_values_to_match_regex", {"regex": r"a\s"}, "VARCHAR", None),
        ("expect_column_values_to_match_regex", {"regex": "a(?=b)"}, "VARCHAR", None),
        ("expect_column_values_to_match_regex", {"regex": "(?<name>a)"}, "VARCHAR", None),
        ("expect_column_values_to_match_regex", {"regex": "a"}, "BIGINT", None),
        ("expect_column_values_to_be_json_parseable", {}, "VARCHAR", None),
    ],
)
def test_sql_judges_only_what_it_judges_as_great_expectations_does(
    type_: str,
    kwargs: Mapping[str, Any],  # arguments of any JSON type
    sql_type: str,
    condition: str | None,
) -> None:
    assert failure(type_, kwargs, sql_type) == (condition and condition.replace("_value", quoted(VALUE)))


@pytest.mark.parametrize(
    ("sql_type", "limit"),
    [
        ("TIMESTAMP WITH TIME ZONE", MOMENT),
        ("TIMESTAMP", datetime(2026, 1, 2, 3)),
        ("TIMESTAMPTZ_NS", MOMENT),
        ("DATE", date(2026, 1, 2)),
    ],
)
def test_a_time_is_compared_as_what_its_column_holds(sql_type: str, limit: object) -> None:
    written = [_between(max_value=INGESTED_AT), _between(max_value="2026-01-02T05:00:00+02:00")]

    checks = applicable(written, {"a": sql_type}, parents={}, ingested_at=MOMENT)

    assert [check.expectation.kwargs["max_value"] for check in checks] == [limit, limit]
    assert spelled(checks[0].written.kwargs["max_value"]) == "ingested_at"


def test_what_is_no_time_is_left_for_great_expectations_to_refuse() -> None:
    (check,) = applicable([_between(max_value="soon")], {"a": "DATE"}, parents={}, ingested_at=MOMENT)

    assert check.expectation.kwargs["max_value"] == "soon"
    assert check.failure is None


def test_an_argument_is_spelled_for_people() -> None:
    assert spelled([MOMENT, "a", 1]) == "2026-01-02T03:00:00+00:00, a, 1"


def test_a_column_of_a_wrong_type_is_judged_for_its_type_and_nulls_alone(tmp_path: Path) -> None:
    table = clean("products").drop_columns(["price"]).append_column("price", pa.array(["1"] * 12))

    found = judged("products", table, tmp_path)

    assert {name for name in found if name.startswith("price")} == {"price.type", "price.not_null"}


def test_values_judged_one_by_one_give_the_same_as_distinct_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = with_cell(with_cell(clean("events", 40), "price", 3, -1.0), "price", 5, -1.0)
    grouped = judged("events", table, tmp_path / "grouped")

    monkeypatch.setattr(judge, "KEYED_LIMIT", 0)
    monkeypatch.setattr(judge, "SHARE_OF_ROWS", 0.0)
    single = judged("events", table, tmp_path / "single")

    assert {name: (item.checked, item.failed, item.is_met) for name, item in single.items()} == {
        name: (item.checked, item.failed, item.is_met) for name, item in grouped.items()
    }
    assert single["price.minimum"].failed == 2


@pytest.mark.parametrize("column", ["number", "text", "count", "time", "nothing"])
def test_few_rows_say_of_a_column_what_all_its_rows_say(
    column: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pa.table(
        {
            "number": pa.array([2.5, None, float("nan"), -0.5, 2.5], pa.float64()),
            "text": ["b", "Z", None, "é", "b"],
            "count": [3, 1, 2, 3, 3],
            "time": [datetime(2026, 1, day, tzinfo=UTC) for day in (2, 1, 3, 3, 2)],
            "nothing": pa.array([None] * 5, pa.float64()),
        }
    )
    limit = {"number": 1.0, "text": "c", "count": 2, "time": MOMENT, "nothing": 1.0}[column]
    suite = tuple(
        Expectation(type_, type_, "warn", "r", "outliers", "a", column=column, kwargs=kwargs)
        for types, kwargs in (
            (sorted(judge.ON_EXTREMES) if column != "text" else [], {"max_value": limit}),
            (sorted(judge.ON_DISTINCT), {"value_set": [limit]}),
        )
        for type_ in types
        if "count" not in type_
    )
    count = "expect_column_unique_value_count_to_be_between"
    suite += (Expectation(count, count, "warn", "r", "outliers", "a", column=column, kwargs={"max_value": 2}),)
    few = judged("coupons", table, tmp_path / "few", suite=suite)

    monkeypatch.setattr(judge, "ON_EXTREMES", frozenset())
    monkeypatch.setattr(judge, "ON_DISTINCT", frozenset())
    whole = judged("coupons", table, tmp_path / "whole", suite=suite)

    assert len(few) == (4 if column == "text" else 6)
    assert {name: (item.is_met, item.observed) for name, item in few.items()} == {
        name: (item.is_met, item.observed) for name, item in whole.items()
    }


@pytest.mark.parametrize("way", ["distinct", "extremes"])
def test_a_column_is_not_read_whole_for_what_few_rows_say(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    types = judge.ON_DISTINCT if way == "distinct" else judge.ON_EXTREMES
    monkeypatch.delattr(Rows, "whole")
    suite = tuple(
        Expectation(type_, type_, "warn", "r", "outliers", "a", column="grade", kwargs={"max_value": 4})
        for type_ in sorted(types)
        if type_.endswith("between")
    )

    assert all(item.is_met for item in judged("judgments", clean("judgments"), tmp_path, suite=suite).values())


def _between(**limits: object) -> Expectation:
    return Expectation(
        id=f"a.{len(str(limits))}",
        type=BETWEEN,
        column="a",
        kwargs=limits,
        severity="warn",
        reason="r",
        kind="outliers",
        action="a",
    )
