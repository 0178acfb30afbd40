"""`pandian review …`, `promote` and `rollback`: decisions about models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from flows.commands.options import config_option, dry_run_option, json_option
from flows.commands.output import print_json, print_markdown, print_text, settings_of, signed_store_of
from flows.printable import printable

if TYPE_CHECKING:
    from tasks.register.review import Review


@click.group()
def review() -> None:
    """Decide about models.

    Example: pandian review list
    """


@review.command("list")
@config_option
@json_option
def list_versions(config: str | None, as_json: bool) -> None:
    """List the registered versions, the newest first.

    Example: pandian review list
    """
    from flows.summary import version_brief, version_list
    from tasks.register.registered import listed

    found = listed(settings_of(config).register_)
    if as_json:
        return print_json([version_brief(item) for item in found])
    print_text(version_list(found))
    return None


@review.command("show")
@click.argument("version")
@config_option
@json_option
def show_version(version: str, config: str | None, as_json: bool) -> None:
    """Show a version's card: what it is, how it was measured, what it was made from.

    Example: pandian review show 1
    """
    from flows.summary import version_brief
    from tasks.register.registered import shown
    from tasks.register.status import CARD_NOTE

    found = shown(settings_of(config).register_, version)
    if as_json:
        return print_json({**version_brief(found.version), "card": found.card})
    click.echo("\n".join(map(printable, (*found.status, "", CARD_NOTE, ""))))
    print_markdown(found.card)
    return None


@review.command("approve")
@click.argument("version")
@click.option("--reason", required=True, help="Why; it is kept with the decision.")
@config_option
@dry_run_option
@json_option
def approve(version: str, reason: str, config: str | None, dry_run: bool, as_json: bool) -> None:
    """Approve a version; `pandian promote` then makes it the champion.

    Example: pandian review approve 1 --reason "better than buying again"
    """
    _decided(_judge("approved", version, reason, config, dry_run=dry_run), dry_run=dry_run, as_json=as_json)


@review.command("reject")
@click.argument("version")
@click.option("--reason", required=True, help="Why; it is kept with the decision.")
@config_option
@dry_run_option
@json_option
def reject(version: str, reason: str, config: str | None, dry_run: bool, as_json: bool) -> None:
    """Reject a version.

    Example: pandian review reject 1 --reason "recommends what is out of stock"
    """
    _decided(_judge("rejected", version, reason, config, dry_run=dry_run), dry_run=dry_run, as_json=as_json)


@click.command()
@config_option
@dry_run_option
@json_option
def promote(config: str | None, dry_run: bool, as_json: bool) -> None:
    """Make the newest approved version the champion, after checking it again.

    Example: pandian promote
    """
    from datetime import UTC, datetime

    from tasks.register.registered import why_not_promoted
    from tasks.register.review import promote as promote_approved

    settings = settings_of(config)
    found = promote_approved(settings.register_, signed_store_of(settings), now=datetime.now(UTC), is_dry_run=dry_run)
    if found is None and not as_json:
        return click.echo(why_not_promoted(settings.register_))
    return _decided(found, dry_run=dry_run, as_json=as_json)


@click.command()
@click.option("--reason", required=True, help="Why; it is kept with the decision.")
@config_option
@dry_run_option
@json_option
def rollback(reason: str, config: str | None, dry_run: bool, as_json: bool) -> None:
    """Give the alias champion back to the version that had it before.

    Example: pandian rollback --reason "clicks fell by a third"
    """
    from datetime import UTC, datetime

    from flows.settings import current_user
    from tasks.register.review import roll_back

    settings = settings_of(config)
    store = signed_store_of(settings)
    found = roll_back(
        settings.register_, store, by=current_user(), reason=reason, now=datetime.now(UTC), is_dry_run=dry_run
    )
    _decided(found, dry_run=dry_run, as_json=as_json)


def _judge(
    decision: Literal["approved", "rejected"], version: str, reason: str, config: str | None, *, dry_run: bool
) -> Review:
    from datetime import UTC, datetime

    from flows.settings import current_user
    from tasks.register.review import judge

    settings = settings_of(config)
    return judge(
        settings.register_,
        signed_store_of(settings),
        version,
        decision,
        by=current_user(),
        reason=reason,
        now=datetime.now(UTC),
        is_dry_run=dry_run,
    )


def _decided(found: Review | None, *, dry_run: bool, as_json: bool) -> None:
    from dataclasses import asdict

    if as_json:
        return print_json(None if found is None else asdict(found))
    if found is not None:
        click.echo(f"Nothing was changed. Without `--dry-run`: {found.words}" if dry_run else found.words)
    return None
