"""What is said where several things went wrong."""

from __future__ import annotations

import pickle

from prefect.exceptions import UnfinishedRun

from flows.failures import reason, together
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
