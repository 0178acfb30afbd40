"""`pandian inventory …`: questions to the manifests."""

from __future__ import annotations

import json
from typing import Any

import click

from flows.commands.options import config_option, json_option
from flows.commands.output import print_json, print_text, settings_of, store_of


@click.group()
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

    everything = current(store_of(settings_of(config)), with_shards=True)
    replaced = replaced_keys(behind(everything))
    manifests = [item for item in everything if with_shards or not item.key.startswith("shards/")]
    if as_json:
        return print_json([{**_brief(item), "behind": replaced.get(item.ref, [])} for item in manifests])
    if not manifests:
        return click.echo(_no_run(config))
    from flows.summary import asset_list

    print_text(asset_list(manifests, replaced))
    return None


@inventory.command("show")
@click.argument("key")
@config_option
@click.option(
    "--rows",
    "most",
    metavar="N",
    type=click.IntRange(0, 10_000),
    help="Also the first N rows of its table.",
)
@json_option
def show_asset(key: str, config: str | None, most: int | None, as_json: bool) -> None:
    """Show an asset's manifest; KEY may name a version, KEY@VERSION.

    Example: pandian inventory show quarantine/products --rows 20
    """
    from tasks.assets.inventory import show
    from tasks.assets.rows import first_rows

    store = store_of(settings_of(config))
    manifest = show(store, key)
    content = manifest.model_dump(mode="json")
    rows = first_rows(store, manifest.ref, most).to_pylist() if most and manifest.rows else []
    if as_json:
        return print_json({**content, **({} if most is None else {"first_rows": _plain(rows)})})
    import yaml

    content["data"] = f"{store.lake.url}/{manifest.key}/{manifest.version}/{manifest.data}"
    click.echo(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100).rstrip())
    if most:
        from flows.summary import row_list

        print_text(row_list(rows, manifest.rows))
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

    store = store_of(settings_of(config))
    found = lineage(store, key)
    if as_json:
        return print_json(
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
    from tasks.assets.inventory import findings, has_run

    store = store_of(settings_of(config))
    found = findings(store)
    if as_json:
        return print_json(found)
    if not (found or has_run(store)):
        return click.echo(_no_run(config))
    from flows.summary import finding_list

    print_text(finding_list(found))
    return None


@inventory.command("history")
@click.argument("key")
@config_option
@json_option
def list_history(key: str, config: str | None, as_json: bool) -> None:
    """List the versions of an asset, the newest first, and what made each differ from the one before.

    Example: pandian inventory history tables/products
    """
    from flows.history import history_brief, history_list
    from tasks.assets.inventory import history

    found = history(store_of(settings_of(config)), key)
    if as_json:
        return print_json([history_brief(item) for item in found])
    print_text(history_list(found))
    return None


@inventory.command("diff")
@click.argument("key")
@click.argument("old", required=False)
@click.argument("new", required=False)
@config_option
@json_option
def show_difference(key: str, old: str | None, new: str | None, config: str | None, as_json: bool) -> None:
    """Show what differs between two versions of an asset; the newest and the one before it, if not named.

    Example: pandian inventory diff tables/products
    """
    from flows.history import difference_brief, difference_page
    from tasks.assets.inventory import difference

    found = difference(store_of(settings_of(config)), key, old, new)
    if as_json:
        return print_json(difference_brief(found))
    print_text(difference_page(found))
    return None


def _no_run(config: str | None) -> str:
    return f"No run has been made here yet: `pandian run{f' -c {config}' if config else ''}` takes stock."


def _brief(manifest: Any) -> dict[str, Any]:  # a manifest, whose class is imported late
    kept = {"key", "version", "title", "grain", "owner", "format", "stage", "rows", "bytes", "verdict", "finished_at"}
    return {**manifest.model_dump(mode="json", include=kept), "findings": len(manifest.findings)}


def _plain(rows: Any) -> Any:  # rows of any columns
    return json.loads(json.dumps(rows, default=str))
