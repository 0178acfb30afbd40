"""What a benchmark measured goes into one ledger, printed as a table; that of all is written to docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.pandian import pandian

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
IS_PARTIAL = pytest.StashKey[bool]()
HEADER = "| work | peer in the same run | needs | ours | peer | ratio | met |\n|---|---|---|---|---|---|---|\n"


@dataclass(frozen=True, slots=True)
class Entry:
    work: str
    peer: str
    needs: str
    ours: str
    theirs: str
    ratio: float
    is_met: bool


@dataclass(slots=True)
class Ledger:
    """Collects entries; `ours` and `theirs` are words with units, `ratio` is the figure that `needs` bounds."""

    entries: list[Entry] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, *, work: str, peer: str, needs: str, ours: str, theirs: str, ratio: float, is_met: bool) -> None:
        self.entries.append(Entry(work, peer, needs, ours, theirs, ratio, is_met))

    def note(self, text: str) -> None:
        """Add a sentence about the machine or the method."""
        self.notes.append(text)

    def table(self) -> str:
        rows = [
            f"| {e.work} | {e.peer} | {e.needs} | {e.ours} | {e.theirs} | {e.ratio:.2f} "
            f"| {'yes' if e.is_met else '**no**'} |\n"
            for e in sorted(self.entries, key=lambda e: e.work)
        ]
        return HEADER + "".join(rows)


@dataclass(frozen=True, slots=True)
class Demo:
    """The sample shop after its first run, and how long that took."""

    folder: Path
    seconds: float


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("demo")
    begun = time.perf_counter()
    done = pandian("demo", "--dir", ".", cwd=folder)
    assert done.returncode == 0, done.stderr[-3000:]
    return Demo(folder, time.perf_counter() - begun)


@pytest.fixture(scope="session")
def ledger(request: pytest.FixtureRequest) -> Iterator[Ledger]:
    found = Ledger()
    yield found
    if not found.entries:
        return
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    notes = [f"- {note}" for note in found.notes]
    text = "\n".join(["# Benchmarks", "", f"Measured by `make bench` on {machine}.", "", found.table(), *notes, ""])
    if request.config.getoption("--ledger"):
        if _is_whole(request.session, found):
            PAGE.parent.mkdir(exist_ok=True)
            PAGE.write_text(text, encoding="utf-8")
        else:
            text += "\nNot every benchmark left a row: docs/benchmarks.md stays as it was.\n"
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line("\n" + text)


def _is_whole(session: pytest.Session, found: Ledger) -> bool:
    """Whether no benchmark was left out, and each that ran left its row."""
    files = set(Path(__file__).parent.glob("bench_*.py"))
    is_all = not session.config.stash.get(IS_PARTIAL, False) and {item.path for item in session.items} == files
    return is_all and len(found.entries) == len(session.items)


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    for item in items:
        item.config.stash[IS_PARTIAL] = True


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--ledger", action="store_true", help="write docs/benchmarks.md")
