"""How the flow goes about its stages."""

from __future__ import annotations

import threading

import pytest
from prefect import flow
from prefect.runtime import task_run

from flows.stocktake import stocktake
from tasks.assets import specs
from tasks.assets.store import AssetStore
from tasks.stage import Build, StageResult, stage

PATIENCE_S = 60.0


@pytest.mark.usefixtures("prefect_backend")
def test_tables_go_through_a_stage_side_by_side_in_task_runs_that_are_named_after_them(store: AssetStore) -> None:
    both_are_there = threading.Barrier(2)
    names: list[str] = []

    @stage("meet", revision=1, produces=lambda table, **_: (specs.profile(table),))
    def meet(table: str, build: Build) -> None:
        """Wait for the other table."""
        names.append(str(task_run.get_name()))
        both_are_there.wait(PATIENCE_S)
        with build.draft(specs.profile(table)) as draft:
            (draft.path / "profile.json").write_text("{}")

    @flow(task_runner=stocktake.task_runner)
    def take_stock() -> list[StageResult]:
        begun = [meet.submit(table, store=store, label=table) for table in ("users", "events")]
        return [item.result() for item in begun]

    assert [result.status for result in take_stock()] == ["run", "run"]
    assert sorted(names) == ["meet events", "meet users"]
