"""What `make` promises."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.pandian import ROOT

COMMANDS = ("setup", "demo", "test", "bench", "check", "docs")


def make(*args: str, cwd: Path) -> str:
    # The tests may themselves be run by make, which would tell this one of its level.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", *args], cwd=cwd, env=kept, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What make needs of a fresh clone."""
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def test_make_alone_lists_the_commands_with_what_they_do(clone: Path) -> None:
    lines = [line.split(maxsplit=2) for line in make(cwd=clone).splitlines()]
    assert all(first == "make" and words for first, _, words in lines)
    assert {name for _, name, _ in lines} >= {*COMMANDS, "help"}


@pytest.mark.parametrize(
    ("command", "does"),
    [("demo", "pandian demo"), ("test", "python -m pytest"), ("check", "ruff check"), ("bench", "python -m pytest")],
)
def test_a_command_makes_the_environment_first_where_there_is_none(clone: Path, command: str, does: str) -> None:
    planned = make("--dry-run", command, cwd=clone)
    steps = [planned.index(step) for step in ("-m venv .venv", "pip install", f".venv/bin/{does}")]
    assert steps == sorted(steps)


def test_an_environment_that_is_there_is_not_made_again(clone: Path) -> None:
    (clone / ".venv").mkdir()
    (clone / ".venv" / ".installed").touch()
    assert "pip install" not in make("--dry-run", "demo", cwd=clone)
