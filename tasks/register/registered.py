"""What is registered, and which of it is in use: asked by commands, changed by none of these."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tasks.assets import specs
from tasks.assets.asset import AssetRef
from tasks.errors import UsageError
from tasks.register.config import RegisterConfig
from tasks.register.registry import CHALLENGER, CHAMPION, Registry, Version, exists
from tasks.register.rehearsal import Rehearsal
from tasks.register.status import Shown, nothing_to_promote, status_words


def open_registry(config: RegisterConfig, *, is_dry_run: bool = False) -> Registry:
    """Return the registry, or one that changes nothing.

    Raises:
        UsageError: No model was ever registered.
    """
    if not exists(config):
        raise UsageError(problem="No model was ever registered.", fix="Run the stocktake first.")
    return Rehearsal(config) if is_dry_run else Registry(config)


def registered_assets(config: RegisterConfig) -> Iterator[AssetRef]:
    """Yield the assets of all versions that have an alias, are under review, or are approved, as of the first look.

    These are the recommender, its evaluation, and what the registry was told about them.
    """
    if not exists(config):
        return
    for item in Registry(config).versions():
        if item.aliases or item.review in {"pending", "approved"}:
            yield from item.assets
            if item.registration is not None:
                yield item.registration


def listed(config: RegisterConfig) -> list[Version]:
    """Return all versions, the newest first; none where nothing was ever registered."""
    return Registry(config).versions() if exists(config) else []


def shown(config: RegisterConfig, version: str) -> Shown:
    """Return a version, its card as it was registered, and where it stands today.

    Raises:
        UsageError: There is no such version.
    """
    registry = open_registry(config)
    found = registry.version(version)
    return Shown(found, registry.card(version), status_words(found, registry.by_alias(CHAMPION)))


def why_not_promoted(config: RegisterConfig) -> str:
    """Return in words why no version became the champion, and what to do about it."""
    if not exists(config):
        return nothing_to_promote({}, None)
    registry = Registry(config)
    return nothing_to_promote(registry.tags(), registry.by_alias(CHAMPION))


def unknown_products(folder: Path, products: Sequence[str]) -> list[str]:
    """Return the products of a history that a recommender does not know, each once.

    Args:
        folder: The recommender's files.
        products: Product ids.

    Raises:
        UsageError: It knows none of them.
    """
    import pyarrow.parquet as pq

    known = pq.read_table(folder / specs.RECOMMENDER.main, columns=["product_id"])["product_id"]
    found = set(known.to_pylist()) if products else set()
    unknown = [product for product in dict.fromkeys(products) if product not in found]
    if products and len(unknown) == len(set(products)):
        raise UsageError(
            problem=f"The model knows no product of this history: {', '.join(unknown)}.",
            fix="Name ids of `tables/products`, as in its column `product_id`.",
        )
    return unknown


def chosen_files(config: RegisterConfig, version: str | None, *, cache: Path | None = None) -> Path:
    """Return the folder of the champion's recommender, or of the version named.

    Args:
        config: Where the model is registered.
        version: The number, or an alias; the champion where there is none.
        cache: Where copies of models in a remote store are kept for the next time.

    Raises:
        UsageError: There is no such version, or no champion; the challenger is named.
    """
    registry = open_registry(config)
    if version is not None:
        named = None if version.isdigit() else registry.by_alias(version)
        return registry.files((named or registry.version(version)).version, cache)
    champion = registry.by_alias(CHAMPION)
    if champion is not None:
        return registry.files(champion.version, cache)
    challenger = registry.by_alias(CHALLENGER)
    number = "N" if challenger is None else challenger.version
    whom = "a version of `pandian review list`" if challenger is None else "the challenger"
    fix = (
        f"Ask {whom} with `--version {number}`, or make it the champion: `pandian review approve {number} "
        '--reason "…"`, then `pandian promote`.'
    )
    raise UsageError(problem=f"The model “{config.model_name}” has no champion.", fix=fix)
