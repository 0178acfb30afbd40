"""Clean canonical tables with every column, and ways to break them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from expectations.expectation import Expectation
from expectations.suites import SUITES
from tasks.bounds import connect
from tasks.schemas import CANONICAL
from tasks.validate.checks import applicable
from tasks.validate.config import ValidateConfig
from tasks.validate.judge import Outcome, outcomes
from tasks.validate.rows import Rows

ROWS = 12
INGESTED_AT = datetime(2026, 6, 1, tzinfo=UTC)
ARROW: Mapping[str, pa.DataType] = {
    "varchar": pa.string(),
    "varchar[]": pa.list_(pa.string()),
    "double": pa.float64(),
    "bigint": pa.int64(),
    "timestamp with time zone": pa.timestamp("us", tz="UTC"),
    "map(varchar, varchar)": pa.map_(pa.string(), pa.string()),
}
CELLS: Mapping[str, Callable[[int], object]] = {
    "varchar": lambda i: f"v{i}",
    "varchar[]": lambda i: ["office", f"c{i}"],
    "double": float,
    "bigint": lambda i: i % 4,
    "timestamp with time zone": lambda i: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=i),
    "map(varchar, varchar)": lambda i: [("colour", f"k{i}")],
}
SPECIAL: Mapping[str, Callable[[int], object]] = {
    "event_type": lambda i: ("view", "purchase", "rating")[i % 3],
    "currency": lambda _: "EUR",
    "language": lambda i: ("en", "zh-Hans")[i % 2],
}


def clean(table: str, rows: int = ROWS) -> pa.Table:
    """A table with every canonical column and nothing wrong; keys are `v0`, `v1`, …"""
    columns = CANONICAL[table].columns
    return pa.table(
        {
            column.name: pa.array(
                [SPECIAL.get(column.name, CELLS[column.sql_type])(i) for i in range(rows)], ARROW[column.sql_type]
            )
            for column in columns
        }
    )


def with_cell(table: pa.Table, column: str, row: int, value: object) -> pa.Table:
    """The table with another value in one cell."""
    values = table[column].to_pylist()
    values[row] = value
    return table.set_column(table.column_names.index(column), column, pa.array(values, table[column].type))


def with_column(table: pa.Table, column: str, values: pa.Array) -> pa.Table:
    """The table with another column in place of one."""
    return table.set_column(table.column_names.index(column), column, values)


def write(table: pa.Table, folder: Path, files: int = 1) -> tuple[Path, ...]:
    """Write a table to parquet files and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    size = max(1, -(-table.num_rows // files))
    paths = tuple(folder / f"part-{i}.parquet" for i in range(files))
    for i, path in enumerate(paths):
        pq.write_table(table.slice(i * size, size), path)
    return paths


def judged(
    name: str,
    table: pa.Table,
    folder: Path,
    *,
    parents: Mapping[str, pa.Table] | None = None,
    suite: tuple[Expectation, ...] | None = None,
) -> dict[str, Outcome]:
    """What becomes of a table's suite, by id."""
    files = {parent: write(rows, folder / parent) for parent, rows in (parents or {}).items()}
    key = CANONICAL[name].key if name in CANONICAL else ()
    limits = ValidateConfig(partition_rows=500, memory_limit="300MB", threads=1)
    with connect(limits, folder / "spill") as connection:
        rows = Rows(connection, write(table, folder / "own"), key, limits)
        checks = applicable(
            SUITES[name] if suite is None else suite,
            rows.columns,
            parents={parent: rows.described(paths) for parent, paths in files.items()},
            ingested_at=INGESTED_AT,
        )
        return {item.check.id: item for item in outcomes(checks, rows, files)}
