"""Files whose columns and types differ become one table, and rows that share a key one row."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.assets.store import AssetStore
from tests.tasks.ingest.ingesting import Ingested, ingest

ORDERS = {"table": "orders", "uri": "days"}
TIME = datetime(2026, 1, 2, 3, 4, 5)


def days(store: AssetStore, folder: Path, *values: pa.Array) -> Ingested:
    (folder / "days").mkdir()
    for number, array in enumerate(values, 1):
        table = pa.table({"k": ["a", f"{number}"], "n": array})
        pq.write_table(table, folder / "days" / f"{number}.parquet")
    return ingest(store, folder, ORDERS)


def decimals(*texts: str) -> pa.Array:
    return pa.array([Decimal(text) for text in texts], pa.decimal128(38, 10))


@pytest.mark.parametrize(
    ("one", "other", "kind", "drift"),
    [
        (pa.array([1, 2]), pa.array([1.0, None]), "double", {"1.parquet": ["n (BIGINT)"]}),
        (pa.array([1.0, None]), pa.array([1, 2], pa.int8()), "double", {"2.parquet": ["n (TINYINT)"]}),
        (pa.array([1, 2]), pa.array([1.5, 2.5], pa.float32()), "double", {"*": ["n (BIGINT)", "n (FLOAT)"]}),
        (pa.array([1.5, 2.5]), pa.nulls(2), "double", {"2.parquet": ['n ("NULL")']}),
        (
            pa.array([1, 2]),
            pa.array([2**64 - 1, 1], pa.uint64()),
            "decimal128(38, 0)",
            {"*": ["n (BIGINT)", "n (UBIGINT)"]},
        ),
        (pa.array([1, 2]), decimals("1.5", "2.5"), "decimal128(38, 10)", {"1.parquet": ["n (BIGINT)"]}),
        (pa.array([date(2026, 1, 2)] * 2), pa.array([TIME, None]), "timestamp[us]", {"1.parquet": ["n (DATE)"]}),
        (pa.array([1, 2]), pa.array(["x", "y"]), "string", {"1.parquet": ["n (BIGINT)"]}),
        (pa.array([1, 2]), pa.array([True, False]), "string", {"*": ["n (BIGINT)", "n (BOOLEAN)"]}),
        (pa.array([1, 2]), pa.array([date(2026, 1, 2)] * 2), "string", {"*": ["n (BIGINT)", "n (DATE)"]}),
        (pa.array([2**53 + 1, 2]), pa.array([1.5, 2.5]), "string", {"*": ["n (BIGINT)", "n (DOUBLE)"]}),
        (pa.array([2**62, 2]), decimals("1.5", "2.5"), "decimal128(38, 10)", {"1.parquet": ["n (BIGINT)"]}),
        (pa.array([1, 2]), decimals("0.1234567891", "9" * 28), "decimal128(38, 10)", {"1.parquet": ["n (BIGINT)"]}),
        (pa.array([[1], [2]]), pa.array([[1.5], [2.5]]), "string", {"*": ["n (BIGINT[])", "n (DOUBLE[])"]}),
    ],
)
def test_a_column_of_several_types_has_one_that_holds_every_value(
    store: AssetStore, tmp_path: Path, one: pa.Array, other: pa.Array, kind: str, drift: dict[str, list[str]]
) -> None:
    found = days(store, tmp_path, one, other)
    assert str(found.rows.schema.field("n").type) == kind
    expected = drift if "*" not in drift else {f"{place}.parquet": [told] for place, told in enumerate(drift["*"], 1)}
    assert found.metrics["drift"] == expected
    assert found.rows["n"].null_count == one.null_count + other.null_count


def test_repeats_are_found_between_files_that_write_a_number_differently(store: AssetStore, tmp_path: Path) -> None:
    found = days(store, tmp_path, pa.array([1, 2]), pa.array([1.0, None]), pa.array([1, 3], pa.int32()))
    assert found.accounts == (6, 4, 2, 0)
    assert found.rows.to_pylist()[0] == {"k": "a", "n": 1.0}


def test_rows_stand_in_the_order_of_files_whatever_columns_these_have(store: AssetStore, tmp_path: Path) -> None:
    (tmp_path / "days").mkdir()
    for day, header in enumerate(["k", "k", "k,n", "k", "file_row_number,k", "n,k", "n,k"], 1):
        rows = [",".join(f"{day}{row}" for _ in header.split(",")) for row in range(2)]
        (tmp_path / "days" / f"{day}.csv").write_text("\n".join([header, *rows]) + "\n")
    found = ingest(store, tmp_path, ORDERS)
    assert found.column("k") == [day * 10 + row for day in range(1, 8) for row in range(2)]
    assert found.column("n")[4:6] == [30, 31]
    assert [counts["rows_kept"] for counts in found.metrics["sources"].values()] == [2] * 7


@pytest.mark.parametrize(
    ("times", "grade"),
    [
        (("2024-02-01T00:00:00+02:00", "2024-01-31T23:00:00Z"), 0),
        (("01/02/2024", "31/01/2024"), 0),
        (("31/01/2024", "01/02/2024"), 0),
        (("1000000000", "999999999"), 0),
        (("2024-02-01", "2024-01-31"), 3),
    ],
)
def test_the_newest_row_is_told_only_by_what_is_a_time(
    store: AssetStore, tmp_path: Path, times: tuple[str, str], grade: int
) -> None:
    """Without any, the later row wins."""
    rows = "".join(f"q,p,{value},{time}\n" for value, time in zip((3, 0), times, strict=True))
    (tmp_path / "j.csv").write_text(f"query_id,product_id,grade,timestamp\n{rows}")
    assert ingest(store, tmp_path, {"table": "judgments", "uri": "j.csv"}).column("grade") == [grade]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["$10,2024-01-01", "8,2024-02-01"], (8.0, None)),
        (["$10,2024-01-01", ",2024-02-01"], (10.0, "USD")),
        (["$10,2024-01-01", "€8,2024-02-01"], (8.0, "EUR")),
        (["8,2024-01-01", ",2024-02-01", "€7,2023-01-01"], (8.0, None)),
    ],
)
def test_a_price_takes_its_currency_from_no_other_row(
    store: AssetStore, tmp_path: Path, rows: list[str], expected: tuple[float, str | None]
) -> None:
    lines = "".join(f"1,pen,{row}\n" for row in rows)
    (tmp_path / "p.csv").write_text(f"product_id,title,price,updated_at\n{lines}")
    found = ingest(store, tmp_path, {"table": "products", "uri": "p.csv"})
    assert (found.column("price"), found.column("currency")) == ([expected[0]], [expected[1]])


def test_a_currency_without_any_price_is_kept(store: AssetStore, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("product_id,title,price,currency\n1,pen,,EUR\n1,pen,,\n2,cup,3,USD\n")
    found = ingest(store, tmp_path, {"table": "products", "uri": "p.csv"})
    assert dict(zip(found.column("product_id"), found.column("currency"), strict=True)) == {"1": "EUR", "2": "USD"}


def test_a_number_that_stands_in_late_rows_alone_is_a_number(store: AssetStore, tmp_path: Path) -> None:
    rows = [*(f"{number},," for number in range(10_001)), "5,7,"]
    (tmp_path / "o.csv").write_text("\n".join(["a,b,c", *rows]) + "\n")
    schema = ingest(store, tmp_path, {"table": "orders", "uri": "o.csv"}).rows.schema
    assert [str(schema.field(name).type) for name in ("a", "b", "c")] == ["int64", "int64", "string"]


def test_no_file_lacks_a_currency_that_none_has(store: AssetStore, tmp_path: Path) -> None:
    source: dict[str, Any] = {"table": "products", "uri": "days", "columns": {"price": "cost"}}
    (tmp_path / "days").mkdir()
    (tmp_path / "days" / "1.csv").write_text("product_id,title,cost\n1,pen,2\n")
    (tmp_path / "days" / "2.csv").write_text("product_id,title\n2,cup\n")
    assert ingest(store, tmp_path, source).metrics["drift"] == {"2.csv": ["price"]}
    (tmp_path / "days" / "3.csv").write_text("product_id,title,cost\n3,box,$2\n")
    drift = ingest(store, tmp_path, source).metrics["drift"]
    assert drift == {"1.csv": ["currency"], "2.csv": ["currency", "price"]}
