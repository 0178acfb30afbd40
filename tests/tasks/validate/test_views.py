"""Templates of Data Docs are compiled once in a process."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import Environment

from tasks.validate.engine import Demand, Entry, write_docs


def test_a_second_table_compiles_no_template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    demand = Demand("events.price", "expect_column_to_exist", {"column": "price"})
    entries = [Entry(demand, is_met=True, is_blocking=False, reason="It is sold.", result={})]
    first = write_docs(tmp_path / "first", suite="events", entries=entries)
    monkeypatch.setattr(Environment, "compile", lambda *_, **__: pytest.fail("a template was compiled again"))
    second = write_docs(tmp_path / "second", suite="events", entries=entries)
    assert "price" in (tmp_path / "second" / second).read_text(encoding="utf-8")
    assert first == second
