"""The inventory stage: reads manifests and reports, renders pages, writes them."""

from __future__ import annotations

from tasks.assets.asset import AssetRef
from tasks.assets.specs import CATALOGUE
from tasks.inventory.catalogue import Catalogue
from tasks.inventory.config import InventoryConfig
from tasks.inventory.reading import Asset, has_reports, read_asset
from tasks.inventory.site import render
from tasks.stage import Build, stage


@stage("inventory", revision=14, produces=lambda **_: (CATALOGUE,))
def catalogue(assets: list[AssetRef], config: InventoryConfig, registered: str | None = None, *, build: Build) -> None:
    """Write the catalogue pages of the assets of one stocktake.

    `registered` is the content digest of the registration among them: with it in the recipe, what was registered again
    makes new pages.
    """
    found = Catalogue((_read(ref, config, build) for ref in assets), config.owners, lake=build.store.lake.url)
    pages = render(found, config)
    with build.draft(CATALOGUE) as draft:
        for path, text in pages.items():
            file = draft.path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        draft.metrics["pages"] = len(pages)


def _read(ref: AssetRef, config: InventoryConfig, build: Build) -> Asset:
    manifest = build.manifest(ref)
    return read_asset(manifest, build.path(ref), config) if has_reports(manifest) else Asset(manifest)
