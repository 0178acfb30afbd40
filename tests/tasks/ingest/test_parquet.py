"""Rows of a query become one parquet file, in their order and with their types."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from tasks.ingest import parquet
from tasks.ingest.parquet import write_parquet, write_parts


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    connected = duckdb.connect(config={"threads": 2})
    yield connected
    connected.close()


def test_rows_keep_their_order_over_row_groups(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    query = "select range as number, 'text ' || range as words from range(300_000)"
    write_parquet(connection, query, tmp_path / "rows.parquet", group_rows=50_000)
    assert pq.read_table(tmp_path / "rows.parquet")["number"].to_pylist() == list(range(300_000))
    groups = pq.ParquetFile(tmp_path / "rows.parquet").metadata
    sizes = [groups.row_group(position).num_rows for position in range(groups.num_row_groups)]
    assert len(sizes) > 3
    assert max(sizes) < 50_000 + parquet.BATCH_ROWS


def test_long_texts_end_a_row_group_early(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "GROUP_BYTES", 1_000_000)
    query = "select range as number, repeat('x', 100) as words from range(60_000)"
    write_parquet(connection, query, tmp_path / "rows.parquet", group_rows=1_000_000)
    assert pq.ParquetFile(tmp_path / "rows.parquet").metadata.num_row_groups > 1


@pytest.mark.parametrize("cores", [1, 3])
def test_parts_hold_all_rows_in_order_whatever_is_encoded_at_once(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    monkeypatch.setattr(parquet, "PART_BYTES", 1_000_000)
    query = "select range as number, 'text ' || range as words from range(300_000)"
    write_parts(connection, query, tmp_path, group_rows=20_000, cores=cores)
    files = sorted(tmp_path.iterdir())
    assert len(files) > 3
    assert files[1].name == "part-00001.parquet"
    assert pq.read_table(files)["number"].to_pylist() == list(range(300_000))


@pytest.mark.parametrize("value", ["1::bigint", "interval 3 days"])
def test_no_rows_leave_one_part_with_its_columns(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, value: str
) -> None:
    write_parts(connection, f"select {value} as number where false", tmp_path, group_rows=1_000, cores=2)
    (file,) = tmp_path.iterdir()
    assert (pq.read_table(file).column_names, pq.read_table(file).num_rows) == (["number"], 0)


def test_a_query_without_rows_leaves_a_file_with_its_columns(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    write_parquet(connection, "select 1::bigint as number where false", tmp_path / "rows.parquet", group_rows=1_000)
    found = pq.read_table(tmp_path / "rows.parquet")
    assert (found.column_names, found.num_rows) == (["number"], 0)


NINES = "9" * 38


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("12345678901234567891::hugeint", "DECIMAL(38,0)"),
        (f"-{NINES}::hugeint", "DECIMAL(38,0)"),
        (f"{NINES}::hugeint + 1", "VARCHAR"),
        (f"{NINES}::uhugeint", "DECIMAL(38,0)"),
        ("[null, 12345678901234567891::hugeint]", "DECIMAL(38,0)[]"),
        (f"[1, {NINES}::hugeint + 1]", "VARCHAR[]"),
        ("{'a': 12345678901234567891::hugeint}", "STRUCT(a DECIMAL(38,0))"),
        ("null::hugeint", "DECIMAL(38,0)"),
    ],
)
@pytest.mark.parametrize("beside", ["1", "interval 3 days"])
def test_huge_numbers_keep_every_digit(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, value: str, kind: str, beside: str
) -> None:
    write_parquet(connection, f"select {value} as x, {beside} as y", tmp_path / "rows.parquet", group_rows=1_000)
    read = f"select x, typeof(x) from '{tmp_path / 'rows.parquet'}'"
    ((found, found_kind),) = connection.execute(read).fetchall()
    ((expected,),) = connection.execute(f"select ({value})::{kind}").fetchall()
    assert (found, found_kind) == (expected, kind)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("timestamptz '2026-01-02 03:04:05+00'", "TIMESTAMP WITH TIME ZONE"),
        ("map {'colour': 'red'}", "MAP(VARCHAR, VARCHAR)"),
        ("['a', 'b']", "VARCHAR[]"),
        ("'red'::enum('red', 'blue')", "VARCHAR"),
        ("interval 3 days", "INTERVAL"),
        ("'00000000-0000-0000-0000-000000000001'::uuid", "UUID"),
        ("'{\"a\": 1}'::json", "JSON"),
        ("[time with time zone '10:00:00+02']", "TIME WITH TIME ZONE[]"),
    ],
)
def test_types_are_those_that_duckdb_itself_would_write(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, value: str, kind: str
) -> None:
    write_parquet(connection, f"select {value} as x", tmp_path / "rows.parquet", group_rows=1_000)
    read = f"select x, typeof(x) from '{tmp_path / 'rows.parquet'}'"
    ((found, found_kind),) = connection.execute(read).fetchall()
    ((expected,),) = connection.execute(f"select ({value})::{kind}").fetchall()
    assert (found, found_kind) == (expected, kind)
