"""What stages are handed of each other: results that may be waited for, and what there is in the place of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from prefect.exceptions import UnfinishedRun
from prefect.futures import PrefectFuture

from flows.console import say
from flows.plan import StageName
from tasks.stage import StageResult


@dataclass(frozen=True, slots=True)
class NotRun:
    """What a stage gives that the plan leaves out, or only looked for in vain."""

    assets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Withheld:
    """What cannot be had: tables that the shop names and that are not usable, or what a stage would make of them."""

    tables: tuple[str, ...]


Pending = PrefectFuture[StageResult] | StageResult
"""What a stage was asked for and may not have done yet."""

Given = Pending | NotRun | Withheld
"""What a stage is handed of another one."""

PATIENCE_S = 300.0
"""After this long, and again, the console says that a stage is at work."""


def wait_for(pending: Pending, group: StageName) -> None:
    """Wait until what a stage was asked for is done, and tell the console now and then that it is not."""
    waited = 0.0
    while isinstance(pending, PrefectFuture):
        try:
            pending.result(timeout=PATIENCE_S, raise_on_failure=False)
        except TimeoutError:
            waited += PATIENCE_S
            say(f"{group}: at work for {waited / 60:.0f} min")
        except UnfinishedRun:
            return
        else:
            return


def outcome_of(pending: Pending) -> StageResult | BaseException:
    """Wait for what a stage was asked for, and return what came of it."""
    if isinstance(pending, StageResult):
        return pending
    try:
        result = pending.result(raise_on_failure=False)
    except UnfinishedRun as error:  # what it needs failed, so it never began
        return error
    if isinstance(result, StageResult | BaseException):
        return result
    return RuntimeError(f"A stage ended with {result!r}.")


def settled(value: Any) -> Any:  # arguments of any type, futures among them
    """Return arguments with the results of what they wait for."""
    if isinstance(value, PrefectFuture):
        return value.result()
    if isinstance(value, tuple | list):
        return type(value)(settled(item) for item in value)
    if isinstance(value, dict):
        return {key: settled(item) for key, item in value.items()}
    return value


def missing_from(value: object) -> list[str]:
    """Return the keys of the assets that arguments lack, since the plan leaves them out."""
    if isinstance(value, NotRun):
        return list(value.assets)
    if isinstance(value, Mapping):
        return [name for item in value.values() for name in missing_from(item)]
    if isinstance(value, tuple | list):
        return [name for item in value for name in missing_from(item)]
    return []
