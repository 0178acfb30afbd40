"""Fixtures of flow tests."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from tasks.assets.disk import flock
from tests.pandian import answer
from tests.tiny import write_shop


@pytest.fixture(scope="session")
def finished_shop(tmp_path_factory: pytest.TempPathFactory, prefect: Mapping[str, str]) -> Path:
    """The folder of a tiny shop after a whole run; to be read only, and one for all of pytest's processes."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "finished"
    done = folder / "done"
    with flock(folder.with_suffix(".lock"), is_shared=False, is_waiting=True):
        if not done.exists():
            write_shop(folder)
            answer("run", cwd=folder, env=prefect)
            done.touch()
    return folder
