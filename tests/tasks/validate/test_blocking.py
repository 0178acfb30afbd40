"""Each suite passes on a clean table, and each blocking expectation is failed by one broken table alone."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from expectations.expectation import Expectation
from expectations.suites import SUITES
from tests.tasks.validate.tables import clean, judged, with_cell, with_column

PARENTS = {name: clean(name) for name in ("products", "users", "queries")}
BLOCKING = [
    pytest.param(table, item, id=f"{table}-{item.id}")
    for table, suite in SUITES.items()
    for item in suite
    if item.severity == "block"
]


@pytest.mark.parametrize("table", list(SUITES))
def test_a_clean_table_meets_every_expectation_of_its_suite(table: str, tmp_path: Path) -> None:
    found = judged(table, clean(table), tmp_path, parents=PARENTS)

    assert set(found) == {item.id for item in SUITES[table]}
    assert [name for name, item in found.items() if not item.is_met or item.failed] == []


@pytest.mark.parametrize(("table", "item"), BLOCKING)
def test_one_broken_table_fails_a_blocking_expectation_alone(table: str, item: Expectation, tmp_path: Path) -> None:
    found = judged(table, broken(clean(table), item), tmp_path, parents=PARENTS)

    failed = {name for name, one in found.items() if not one.is_met and one.check.expectation.severity == "block"}
    assert failed == {item.id}


def broken(table: pa.Table, item: Expectation) -> pa.Table:
    """The table, broken for one expectation."""
    if item.column is None and not item.columns:
        return table.slice(0, 0)
    column = item.judged[0]
    if item.id.endswith(".exists"):
        return table.drop_columns([column])
    if item.id.endswith(".type"):
        return with_column(table, column, pa.array([1.5] * len(table), pa.float32()))
    if item.id.endswith(".not_null"):
        return with_cell(table, column, 3, None)
    if item.id.endswith(".unique"):
        for name in item.judged:
            table = with_cell(table, name, 1, table[name][0].as_py())
        return table
    if item.parent:
        return with_column(table, column, pa.array([f"unknown{i}" for i in range(len(table))]))
    return with_cell(table, column, 3, {"grade": 4, "event_type": "browse"}[column])
