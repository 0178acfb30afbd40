"""What commands print: JSON, or text for people; and what they open first."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flows.printable import printable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from flows.settings import Settings
    from tasks.assets.store import AssetStore


def print_json(content: Any) -> None:  # JSON values of any shape
    """Print JSON."""
    click.echo(json.dumps(content, indent=2, ensure_ascii=False))


def print_text(content: RenderableType) -> None:
    """Print text as wide as the terminal, or 120 characters where there is none."""
    from rich.console import Console

    is_terminal = sys.stdout.isatty()
    Console(width=None if is_terminal else 120, soft_wrap=False).print(content)


def print_markdown(text: str) -> None:
    """Print Markdown: laid out on a terminal, as it is elsewhere. What a terminal would act on is escaped."""
    shown = "\n".join(map(printable, text.split("\n")))
    if not sys.stdout.isatty():
        return click.echo(shown)
    from flows.markdown import WholeMarkdown

    return print_text(WholeMarkdown(shown))


def settings_of(config: str | None) -> Settings:
    """Return the settings in force."""
    from flows.settings import load_settings

    return load_settings(config)


def store_of(settings: Settings) -> AssetStore:
    """Return the store of a shop, to read from."""
    from tasks.assets.store import AssetStore

    return AssetStore(settings.lake, cache=Path(settings.home) / "cache")


def signed_store_of(settings: Settings) -> AssetStore:
    """Return a store whose manifests name the code; finding that out takes longer than a look at the lake."""
    from tasks.assets.store import AssetStore
    from tasks.stage import code_revision

    return AssetStore(settings.lake, code_revision=code_revision(), cache=Path(settings.home) / "cache")
