"""`pandian demo` and `pandian run`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from flows.commands.options import StageChoice, config_option, json_option
from flows.commands.output import print_json, print_text
from flows.plan import StageName


@click.command()
@click.option("--dir", "folder", default="pandian-demo", show_default=True, help="Where the demo's lake and pages go.")
@json_option
def demo(folder: str, as_json: bool) -> None:
    """Take stock of the sample shop: a real retailer's year.

    Example: pandian demo
    """
    from flows.demo import write_demo

    config = write_demo(Path(folder))
    if not as_json:
        click.echo(f"Taking stock of the sample shop into {Path(folder).resolve()} …", err=True)
    _run(str(config), as_json=as_json)


@click.command()
@config_option
@click.option("--only", multiple=True, type=StageChoice(), help="Make this stage alone; may be repeated.")
@click.option("--from", "start", type=StageChoice(), help="Make this stage and all later ones.")
@click.option("--refresh", is_flag=True, help="Make the stages again though nothing changed.")
@json_option
def run(config: str | None, only: tuple[StageName, ...], start: StageName | None, refresh: bool, as_json: bool) -> None:
    """Run the stocktake; what has not changed is skipped.

    Example: pandian run -c shop.yaml --from embed
    """
    _run(config, only=only, start=start, refresh=refresh, as_json=as_json)


def _run(
    config: str | None,
    *,
    only: tuple[StageName, ...] = (),
    start: StageName | None = None,
    refresh: bool = False,
    as_json: bool = False,
) -> None:
    from flows.stopping import Stopping

    with Stopping(_say_stopped):
        from flows.embedded import run_embedded

        outcome = run_embedded(config, only=only, start=start, refresh=refresh)
    if outcome.report is not None and as_json:
        print_json(outcome.report.model_dump(mode="json"))
    elif outcome.report is not None:
        from flows.summary import next_steps, run_summary

        print_text(run_summary(outcome.report, outcome.evaluation, outcome.gain))
        click.echo(next_steps(outcome.report, outcome.config))
    if outcome.error is not None:
        raise outcome.error


def _say_stopped() -> None:
    line = "Stopped. What is finished is kept, and the next run goes on from there."
    click.echo(f"\n{line}" if sys.stderr.isatty() else line, err=True)
    sys.stderr.flush()
