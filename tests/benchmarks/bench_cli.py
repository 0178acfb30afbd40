"""How fast the command line answers, and a run that finds nothing changed."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import pytest

from tasks.assets.store import AssetStore
from tests.benchmarks.conftest import Ledger
from tests.builders import make_products, save_table
from tests.pandian import CALL, environment, pandian
from tests.tiny import write_shop

pytestmark = pytest.mark.benchmark


@pytest.mark.parametrize("args", [["--help"], ["inventory", "list"]])
def test_commands_that_only_read_answer_within_a_second(tmp_path: Path, ledger: Ledger, args: list[str]) -> None:
    write_shop(tmp_path)
    store = AssetStore(str(tmp_path / "lake"))
    for name in ("products", "events", "users", "queries"):
        save_table(store, name, make_products(5))
    ours = _median_s(tmp_path, *args)
    bare = _median_s(tmp_path, code="import click, pydantic, yaml")
    ledger.add(
        work=f"`pandian {' '.join(args)}`",
        peer="Python importing click, pydantic and yaml",
        needs="< 1 s",
        ours=f"{ours:.2f} s",
        theirs=f"{bare:.2f} s",
        ratio=ours / bare,
        is_met=ours < 1,
    )
    assert ours < 1


def test_a_demo_with_nothing_changed_costs_a_twentieth_of_its_first_run(tmp_path: Path, ledger: Ledger) -> None:
    first = _seconds(tmp_path, "demo")
    again = _seconds(tmp_path, "demo")
    ledger.add(
        work="`pandian demo` with nothing changed",
        peer="its first run",
        needs="≤ 0.05x",
        ours=f"{again:.1f} s",
        theirs=f"{first:.1f} s",
        ratio=again / first,
        is_met=again <= 0.05 * first,
    )
    assert first < 360
    assert again <= 0.05 * first


def _seconds(folder: Path, *args: str, code: str = CALL) -> float:
    begun = time.perf_counter()
    done = pandian(*args, cwd=folder, code=code)
    assert done.returncode == 0, done.stderr[-3000:]
    return time.perf_counter() - begun


def _median_s(folder: Path, *args: str, code: str = CALL) -> float:
    assert environment()["PYTHONPATH"]
    return statistics.median(_seconds(folder, *args, code=code) for _ in range(5))
