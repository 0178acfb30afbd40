"""`pandian gc`: what may go."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from flows.commands.options import config_option, dry_run_option, json_option
from flows.commands.output import print_json, settings_of, store_of

if TYPE_CHECKING:
    from flows.settings import Settings
    from tasks.assets.gc import Collected


@click.command()
@config_option
@click.option(
    "--keep", default=3, show_default=True, type=click.IntRange(min=1), help="Runs to keep with all they use."
)
@dry_run_option
@click.option("--yes", is_flag=True, help="Remove without asking; needed where there is no terminal to ask on.")
@json_option
def gc(config: str | None, keep: int, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Remove assets that no recent run, current asset or registered model reaches.

    Example: pandian gc --keep 3 --dry-run
    """
    settings = settings_of(config)
    if not (dry_run or yes):
        _ask(settings, keep)
    collected = _collect(settings, keep, is_dry_run=dry_run)
    if as_json:
        return print_json(
            {
                "kept": len(collected.kept),
                "removed": [str(ref) for ref in collected.removed],
                "bytes": collected.bytes_freed,
            }
        )
    verb = "would remove" if dry_run else "removed"
    for ref in collected.removed:
        click.echo(f"{verb} {ref}")
    click.echo(f"{verb} {_amount(collected)}; {len(collected.kept)} kept")
    return None


def _ask(settings: Settings, keep: int) -> None:
    """Ask whether to remove what would be removed now, and end the command where the answer is no.

    Raises:
        UsageError: There is nobody to ask.
    """
    from tasks.errors import UsageError

    if not sys.stdin.isatty():
        raise UsageError(
            problem="`pandian gc` removes assets, and there is no terminal to ask on.",
            fix="Pass `--yes` to remove them, or `--dry-run` to see which.",
        )
    planned = _collect(settings, keep, is_dry_run=True)
    for ref in planned.removed:
        click.echo(f"to be removed: {ref}", err=True)
    click.confirm(f"Remove {_amount(planned)}?", abort=True, err=True)


def _collect(settings: Settings, keep: int, *, is_dry_run: bool) -> Collected:
    from tasks.assets.gc import collect
    from tasks.register.registered import registered_assets

    protected = registered_assets(settings.register_)
    return collect(store_of(settings), keep=keep, protected=protected, tables=settings.tables, is_dry_run=is_dry_run)


def _amount(collected: Collected) -> str:
    from flows.report import counted
    from flows.summary import human_bytes

    return f"{counted(len(collected.removed), 'asset')}, {human_bytes(collected.bytes_freed)}"
