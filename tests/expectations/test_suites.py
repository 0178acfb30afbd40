from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from expectations.events import EVENT_TYPES
from expectations.expectation import DIMENSIONS, Expectation
from expectations.suites import SUITES, parents
from tasks import schemas
from tasks.schemas import CANONICAL

EVERY = [pytest.param(table, item, id=f"{table}-{item.id}") for table, suite in SUITES.items() for item in suite]


def test_suites_import_neither_great_expectations_nor_the_rest_of_the_project() -> None:
    code = "import sys, expectations.suites; print(sorted(m.split('.')[0] for m in sys.modules))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert not {"great_expectations", "tasks", "flows", "pandas", "duckdb"} & set(eval(done.stdout))


def test_every_canonical_table_has_a_suite() -> None:
    assert set(SUITES) == set(CANONICAL)


def test_no_two_expectations_of_a_suite_share_an_id() -> None:
    for suite in SUITES.values():
        assert len({item.id for item in suite}) == len(suite)


def test_golden_suites(golden: Callable[[str, object], None]) -> None:
    golden("suites", {table: {item.id: item.severity for item in suite} for table, suite in SUITES.items()})


@pytest.mark.parametrize(("table", "item"), EVERY)
def test_an_expectation_says_who_is_hurt_and_what_to_do(table: str, item: Expectation) -> None:
    assert item.reason.endswith(".")
    assert item.action.endswith(".")
    assert item.kind in DIMENSIONS
    assert item.dimension == DIMENSIONS[item.kind]


@pytest.mark.parametrize(("table", "item"), EVERY)
def test_an_expectation_names_columns_of_the_schema(table: str, item: Expectation) -> None:
    assert all(CANONICAL[table].column(name) for name in (*item.named, *item.over))
    if item.parent:
        assert CANONICAL[item.parent[0]].column(item.parent[1])


def test_every_column_is_demanded_in_the_type_of_the_schema() -> None:
    for table, suite in SUITES.items():
        demanded = {item.column: item.kwargs["type_"] for item in suite if item.id.endswith(".type")}

        assert demanded == {column.name: column.sql_type.upper() for column in CANONICAL[table].columns}


def test_every_required_column_blocks_when_it_is_absent_or_null() -> None:
    for table, suite in SUITES.items():
        blocking = {item.id for item in suite if item.severity == "block"}

        for column in CANONICAL[table].required:
            assert {f"{column}.exists", f"{column}.not_null"} <= blocking


def test_every_key_blocks_when_it_repeats() -> None:
    for table, suite in SUITES.items():
        key = CANONICAL[table].key
        blocking = {item.judged for item in suite if item.severity == "block" and item.id.endswith(".unique")}

        assert blocking == ({key} if key else set())


def test_the_event_types_are_those_of_the_schema() -> None:
    assert EVENT_TYPES == schemas.EVENT_TYPES


def test_a_suite_names_the_tables_it_looks_into() -> None:
    assert parents("judgments") == ("products", "queries")
    assert parents("products") == ()
    assert parents("coupons") == ()
