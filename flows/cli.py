"""The `pandian` command: each command parses, calls one function, and prints."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, ParamSpec, TypeVar

import click

from flows.plan import STAGES, StageName
from tasks.errors import PandianError, near_miss

if TYPE_CHECKING:
    from rich.console import RenderableType

    from flows.settings import Settings
    from tasks.assets.store import AssetStore
    from tasks.register.review import Review
    from tasks.retrieval.recommender import Recommendation, Recommender

QUARANTINE_ROWS = 10
"""Rows of a quarantine that are shown unasked: it is looked at for them."""

P = ParamSpec("P")
R = TypeVar("R")


def config_option(command: Callable[P, R]) -> Callable[P, R]:
    """Add `-c FILE` to a command."""
    text = "The shop's configuration; shop.yaml here, or the demo's, if not named."
    return click.option("-c", "--config", "config", metavar="FILE", help=text)(command)


def json_option(command: Callable[P, R]) -> Callable[P, R]:
    """Add `--json` to a command."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="pandian")
def cli(debug: bool) -> None:
    """Take stock of the data behind a shop's search and recommendation.

    Example: pandian demo
    """


@cli.command()
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


@cli.command()
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


@cli.group()
def inventory() -> None:
    """Ask what there is.

    Example: pandian inventory list
    """


@inventory.command("list")
@config_option
@click.option("--all", "with_shards", is_flag=True, help="Also the shards that tables are merged from.")
@json_option
def list_assets(config: str | None, with_shards: bool, as_json: bool) -> None:
    """List the assets there are now.

    Example: pandian inventory list --json
    """
    from flows.behind import replaced_keys
    from tasks.assets.inventory import behind, current

    everything = current(_store(config), with_shards=True)
    replaced = replaced_keys(behind(everything))
    manifests = [item for item in everything if with_shards or not item.key.startswith("shards/")]
    if as_json:
        return _print_json([{**_brief(item), "behind": replaced.get(item.ref, [])} for item in manifests])
    from flows.summary import asset_list

    _print(asset_list(manifests, replaced))
    return None


@inventory.command("show")
@click.argument("key")
@config_option
@click.option(
    "--rows",
    "most",
    metavar="N",
    type=click.IntRange(0, 10_000),
    help="Also the first N rows of its table; 10 of a quarantine, if not named.",
)
@json_option
def show_asset(key: str, config: str | None, most: int | None, as_json: bool) -> None:
    """Show an asset's manifest; KEY may name a version, KEY@VERSION.

    Example: pandian inventory show quarantine/products --rows 20
    """
    from tasks.assets.inventory import show
    from tasks.assets.rows import first_rows

    store = _store(config)
    manifest = show(store, key)
    content = manifest.model_dump(mode="json")
    is_quarantine = manifest.key.startswith("quarantine/") and not as_json
    wanted = (QUARANTINE_ROWS if is_quarantine else 0) if most is None else most
    rows = first_rows(store, manifest.ref, wanted).to_pylist() if wanted and manifest.rows else []
    if as_json:
        return _print_json({**content, **({} if most is None else {"first_rows": _plain(rows)})})
    import yaml

    content["data"] = f"{store.lake.url}/{manifest.key}/{manifest.version}/{manifest.data}"
    click.echo(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100).rstrip())
    if wanted:
        from flows.summary import row_list

        _print(row_list(rows, manifest.rows))
    return None


@inventory.command("lineage")
@click.argument("key")
@config_option
@json_option
def show_lineage(key: str, config: str | None, as_json: bool) -> None:
    """Show what an asset was made from, and what was made from it.

    Example: pandian inventory lineage models/recommender
    """
    from tasks.assets.asset import AssetRef
    from tasks.assets.inventory import current, lineage

    store = _store(config)
    found = lineage(store, key)
    if as_json:
        return _print_json(
            {"nodes": [str(ref) for ref in found.nodes], "edges": [[str(a), str(b)] for a, b in found.edges]}
        )
    from flows.summary import lineage_page

    now = {item.key: item.ref for item in current(store, with_shards=True)}
    asset = now[key] if key in now else AssetRef(*key.rsplit("@", 1))
    click.echo(lineage_page(asset, found.edges, set(now.values())))
    return None


@inventory.command("findings")
@config_option
@json_option
def list_findings(config: str | None, as_json: bool) -> None:
    """List what is wrong in the data, and what to do about it.

    Example: pandian inventory findings --json
    """
    from tasks.assets.inventory import findings

    found = findings(_store(config))
    if as_json:
        return _print_json(found)
    from flows.summary import finding_list

    _print(finding_list(found))
    return None


def version_option(command: Callable[P, R]) -> Callable[P, R]:
    """Add `--version N` to a command."""
    return click.option("--version", metavar="N", help="The version to ask; the champion if not named.")(command)


