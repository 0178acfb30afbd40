"""What programs rely on: the assets of a run, and the shapes of what is printed as JSON."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tasks.assets.inventory import current
from tasks.assets.store import AssetStore
from tests.flows.shapes import shape
from tests.pandian import answer
from tests.tiny import registry_of

Golden = Callable[[str, object], None]

COUNTED = ("tables/", "quarantine/", "shards/", "splits/", "embeddings/")
"""Assets whose number of rows follows from the shop alone."""

COMMANDS = {
    "inventory-list": ("inventory", "list"),
    "inventory-show": ("inventory", "show", "tables/events"),
    "inventory-lineage": ("inventory", "lineage", "tables/events"),
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
    is_warm = COMMANDS[name][0] == "review"  # it imports MLflow
    golden(name, shape(answer(*COMMANDS[name], cwd=finished_shop, is_warm=is_warm)))


@pytest.mark.service
def test_golden_shape_of_a_run(finished_shop: Path, prefect: Mapping[str, str], golden: Golden, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(finished_shop, folder)
    env = {**prefect, **registry_of(finished_shop)}
    golden("run", shape(answer("run", cwd=folder, env=env, is_warm=True)))


def _described(manifest: dict[str, Any]) -> dict[str, Any]:
    described = {name: manifest[name] for name in ("title", "grain", "owner", "format", "stage")}
    described["inputs"] = sorted(ref.split("@")[0] for ref in manifest["inputs"])
    if manifest["key"].startswith(COUNTED):
        described["rows"] = manifest["rows"]
    described["columns"] = {column["name"]: column["type"] for column in manifest["columns"]}
    return described
