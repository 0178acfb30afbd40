"""Two runs at once on one lake."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from tasks.assets.store import AssetStore
from tests.pandian import start
from tests.tiny import write_shop


@pytest.mark.service
def test_two_runs_at_once_neither_corrupt_nor_duplicate_anything(tmp_path: Path, prefect: Mapping[str, str]) -> None:
    write_shop(tmp_path)
    runs = [start("run", "--json", cwd=tmp_path, env=prefect) for _ in range(2)]
    outputs = [run.communicate(timeout=500) for run in runs]

    assert {run.returncode for run in runs} == {0}, [error[-2000:] for _, error in outputs]
    first, second = (json.loads(output) for output, _ in outputs)
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
