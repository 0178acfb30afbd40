"""`pandian settings …`."""

from __future__ import annotations

import click

from flows.commands.options import config_option, json_option
from flows.commands.output import print_json, settings_of


@click.group("settings")
def settings_group() -> None:
    """Show the settings.

    Example: pandian settings show
    """


@settings_group.command("show")
@config_option
@json_option
def show_settings(config: str | None, as_json: bool) -> None:
    """Print the settings in force, as YAML or JSON; secrets are masked.

    Example: pandian settings show -c shop.yaml
    """
    content = settings_of(config).model_dump(mode="json", by_alias=True)
    if as_json:
        return print_json(content)
    import yaml

    click.echo(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100).rstrip())
    return None


@settings_group.command("schema")
def show_schema() -> None:
    """Print the JSON Schema of shop.yaml, for editors.

    Example: pandian settings schema > shop.schema.json
    """
    from flows.settings import Settings

    print_json(Settings.model_json_schema(by_alias=True))