@cli.command()
@click.argument("words")
@config_option
@version_option
@click.option("-k", "count", default=10, show_default=True, type=click.IntRange(1, 1000), help="How many products.")
@json_option
def search(words: str, config: str | None, version: str | None, count: int, as_json: bool) -> None:
    """Find products by words, with reasons.

    Example: pandian search "fountain pen" --version 1
    """
    _answer(_loaded(_model_folder(config, version)).search(words, count), as_json=as_json)


@cli.command()
@click.argument("user")
@config_option
@version_option
@click.option("--history", multiple=True, metavar="PRODUCT", help="What the user chose since; may be repeated.")
@click.option("-k", "count", default=10, show_default=True, type=click.IntRange(1, 1000), help="How many products.")
@json_option
def recommend(
    user: str, config: str | None, version: str | None, history: tuple[str, ...], count: int, as_json: bool
) -> None:
    """Recommend products to a user, with reasons; an unknown one gets what is popular.

    Example: pandian recommend 900 --version 1
    """
    folder = _model_folder(config, version)
    _say_unknown(folder, history)
    _answer(_loaded(folder).recommend(user, history, count), as_json=as_json)


@cli.group()
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
    from tasks.register.review import listed

    found = listed(_settings(config).register_)
    if as_json:
        return _print_json([version_brief(item) for item in found])
    _print(version_list(found))
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
    from tasks.register.review import shown
    from tasks.register.status import CARD_NOTE

    found = shown(_settings(config).register_, version)
    if as_json:
        return _print_json({**version_brief(found.version), "card": found.card})
    click.echo("\n".join((*found.status, "", CARD_NOTE, "", found.card)))
    return None


@review.command("approve")
@click.argument("version")
@click.option("--reason", required=True, help="Why; it is kept with the decision.")
@config_option
@json_option
def approve(version: str, reason: str, config: str | None, as_json: bool) -> None:
    """Approve a version; `pandian promote` then makes it the champion.

    Example: pandian review approve 1 --reason "better than buying again"
    """
    _judge("approved", version, reason, config, as_json=as_json)


@review.command("reject")
@click.argument("version")
@click.option("--reason", required=True, help="Why; it is kept with the decision.")
@config_option
@json_option
def reject(version: str, reason: str, config: str | None, as_json: bool) -> None:
    """Reject a version.

    Example: pandian review reject 1 --reason "recommends what is out of stock"
    """
    _judge("rejected", version, reason, config, as_json=as_json)


@cli.command()
@config_option
@json_option
def promote(config: str | None, as_json: bool) -> None:
    """Make the newest approved version the champion, after checking it again.

    Example: pandian promote
    """
    from datetime import UTC, datetime

    from tasks.register.review import promote as promote_approved
    from tasks.register.review import why_not_promoted

    settings = _settings(config)
    found = promote_approved(settings.register_, _signed_store(settings), now=datetime.now(UTC))
    if found is None and not as_json:
        return click.echo(why_not_promoted(settings.register_))
    return _decided(found, as_json=as_json)


@cli.command()
@click.option("--reason", required=True, help="Why; it is kept with the decision.")
@config_option
@json_option
def rollback(reason: str, config: str | None, as_json: bool) -> None:
    """Give the alias champion back to the version that had it before.

    Example: pandian rollback --reason "clicks fell by a third"
    """
    from datetime import UTC, datetime

    from flows.settings import current_user
    from tasks.register.review import roll_back

    settings = _settings(config)
    store = _signed_store(settings)
    found = roll_back(settings.register_, store, by=current_user(), reason=reason, now=datetime.now(UTC))
    _decided(found, as_json=as_json)


@cli.command()
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

    settings = _settings(config)
    protected = registered_assets(settings.register_)
    collected = collect(_open_store(settings), keep=keep, protected=protected, is_dry_run=dry_run)
    if as_json:
        return _print_json(
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


@cli.group("settings")
def settings_group() -> None:
    """Show the settings.

    Example: pandian settings show
    """


@settings_group.command("show")
@config_option
def show_settings(config: str | None) -> None:
    """Print the settings in force, as YAML; secrets are masked.

    Example: pandian settings show -c shop.yaml
    """
    import yaml

    content = _settings(config).model_dump(mode="json", by_alias=True)
    click.echo(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100).rstrip())


@settings_group.command("schema")
def show_schema() -> None:
    """Print the JSON Schema of shop.yaml, for editors.

    Example: pandian settings schema > shop.schema.json
    """
    from flows.settings import Settings

    _print_json(Settings.model_json_schema(by_alias=True))


