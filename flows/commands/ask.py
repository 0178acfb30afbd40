"""`pandian search` and `pandian recommend`: questions to a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flows.commands.options import config_option, json_option, version_option
from flows.commands.output import print_json, print_text, settings_of

if TYPE_CHECKING:
    from tasks.retrieval.recommender import Recommendation, Recommender


@click.command()
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


@click.command()
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


def _model_folder(config: str | None, version: str | None) -> Path:
    from tasks.register.registered import chosen_files

    settings = settings_of(config)
    return chosen_files(settings.register_, version, cache=Path(settings.home) / "cache")


def _loaded(folder: Path) -> Recommender:
    from tasks.retrieval.recommender import Recommender

    return Recommender.load(folder)


def _say_unknown(folder: Path, history: Sequence[str]) -> None:
    """Say which products of a history the model does not know; where it knows none of them, that is wrong usage."""
    from tasks.register.registered import unknown_products

    unknown = unknown_products(folder, history)
    if unknown:
        click.echo(f"The model does not know, and passes over: {', '.join(unknown)}.", err=True)


def _answer(found: Sequence[Recommendation], *, as_json: bool) -> None:
    from dataclasses import asdict

    if as_json:
        return print_json([{**asdict(item), "reasons": list(item.reasons)} for item in found])
    from flows.summary import answer_list

    print_text(answer_list(found))
    return None
