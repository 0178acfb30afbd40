"""Fixtures of flow tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pandian import answer
from tests.tiny import write_shop


@pytest.fixture(scope="session")
def finished_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny shop after a whole run; to be read only."""
    folder = tmp_path_factory.mktemp("finished")
    write_shop(folder)
    answer("run", cwd=folder, expected=(0, 4))
    return folder
