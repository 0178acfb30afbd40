"""What a nightly run without training leaves: new data in the inventory, and the model that there was."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.pandian import answer
from tests.tiny import write_day

WITHOUT_TRAINING = ("ingest", "validate", "profile", "embed", "analyze", "inventory")


@pytest.mark.service
def test_a_run_without_training_keeps_the_model_in_the_inventory(
    finished_shop: Path, prefect: Mapping[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(finished_shop, folder)
    write_day(folder, 3)
    before = {item["key"]: item["version"] for item in answer("inventory", "list", cwd=folder)}
    chosen = [word for stage in WITHOUT_TRAINING for word in ("--only", stage)]

    run = answer("run", *chosen, cwd=folder, env=prefect, is_warm=True)

    made = {item["key"]: item["version"] for item in run["assets"]}
    assert made["tables/events"] != before["tables/events"]
    assert "registrations/recommender" not in made
    assert run["missing"] == [
        "splits/behaviour",
        "models/encoder",
        "evaluations/recommender",
        "models/recommender",
        "registrations/recommender",
    ]
    shown = answer("inventory", "show", "inventory/catalogue", cwd=folder)
    inputs = dict(ref.split("@") for ref in shown["inputs"])
    assert inputs["tables/events"] == made["tables/events"]
    assert inputs["registrations/recommender"] == before["registrations/recommender"]
    pages = Path(run["report"])
    text = pages.read_text(encoding="utf-8")
    assert ">Version 1</a>" in text
    assert "made from older versions of what they need" in text
    assert (pages.parent / "assets" / "registrations" / "recommender.html").is_file()
