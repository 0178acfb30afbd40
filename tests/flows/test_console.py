"""What of a run's log the console shows."""

from __future__ import annotations

import logging

import pytest

from flows.console import ForConsole
from tasks.errors import MissingSourceError


def shown(name: str, message: str, level: int = logging.INFO, *, is_embedded: bool = False, **extra: object) -> bool:
    record = logging.makeLogRecord({"name": name, "msg": message, "levelno": level, **extra})
    return ForConsole(is_embedded=is_embedded).filter(record)


@pytest.mark.parametrize(
    "message",
    [
        "read: making shards/events/day0.csv@2003c4b1ce2f",
        "read: shards/events/day0.csv@2003c4b1ce2f was there, 180 rows, 0.3 s",
        "Finished in state Cached(type=COMPLETED)",
        "Task run failed with exception: UnavailableError(…)\n… - Retries are exhausted",
    ],
)
def test_what_task_runs_say_of_each_file_stays_with_prefect(message: str) -> None:
    assert not shown("prefect.task_runs", message)


def test_a_retry_and_a_stages_own_word_are_shown() -> None:
    assert shown("prefect.task_runs", "Task run failed with exception: … - Retry 1/2 will start 2 second(s) from now")
    assert shown("prefect.task_runs", "finetune: Training raised NDCG@10 in validation from 0.4 to 0.5.")


def test_other_libraries_are_shown_from_warnings_on() -> None:
    assert not shown("great_expectations.data_context", "Created temporary directory '/tmp/x' for ephemeral docs site")
    assert shown("great_expectations.data_context", "odd", logging.WARNING)
    assert shown("tasks.assets.store", "the bytes differ", logging.WARNING)


def test_a_traceback_is_shown_of_a_bug_and_not_of_an_error_that_says_what_to_do() -> None:
    expected = MissingSourceError(table="users", source="users.csv", fix="Deliver it.")
    words = "Encountered exception during execution"
    assert not shown("prefect.flow_runs", words, logging.ERROR, exc_info=(type(expected), expected, None))
    assert shown("prefect.flow_runs", words, logging.ERROR, exc_info=(ValueError, ValueError("odd"), None))


def test_an_embedded_run_leaves_its_error_to_the_command_and_shows_its_stage_lines() -> None:
    assert shown("prefect.flow_runs", "Encountered exception", logging.ERROR)
    assert not shown("prefect.flow_runs", "Encountered exception", logging.ERROR, is_embedded=True)
    assert shown("prefect.flow_runs", "embed: 1 asset", is_embedded=True, is_for_console=True)
