"""The inventory stage: reads manifests and reports, renders pages, writes them."""

from __future__ import annotations

from tasks.assets.asset import AssetRef
from tasks.assets.specs import CATALOGUE, REGISTRATION
from tasks.assets.store import AssetStore
from tasks.inventory.catalogue import Catalogue
from tasks.inventory.config import InventoryConfig
from tasks.inventory.reading import Asset, has_reports, read_asset
from tasks.inventory.site import render
from tasks.stage import Build, stage


def tells_of_registration(assets: list[AssetRef], recipe: str, store: AssetStore, **_: object) -> bool:
    """Return whether pages tell of the registration there is: what is registered again is of the same recipe."""
    return bool(store.manifest(AssetRef(CATALOGUE.key, recipe)).metrics["registration"] == _registration(assets, store))


@stage("inventory", revision=17, produces=lambda **_: (CATALOGUE,), is_kept=tells_of_registration)
def catalogue(assets: list[AssetRef], config: InventoryConfig, build: Build) -> None:
    """Write the catalogue pages of the assets of one stocktake."""
    found = Catalogue((_read(ref, config, build) for ref in assets), config.owners, lake=build.store.lake.url)
    pages = render(found, config)
    with build.draft(CATALOGUE) as draft:
        for path, text in pages.items():
            file = draft.path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        draft.metrics.update({"pages": len(pages), "registration": _registration(assets, build.store)})


def _read(ref: AssetRef, config: InventoryConfig, build: Build) -> Asset:
    manifest = build.manifest(ref)
    return read_asset(manifest, build.path(ref), config) if has_reports(manifest) else Asset(manifest)


def _registration(assets: list[AssetRef], store: AssetStore) -> str | None:
    """The content digest of the registration among assets."""
    found = next((ref for ref in assets if ref.key == REGISTRATION.key), None)
    return None if found is None else store.manifest(found).content_digest
