"""An encoder of the shop's own, in a folder beside shop.yaml: new weights in it are noticed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.builders_encoder import write_encoder
from tests.pandian import answer
from tests.tiny import write_shop

UP_TO_EMBED = [word for stage in ("ingest", "validate", "profile", "embed") for word in ("--only", stage)]


@pytest.mark.service
def test_new_weights_in_an_encoders_folder_embed_again_and_nothing_else_runs(
    tmp_path: Path, prefect: Mapping[str, str]
) -> None:
    write_shop(tmp_path, extra="embed: {encoder: ./model}\n")
    versions = []
    for seed in (1, 2):
        write_encoder(tmp_path / "model", seed=seed)
        run = answer("run", *UP_TO_EMBED, cwd=tmp_path, env=prefect, is_warm=True)
        versions.append({item["key"]: item["version"] for item in run["assets"]})
    first, second = versions

    statuses = {stage["name"]: stage["status"] for stage in run["stages"]}
    assert statuses == {"ingest": "skipped", "validate": "skipped", "profile": "skipped", "embed": "run"}
    assert {key for key in first if first[key] != second[key]} == {"embeddings/products"}
