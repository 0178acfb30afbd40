"""What of a run's log reaches the console: a line per stage, what is unusual, and nothing that Prefect keeps anyway."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Final

from prefect import get_run_logger
from prefect.exceptions import MissingContextError
from prefect.logging.handlers import PrefectConsoleHandler

from flows.printable import printable
from tasks.errors import PandianError

OF_ASSETS: Final = re.compile(r"\w+: (making \S+@|\S+@\w+ (made|was there)\b)")
OF_STATES: Final = re.compile(r"Finished in state |(?s:Task run failed with .* - Retries are exhausted$)")
"""What a task run says of each asset, and at its end: it stands in its log in the Prefect UI."""

TASK_RUNS: Final = "prefect.task_runs"
FLOW_RUNS: Final = "prefect.flow_runs"
OURS: Final = ("prefect", "tasks", "flows")


def say(line: str) -> None:
    """Log a line to the flow run, and to the console; what a terminal would act on is escaped."""
    try:
        get_run_logger().info(printable(line), extra={"is_for_console": True})
    except MissingContextError:
        return


def quiet_console(*, is_embedded: bool = False) -> None:
    """Let the console show what `is_for_console` says; everything stays in Prefect's own logs.

    Args:
        is_embedded: The process ends with the run and tells its error itself.
    """
    for handler in _console_handlers():
        for earlier in [item for item in handler.filters if isinstance(item, ForConsole)]:
            is_embedded = is_embedded or earlier.is_embedded
            handler.removeFilter(earlier)
        handler.addFilter(ForConsole(is_embedded=is_embedded))


class ForConsole(logging.Filter):
    """Lets through what somebody who watches a run should see."""

    def __init__(self, *, is_embedded: bool) -> None:
        super().__init__()
        self.is_embedded = is_embedded

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is for the console."""
        if getattr(record, "is_for_console", False):
            return True
        if record.name.partition(".")[0] not in OURS:
            return record.levelno >= logging.WARNING
        if record.name.startswith(FLOW_RUNS):
            return not (self.is_embedded or OF_ASSETS.match(record.getMessage()) or _is_expected(record))
        if record.name.startswith(TASK_RUNS):
            return not (OF_ASSETS.match(record.getMessage()) or OF_STATES.match(record.getMessage()))
        return True


def _is_expected(record: logging.LogRecord) -> bool:
    """Whether it is the traceback of an error that says what to do: the run's last state says it in a line."""
    return record.exc_info is not None and isinstance(record.exc_info[1], PandianError)


def _console_handlers() -> Iterator[logging.Handler]:
    for handler in logging.getLogger().handlers:
        if isinstance(handler, PrefectConsoleHandler):
            yield handler
