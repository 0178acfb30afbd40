"""What programs rely on: the assets of a run, and the shapes of what is printed as JSON."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tasks.assets.inventory import current
from tasks.assets.store import AssetStore
from tests.pandian import answer
from tests.tiny import registry_of

Golden = Callable[[str, object], None]

COUNTED = ("tables/", "quarantine/", "shards/", "splits/", "embeddings/")
"""Assets whose number of rows follows from the shop alone."""

OPTIONAL = {"alias", "problem", "review", "reviewer", "verdict"}
"""Null or not: that depends on what a model reached."""

FREE_NAMES_FROM = 40
"""Mappings larger than this have names that depend on the data."""

COMMANDS = {
    "inventory-list": ("inventory", "list"),
    "inventory-show": ("inventory", "show", "tables/events"),
    "inventory-lineage": ("inventory", "lineage", "tables/events"),
    "inventory-findings": ("inventory", "findings"),
    "review-list": ("review", "list"),
    "review-show": ("review", "show", "1"),
}


@pytest.mark.service
def test_golden_inventory(finished_shop: Path, golden: Golden) -> None:
    manifests = current(AssetStore(str(finished_shop / "lake")))
    golden("inventory", {item.key: _described(item.model_dump(mode="json")) for item in manifests})


@pytest.mark.service
@pytest.mark.parametrize("name", COMMANDS)
def test_golden_shapes_of_json(name: str, finished_shop: Path, golden: Golden) -> None:
    golden(name, _shape(answer(*COMMANDS[name], cwd=finished_shop)))


@pytest.mark.service
def test_golden_shape_of_a_run(finished_shop: Path, prefect: Mapping[str, str], golden: Golden, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(finished_shop, folder)
    env = {**prefect, **registry_of(finished_shop)}
    golden("run", _shape(answer("run", cwd=folder, env=env, expected=(0, 4))))


def _described(manifest: dict[str, Any]) -> dict[str, Any]:
    described = {name: manifest[name] for name in ("title", "grain", "owner", "format", "stage")}
    described["inputs"] = sorted(ref.split("@")[0] for ref in manifest["inputs"])
    if manifest["key"].startswith(COUNTED):
        described["rows"] = manifest["rows"]
    described["columns"] = {column["name"]: column["type"] for column in manifest["columns"]}
    return described


def _shape(value: Any, name: str = "") -> Any:  # JSON values of any shape
    """Names and types instead of values; a list by its first entry, a long mapping by its first too."""
    if name in OPTIONAL:
        return "optional"
    if isinstance(value, dict):
        names = list(value) if len(value) <= FREE_NAMES_FROM else [next(iter(value))]
        return {key: _shape(value[key], key) for key in names}
    if isinstance(value, list):
        return [_shape(value[0])] if value else []
    return type(value).__name__
