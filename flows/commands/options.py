"""Options that many commands share, and a stage as an argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import click

from flows.plan import STAGES
from tasks.errors import near_miss

P = ParamSpec("P")
R = TypeVar("R")


def config_option(command: Callable[P, R]) -> Callable[P, R]:
    """Add `-c FILE` to a command."""
    text = "The shop's configuration; shop.yaml here, or the demo's, if not named."
    return click.option("-c", "--config", "config", metavar="FILE", help=text)(command)


def json_option(command: Callable[P, R]) -> Callable[P, R]:
    """Add `--json` to a command."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def version_option(command: Callable[P, R]) -> Callable[P, R]:
    """Add `--version N` to a command."""
    return click.option("--version", metavar="N", help="The version to ask; the champion if not named.")(command)


def dry_run_option(command: Callable[P, R]) -> Callable[P, R]:
    """Add `--dry-run` to a command."""
    return click.option("--dry-run", is_flag=True, help="Only say what would be done.")(command)


class StageChoice(click.Choice[str]):
    """A stage; a name that is none is refused with the near miss."""

    def __init__(self) -> None:
        super().__init__(STAGES)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # as click calls it
        """Return the stage's name."""
        if value not in STAGES:
            hint = near_miss(str(value), STAGES)
            self.fail(f"“{value}” is not a stage. {hint}The stages are {', '.join(STAGES)}.", param, ctx)
        return super().convert(value, param, ctx)
