"""`pandian gc`: what may go."""

from __future__ import annotations

import click

from flows.commands.options import config_option, json_option
from flows.commands.output import print_json, settings_of, store_of


@click.command()
@config_option
@click.option(
    "--keep", default=3, show_default=True, type=click.IntRange(min=1), help="Runs to keep with all they use."
)
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@json_option
def gc(config: str | None, keep: int, dry_run: bool, as_json: bool) -> None:
    """Remove assets that none of the last runs, and no registered model, reaches.

    Example: pandian gc --keep 3 --dry-run
    """
    from tasks.assets.gc import collect
    from tasks.register.review import registered_assets

    settings = settings_of(config)
    protected = registered_assets(settings.register_)
    collected = collect(store_of(settings), keep=keep, protected=protected, is_dry_run=dry_run)
    if as_json:
        return print_json(
            {
                "kept": len(collected.kept),
                "removed": [str(ref) for ref in collected.removed],
                "bytes": collected.bytes_freed,
            }
        )
    from flows.report import counted
    from flows.summary import human_bytes

    verb = "would remove" if dry_run else "removed"
    for ref in collected.removed:
        click.echo(f"{verb} {ref}")
    click.echo(
        f"{verb} {counted(len(collected.removed), 'asset')}, {human_bytes(collected.bytes_freed)}; "
        f"{len(collected.kept)} kept"
    )
    return None
