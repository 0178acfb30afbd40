"""kill -9 between the data and the manifest of an asset, in each stage: the next run finishes from there."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path

import pytest

from tasks.assets.store import AssetStore
from tests.pandian import DIES, answer, pandian
from tests.tiny import write_shop

LAST_OF_STAGE = {
    "ingest": "tables/events",
    "validate": "validations/events",
    "profile": "profiles/events",
    "embed": "embeddings/products",
    "analyze": "analysis/clusters",
    "finetune": "models/encoder",
    "evaluate": "models/recommender",
    "register": "registrations/recommender",
    "inventory": "inventory/catalogue",
}
"""One asset of each stage, in the order of the flow."""

WITH_TIMES_INSIDE = (
    "validations/",
    "models/",
    "evaluations/",
    "registrations/",
    "inventory/",
    "analysis/",
    "profiles/",
)


@pytest.mark.service
@pytest.mark.timeout(1200)
def test_a_run_killed_in_each_stage_ends_with_the_inventory_of_an_uninterrupted_one(
    tmp_path: Path, prefect: Mapping[str, str]
) -> None:
    folder = tmp_path / "shop"
    write_shop(folder)
    for stage, key in LAST_OF_STAGE.items():
        done = pandian("run", "--json", cwd=folder, env={**prefect, "DIES_BEFORE": f"{key}/"}, code=DIES)
        assert done.returncode == -signal.SIGKILL, f"{stage}: {done.stderr[-2000:]}"
        assert key not in _versions(folder), f"{stage}: a killed run published {key}"
    finished = answer("run", cwd=folder, env=prefect)
    killed = _versions(folder), _digests(folder)
    for name in ("lake", ".pandian"):
        (folder / name).rename(tmp_path / f"killed-{name}")
    uninterrupted = answer("run", cwd=folder, env=prefect)

    assert finished["status"] == uninterrupted["status"]
    assert killed == (_versions(folder), _digests(folder))
    assert {item["name"]: item["status"] for item in finished["stages"]}["embed"] == "skipped"


def _versions(folder: Path) -> dict[str, str]:
    manifests = AssetStore(str(folder / "lake")).manifests()
    return {item.key: item.version for item in manifests if item.key != "inventory/run"}


def _digests(folder: Path) -> dict[str, str]:
    manifests = AssetStore(str(folder / "lake")).manifests()
    return {item.key: item.content_digest for item in manifests if not item.key.startswith(WITH_TIMES_INSIDE)}