def main() -> None:
    """Run the command line, and turn an expected error into one line and its exit code."""
    try:
        cli.main(prog_name="pandian", standalone_mode=False)
    except PandianError as error:
        _fail(str(error), error.exit_code, error)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.Abort:
        _fail("Stopped.", 130)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(2)
    except click.ClickException as error:
        _fail(_wrong_usage(error), 2)
    except BrokenPipeError:
        sys.exit(0)
    except Exception as error:  # noqa: BLE001 - the edge: a bug becomes exit code 1, with its traceback on request
        _fail(f"This is a bug in pandian: {type(error).__name__}: {error} `pandian --debug …` shows where.", 1, error)


def _fail(message: str, exit_code: int, error: BaseException | None = None) -> NoReturn:
    if "--debug" in sys.argv:
        traceback.print_exc()
    _let_go(error)
    click.echo(" ".join(message.split()), err=True)
    sys.exit(exit_code)


def _wrong_usage(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context else "pandian"
    return f"{error.format_message()} `{command} --help` shows how it is used."


def _let_go(error: BaseException | None) -> None:
    """Empty an error's frames: DuckDB's connections in them complain, after the message, of the interpreter's end."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def _run(
    config: str | None,
    *,
    only: tuple[StageName, ...] = (),
    start: StageName | None = None,
    refresh: bool = False,
    as_json: bool = False,
) -> None:
    from flows.embedded import run_embedded

    outcome = run_embedded(config, only=only, start=start, refresh=refresh)
    if outcome.report is not None and as_json:
        _print_json(outcome.report.model_dump(mode="json"))
    elif outcome.report is not None:
        from flows.summary import next_steps, run_summary

        _print(run_summary(outcome.report, outcome.evaluation, outcome.gain))
        click.echo(next_steps(outcome.report, outcome.config))
    if outcome.error is not None:
        raise outcome.error


def _judge(
    decision: Literal["approved", "rejected"], version: str, reason: str, config: str | None, *, as_json: bool
) -> None:
    from datetime import UTC, datetime

    from flows.settings import current_user
    from tasks.register.review import judge

    settings = _settings(config)
    store = _signed_store(settings)
    found = judge(settings.register_, store, version, decision, by=current_user(), reason=reason, now=datetime.now(UTC))
    _decided(found, as_json=as_json)


def _decided(found: Review | None, *, as_json: bool) -> None:
    from dataclasses import asdict

    if as_json:
        return _print_json(None if found is None else asdict(found))
    if found is not None:
        click.echo(found.words)
    return None


def _model_folder(config: str | None, version: str | None) -> Path:
    from tasks.register.review import chosen_files

    settings = _settings(config)
    return chosen_files(settings.register_, version, cache=Path(settings.home) / "cache")


def _loaded(folder: Path) -> Recommender:
    from tasks.retrieval.recommender import Recommender

    return Recommender.load(folder)


def _say_unknown(folder: Path, history: Sequence[str]) -> None:
    """Say which products of a history the model does not know; where it knows none of them, that is wrong usage."""
    from tasks.register.review import unknown_products

    unknown = unknown_products(folder, history)
    if unknown:
        click.echo(f"The model does not know, and passes over: {', '.join(unknown)}.", err=True)


def _answer(found: Sequence[Recommendation], *, as_json: bool) -> None:
    from dataclasses import asdict

    if as_json:
        return _print_json([{**asdict(item), "reasons": list(item.reasons)} for item in found])
    from flows.summary import answer_list

    _print(answer_list(found))
    return None


def _settings(config: str | None) -> Settings:
    from flows.settings import load_settings

    return load_settings(config)


def _store(config: str | None) -> AssetStore:
    return _open_store(_settings(config))


def _open_store(settings: Settings) -> AssetStore:
    from tasks.assets.store import AssetStore

    return AssetStore(settings.lake, cache=Path(settings.home) / "cache")


def _signed_store(settings: Settings) -> AssetStore:
    """Return a store whose manifests name the code; finding that out takes longer than a look at the lake."""
    from tasks.assets.store import AssetStore
    from tasks.stage import code_revision

    return AssetStore(settings.lake, code_revision=code_revision(), cache=Path(settings.home) / "cache")


def _brief(manifest: Any) -> dict[str, Any]:  # a manifest, whose class is imported late
    kept = {"key", "version", "title", "grain", "owner", "format", "stage", "rows", "bytes", "verdict", "finished_at"}
    return {**manifest.model_dump(mode="json", include=kept), "findings": len(manifest.findings)}


def _plain(rows: Any) -> Any:  # rows of any columns
    return json.loads(json.dumps(rows, default=str))


def _print_json(content: Any) -> None:  # JSON values of any shape
    click.echo(json.dumps(content, indent=2, ensure_ascii=False))


def _print(content: RenderableType) -> None:
    from rich.console import Console

    is_terminal = sys.stdout.isatty()
    Console(width=None if is_terminal else 120, soft_wrap=False).print(content)
