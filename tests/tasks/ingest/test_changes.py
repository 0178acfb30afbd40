"""Every change is counted by its rule, also where it leaves nothing or comes from a list."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.assets.store import AssetStore
from tasks.errors import DamagedSourceError, EmptyTableError
from tests.tasks.ingest.ingesting import ingest


def test_words_that_mean_nothing_are_counted_also_in_columns_of_the_shops_own(
    store: AssetStore, tmp_path: Path
) -> None:
    (tmp_path / "p.csv").write_text("product_id,title,brand,shelf\n1,a,N/A,none\n2,b,x,NULL\n3,c,,7\n")
    found = ingest(store, tmp_path, {"table": "products", "uri": "p.csv"})
    assert found.column("brand") == [None, "x", None]
    assert found.column("shelf") == [None, None, 7]
    assert found.metrics["rules"] == {"brand.null_word": 1, "shelf.null_word": 2}


def test_what_is_trimmed_of_a_category_is_counted(store: AssetStore, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("product_id,title,category\n1,a, Pens \n2,b,Pens\n3,c,A > B\n")
    found = ingest(store, tmp_path, {"table": "products", "uri": "p.csv"})
    assert found.column("category") == [["Pens"], ["Pens"], ["A", "B"]]
    assert found.metrics["rules"] == {"category.trim": 1, "category.category_path": 1}


def test_lists_of_a_parquet_file_are_standardised_as_written_ones_are(store: AssetStore, tmp_path: Path) -> None:
    rows = {
        "product_id": ["1", "2", "3"],
        "title": [["Blue", "pen"], ["Ink"], ["Cap"]],
        "category": [["A", "B"], [" A ", "<b>B</b>", "x &amp; y", None], [""]],
    }
    pq.write_table(pa.table(rows), tmp_path / "p.parquet")
    found = ingest(store, tmp_path, {"table": "products", "uri": "p.parquet"})
    assert found.column("title") == ["Blue pen", "Ink", "Cap"]
    assert found.column("category") == [["A", "B"], ["A", "B", "x & y"], None]
    assert found.metrics["rules"] == {"title.list_literal": 3, "category.category_path": 2}


def test_numbers_that_are_none_are_counted(store: AssetStore, tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"product_id": ["1", "2"], "title": ["a", "b"], "price": [1.0, float("nan")]}), tmp_path / "p.parquet"
    )
    found = ingest(store, tmp_path, {"table": "products", "uri": "p.parquet"})
    assert found.column("price") == [1.0, None]
    assert found.metrics["rules"] == {"price.null_word": 1}


def test_an_empty_file_of_an_extra_table_is_named(store: AssetStore, tmp_path: Path) -> None:
    (tmp_path / "coupons.csv").write_text("\n\n")
    with pytest.raises(EmptyTableError, match=r"coupons\.csv” is empty"):
        ingest(store, tmp_path, {"table": "coupons", "uri": "coupons.csv"})


def test_parquet_damaged_inside_is_named(store: AssetStore, tmp_path: Path) -> None:
    file = tmp_path / "p.parquet"
    ids = [f"{number * 7919 % 100_003}" for number in range(50_000)]
    pq.write_table(pa.table({"product_id": ids, "title": [f"title {it}" for it in ids]}), file)
    content = bytearray(file.read_bytes())
    middle = len(content) * 2 // 5
    content[middle : middle + 4_000] = b"\xff" * 4_000
    file.write_bytes(content)
    with pytest.raises(DamagedSourceError, match=r"p\.parquet"):
        ingest(store, tmp_path, {"table": "products", "uri": "p.parquet"})


def test_files_that_different_rules_changed_give_each_finding_its_own_rows(store: AssetStore, tmp_path: Path) -> None:
    (tmp_path / "days").mkdir()
    (tmp_path / "days" / "1.csv").write_text("product_id,title\n7.0,pen\n8,ink\n", encoding="utf-8")
    (tmp_path / "days" / "2.csv").write_text("product_id,title\n9,<b>pen</b>\n10,ink\n", encoding="utf-8")
    (tmp_path / "days" / "3.csv").write_text("product_id,title\n11.0,<i>pin</i>\n12,tape\n", encoding="utf-8")
    found = ingest(store, tmp_path, {"table": "products", "uri": "days"})
    keys = {
        item.kind: sorted(pq.read_table(found.folder / str(item.keys)).to_pylist(), key=str)
        for item in found.manifest.findings
        if item.keys
    }
    assert keys == {
        "invalid_type": [{"product_id": "11"}, {"product_id": "7"}],
        "markup_in_text": [{"product_id": "11", "title": "pin"}, {"product_id": "9", "title": "pen"}],
    }
