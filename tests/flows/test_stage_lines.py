"""What the console says of a stage that is done."""

from __future__ import annotations

from typing import Literal

from flows.stage_lines import table_line, total_line
from tasks.assets.asset import AssetRef
from tasks.stage import StageResult

Status = Literal["run", "skipped"]


def result(stage: str, status: Status, *keys: str) -> StageResult:
    refs = tuple(AssetRef(key, "1" * 12) for key in keys)
    return StageResult(stage=stage, status=status, refs=refs, verdict=None, duration_s=0.25)


def test_a_year_of_files_is_one_line() -> None:
    files = [result("read", "skipped", f"shards/events/{day}.csv") for day in range(364)]
    made = [result("read", "run", "shards/events/364.csv"), result("merge", "run", "tables/events")]
    line = table_line("events", [*files, *made], 21_900)
    assert line == "ingest events: 365 files, 364 unchanged, 1 read, 21,900 rows, 91.5 s of work"


def test_a_table_that_could_not_be_merged_has_no_rows() -> None:
    assert (
        table_line("users", [result("read", "run", "shards/users/u.csv")], 7)
        == "ingest users: 1 file read, 0.2 s of work"
    )


def test_a_stage_tells_how_many_of_its_assets_were_there() -> None:
    some = [result("profile", "skipped", "profiles/users"), result("profile", "run", "profiles/events")]
    assert total_line("profile", some) == "profile: 2 assets, 1 unchanged, 1 made, 0.5 s of work"
    assert (
        total_line("embed", [result("embed", "skipped", "embeddings/products")])
        == "embed: 1 asset unchanged, 0.2 s of work"
    )
