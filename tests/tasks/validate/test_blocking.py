"""Each suite passes on a clean table, and each expectation is failed by a broken one: a blocking one alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from expectations.expectation import Expectation
from expectations.suites import SUITES
from tests.tasks.validate.tables import INGESTED_AT, clean, judged, with_cell, with_column

PARENTS = {name: clean(name) for name in ("products", "users", "queries")}
BLOCKING, WARNING = (
    [
        pytest.param(table, item, id=f"{table}-{item.id}")
        for table, suite in SUITES.items()
        for item in suite
        if item.severity == severity
    ]
    for severity in ("block", "warn")
)
CELLS = {
    "grade.range": 4,
    "event_type.known": "browse",
    "no_markup": "a <b>pen</b>",
    "no_damage": "caf\ufffd",
    "format": "no code",
    "maximum": INGESTED_AT + timedelta(seconds=1),
    "timestamp.minimum": datetime(1970, 1, 1, tzinfo=UTC),
    "minimum": -1,
    "range": 101,
    "not_null": None,
}
"""A value that fails an expectation, by its id or the end of it."""


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


@pytest.mark.parametrize(("table", "item"), WARNING)
def test_a_broken_table_fails_an_expectation_that_warns_and_blocks_nothing(
    table: str, item: Expectation, tmp_path: Path
) -> None:
    found = judged(table, broken(clean(table), item), tmp_path, parents=PARENTS)

    failed = {name: one for name, one in found.items() if not one.is_met}
    assert item.id in failed
    assert {one.check.expectation.severity for one in failed.values()} == {"warn"}


def broken(table: pa.Table, item: Expectation) -> pa.Table:
    """The table, broken for one expectation."""
    if item.column is None and not item.columns:
        return table.slice(0, 0)
    column = item.judged[0]
    if item.id.endswith(".exists"):
        return table.drop_columns([column])
    if item.id.endswith(".type"):
        return with_column(table, column, pa.array([1.5] * len(table), pa.float32()))
    if "unique" in item.type:
        return repeated(table, item)
    if item.parent:
        unknown = [f"unknown{i}" for i in range(len(table))]
        keys = unknown if item.mostly < 1 else [*table[column].to_pylist()[:-1], "unknown"]
        return with_column(table, column, pa.array(keys))
    ends = (item.id, item.id.split(".")[1])
    return with_cell(table, column, 3, next(CELLS[end] for end in ends if end in CELLS))


def repeated(table: pa.Table, item: Expectation) -> pa.Table:
    """The table with the same values in two rows, or in most where some rows may share theirs."""
    rows = range(1, len(table)) if item.mostly < 1 else [5]
    for row in rows:
        for name in item.judged:
            table = with_cell(table, name, row, table[name][2].as_py())  # rows 2 and 5 of events are ratings
    return table
