"""Decimal numbers of parquet keep every digit, however many they may have."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.assets.store import AssetStore
from tasks.errors import UsageError
from tests.tasks.ingest.ingesting import ingest

SOURCE = {"table": "orders", "uri": "o.parquet"}
LONG = Decimal("12345678901234567890123456789012345678901.5")


def test_decimals_of_more_digits_than_duckdb_has_lose_none(store: AssetStore, tmp_path: Path) -> None:
    fitting, wide = pa.decimal256(50, 2), pa.decimal256(50, 1)
    columns = {
        "number": [1.5, 2.5, None],
        "few": pa.array([Decimal("123456789012345678901234567890.25"), Decimal("-0.50"), None], fitting),
        "many": pa.array([LONG, None, Decimal("-1.5")], wide),
    }
    pq.write_table(pa.table(columns), tmp_path / "o.parquet", row_group_size=2)
    found = ingest(store, tmp_path, SOURCE).rows
    assert found["few"].type == pa.decimal128(38, 2)
    assert found["few"].to_pylist() == columns["few"].to_pylist()
    assert found["many"].to_pylist() == [str(LONG), None, "-1.5"]
    assert found["number"].to_pylist() == columns["number"]


def test_a_price_of_many_digits_is_a_price(store: AssetStore, tmp_path: Path) -> None:
    price = pa.array([Decimal("1.5"), LONG], pa.decimal256(50, 1))
    pq.write_table(pa.table({"product_id": ["a", "b"], "title": ["x", "y"], "price": price}), tmp_path / "o.parquet")
    assert ingest(store, tmp_path, {**SOURCE, "table": "products"}).column("price") == [1.5, float(LONG)]


def test_such_decimals_inside_of_lists_are_refused(store: AssetStore, tmp_path: Path) -> None:
    pq.write_table(pa.table({"list": pa.array([[LONG]], pa.list_(pa.decimal256(50, 1)))}), tmp_path / "o.parquet")
    with pytest.raises(UsageError, match=r"“list” of a source of “orders” holds decimal numbers of more than 38"):
        ingest(store, tmp_path, SOURCE)


def test_whole_numbers_of_more_than_64_bits_keep_every_digit(store: AssetStore, tmp_path: Path) -> None:
    numbers = [12345678901234567891, 12345678901234567892]
    (tmp_path / "o.csv").write_text("".join(f"{number}\n" for number in ("nr", *numbers)))
    source = {"table": "orders", "uri": "o.csv", "columns": {"number": {"sql": "nr::hugeint"}}}
    assert ingest(store, tmp_path, source).column("number") == numbers
