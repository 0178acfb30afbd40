"""`pandian doctor`: what is missing here."""

from __future__ import annotations

import click

from flows.commands.options import config_option, json_option
from flows.commands.output import print_json


@click.command()
@config_option
@json_option
def doctor(config: str | None, as_json: bool) -> None:
    """Say what is missing on this machine, and how to get it.

    Exits with 2 where something is missing that the stocktake needs.

    Example: pandian doctor
    """
    from dataclasses import asdict

    from flows.doctor.check import check_page, together
    from flows.doctor.examine import examine

    checks = examine(config)
    problem = together(checks)
    if as_json:
        print_json({"is_ready": problem is None, "checks": [asdict(item) for item in checks]})
    else:
        click.echo(check_page(checks))
    if problem is not None:
        raise problem
