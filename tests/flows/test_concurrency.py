"""Two runs at once on one lake."""

from __future__ import annotations

import json
import urllib.request
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest

from tasks.assets.store import AssetStore
from tests.pandian import answer
from tests.tiny import write_shop


@pytest.mark.service
def test_two_runs_at_once_neither_corrupt_nor_duplicate_anything(tmp_path: Path, prefect: Mapping[str, str]) -> None:
    write_shop(tmp_path)
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(answer, "run", cwd=tmp_path, env=prefect, is_warm=True) for _ in range(2)]
        first, second = (run.result() for run in runs)

    begun, ended = zip(*(_times(report["run_id"], prefect) for report in (first, second)), strict=True)
    assert max(begun) < min(ended), "the runs were not at work together"
    assert [(a["key"], a["version"]) for a in first["assets"]] == [(a["key"], a["version"]) for a in second["assets"]]

    store = AssetStore(str(tmp_path / "lake"))
    manifests = store.manifests()
    assert all(store.is_intact(item.ref) for item in manifests)
    per_key = Counter(item.key for item in manifests)
    assert {key: count for key, count in per_key.items() if count > 1} == {"inventory/run": 2}
    folders = Counter(path.parent for path in (tmp_path / "lake").rglob("data-*"))
    assert set(folders.values()) == {1}
    made = [item for report in (first, second) for item in report["assets"] if not item["skipped"]]
    assert len(made) == len(first["assets"]), "an asset was made twice, or not at all"


def _times(run: str, prefect: Mapping[str, str]) -> tuple[datetime, datetime]:
    """When a run began and ended, as Prefect tells."""
    with urllib.request.urlopen(f"{prefect['PREFECT_API_URL']}/flow_runs/{run}", timeout=60) as answered:
        told = json.load(answered)
    return datetime.fromisoformat(told["start_time"]), datetime.fromisoformat(told["end_time"])
