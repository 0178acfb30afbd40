"""kill -9 in each stage, at another moment of making an asset each time: the next run finishes from there."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tasks.assets.store import AssetStore
from tests.pandian import DIES, WAITS, answer, pandian, start
from tests.tiny import write_shop

KILLED = {
    "ingest": ("opened", "tables/events"),
    "validate": ("written", "validations/events"),
    "profile": ("published", "profiles/events"),
    "embed": ("written", "embeddings/products"),
    "analyze": ("published", "analysis/clusters"),
    "finetune": ("opened", "models/encoder"),
    "evaluate": ("published", "models/recommender"),
    "register": ("opened", "registrations/recommender"),
    "inventory": ("written", "inventory/catalogue"),
}
"""In each stage, in the order of the flow: one of its assets, and how far it has got when the run is killed."""

LONGEST = "finetune"
"""It is killed once more, wherever it is at work just then."""

PAGES = "inventory/catalogue/"
"""They say when each asset was made, how long that took, and by which run: of them, only that each is there."""

NAME_THEIR_REGISTRY = {"registrations/recommender", "inventory/catalogue"}
"""Each of the two shops has a registry of its own, which is part of these assets' versions."""

NAMES_ITS_RUN = "registrations/recommender/registration.json"


@pytest.mark.service
@pytest.mark.timeout(1200)
def test_a_run_killed_in_each_stage_ends_with_the_inventory_of_an_uninterrupted_one(
    tmp_path: Path, prefect: Mapping[str, str], finished_shop: Path
) -> None:
    folder = tmp_path / "shop"
    write_shop(folder)
    for stage, (moment, key) in KILLED.items():
        if stage == LONGEST:
            _kill_at_work(stage, key, folder=folder, env=prefect)
        env = {**prefect, "DIES_AT": moment, "DIES_IN": key}
        done = pandian("run", "--json", cwd=folder, env=env, code=DIES, is_warm=True)
        assert done.returncode == -signal.SIGKILL, f"{stage}: {done.stderr[-2000:]}"
        assert key not in _versions(folder), f"{stage}: a killed run published {key}"
    finished = answer("run", cwd=folder, env=prefect, is_warm=True)
    assert len(answer("review", "list", cwd=folder, is_warm=True)) == 1, (
        "a killed run registered what the next one did not find"
    )

    assert finished["status"] == "succeeded"
    killed, uninterrupted = _versions(folder), _versions(finished_shop)
    assert {key for key in killed if killed[key] != uninterrupted[key]} <= NAME_THEIR_REGISTRY
    assert killed.keys() == uninterrupted.keys()
    assert _files(folder) == _files(finished_shop)
    statuses = {item["name"]: item["status"] for item in finished["stages"]}
    assert statuses == {**dict.fromkeys(KILLED, "skipped"), "inventory": "run"}


def _kill_at_work(stage: str, key: str, *, folder: Path, env: Mapping[str, str]) -> None:
    """Kill a run a moment after it locked a stage, wherever that is; fast as it may be, its asset is not published."""
    AssetStore(str(folder / "lake")).lake.sweep(datetime.now(UTC))  # removes the locks of earlier runs
    waits = {**env, "WAITS_BEFORE": f"{key}/", "WAITS_FOR": str(folder / "never")}
    run = start("run", cwd=folder, env=waits, code=WAITS)
    while not any((folder / "lake" / ".locks").glob(f"{stage}-*")):
        assert run.poll() is None, run.communicate()
        time.sleep(0.01)
    time.sleep(1)
    run.kill()
    run.communicate(timeout=60)
    assert run.returncode == -signal.SIGKILL


def _versions(folder: Path) -> dict[str, str]:
    manifests = AssetStore(str(folder / "lake")).manifests()
    return {item.key: item.version for item in manifests if item.key != "inventory/run"}


def _files(folder: Path) -> dict[str, object]:
    """Return what is in every file of every asset: its digest, its values where only some of them hold, or nothing."""
    store = AssetStore(str(folder / "lake"))
    found: dict[str, object] = {}
    for manifest in store.manifests():
        for file in manifest.files:
            name = f"{manifest.key}/{file.path}"
            if name == NAMES_ITS_RUN:
                found[name] = _values(store.path(manifest.ref) / file.path)
            elif manifest.key != "inventory/run":
                found[name] = "" if name.startswith(PAGES) else file.sha256
    return found


def _values(path: Path) -> dict[str, object]:
    content = json.loads(path.read_text(encoding="utf-8"))
    del content["run_id"], content["tracking_uri"]
    return dict(content)
