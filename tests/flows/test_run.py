"""How a run waits for its stages."""

from __future__ import annotations

import concurrent.futures
import uuid

import pytest
from prefect.futures import PrefectConcurrentFuture

from flows import run
from tasks.stage import StageResult


def test_a_stage_that_takes_long_says_again_and_again_that_it_is_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    ends: concurrent.futures.Future[StageResult] = concurrent.futures.Future()

    def say(line: str) -> None:
        said.append(line)
        if len(said) == 3:
            ends.set_result(StageResult("finetune", "run", (), None, 1.0))

    monkeypatch.setattr(run, "PATIENCE_S", 0.01)
    monkeypatch.setattr(run, "say", say)
    run._wait_for(PrefectConcurrentFuture(uuid.uuid4(), ends), "finetune")
    assert len(said) == 3
    assert all(line.startswith("finetune: at work for ") for line in said)
