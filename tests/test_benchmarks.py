"""What `make bench` leaves of its ledger."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pandian import ROOT, environment

BENCHMARKS = """
import pytest
@pytest.mark.parametrize("work", ["first", "second"])
def test_work(work, ledger):
    ledger.add(work=work, peer="p", needs="n", ours="1 s", theirs="2 s", ratio=0.5, is_met=True)
def test_third(ledger):
    assert 1 + 1 == ANSWER
    ledger.add(work="third", peer="p", needs="n", ours="1 s", theirs="2 s", ratio=0.5, is_met=True)
"""
KEPT = "docs/benchmarks.md stays as it was"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three benchmarks, in a checkout whose page was written before."""
    benchmarks = tmp_path / "checkout" / "benchmarks"  # not `tests`: what it imports is of this checkout's
    benchmarks.mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "benchmarks" / "conftest.py", benchmarks)
    (benchmarks / "bench_one.py").write_text(BENCHMARKS.replace("ANSWER", "2"), encoding="utf-8")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "benchmarks.md").write_text("before", encoding="utf-8")
    return tmp_path


def bench(folder: Path, *args: str) -> tuple[str, str]:
    """Return what was printed, and the page after it."""
    (folder / "pytest.ini").write_text("[pytest]\npython_files = bench_*.py\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--import-mode=importlib", "-s", "--ledger"]
    done = subprocess.run(
        [*command, *(args or ("checkout/benchmarks",))],
        cwd=folder, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "| first |" in done.stdout, done.stdout + done.stderr
    return done.stdout, (folder / "docs" / "benchmarks.md").read_text(encoding="utf-8")


def test_the_page_is_written_where_every_benchmark_ran(folder: Path) -> None:
    printed, page = bench(folder)
    assert all(f"| {work} |" in page for work in ("first", "second", "third"))
    assert KEPT not in printed


@pytest.mark.parametrize("args", [("checkout/benchmarks", "-k", "first"), ("checkout/benchmarks/bench_one.py",)])
def test_the_page_stays_where_benchmarks_were_left_out(folder: Path, args: tuple[str, ...]) -> None:
    shutil.copy(
        folder / "checkout" / "benchmarks" / "bench_one.py", folder / "checkout" / "benchmarks" / "bench_two.py"
    )
    printed, page = bench(folder, *args)
    assert page == "before"
    assert KEPT in printed


def test_the_page_stays_where_a_benchmark_failed_before_it_measured(folder: Path) -> None:
    (folder / "checkout" / "benchmarks" / "bench_one.py").write_text(
        BENCHMARKS.replace("ANSWER", "3"), encoding="utf-8"
    )
    printed, page = bench(folder)
    assert page == "before"
    assert KEPT in printed
