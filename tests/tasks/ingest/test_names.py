"""No column of a source is lost or overwritten, whatever it is called."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from tasks.assets.store import AssetStore
from tasks.errors import MissingColumnsError, UsageError
from tasks.ingest.config import SourceConfig
from tests.tasks.ingest.ingesting import Ingested, ingest

EVENT = {"user_id": "u1", "product_id": "p1", "event_type": "view", "timestamp": "2024-01-01"}


def products(store: AssetStore, folder: Path, text: str, **more: Any) -> Ingested:  # settings of any kind
    (folder / "p.csv").write_text(text, "utf-8")
    return ingest(store, folder, {"table": "products", "uri": "p.csv", **more})


@pytest.mark.parametrize(
    "name", ["_id", "_rest", "_reason", "_rules:title", "_row", "_shard", "_hash", "_record", "file_row_number"]
)
def test_a_column_may_begin_with_anything(store: AssetStore, tmp_path: Path, name: str) -> None:
    (tmp_path / "o.csv").write_text(f"{name},name\n1,pen\n2,pen\n3,pen\n", "utf-8")
    found = ingest(store, tmp_path, {"table": "orders", "uri": "o.csv"})
    assert found.accounts == (3, 3, 0, 0)
    assert found.column(name) == [1, 2, 3]
    found = products(store, tmp_path, f"product_id,title,{name}\n1,pen,a\n,cup,b\n3,<b>box</b>,c\n")
    assert found.column(name) == ["a", "c"]
    assert json.loads(found.quarantine["row"][0].as_py())[name] == "b"
    assert found.quarantine["line"].to_pylist() == [3]


def test_only_names_of_ingest_itself_are_refused(store: AssetStore, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="pandian:raw:title"):
        products(store, tmp_path, "product_id,title,pandian:raw:title\n1,pen,a\n")


def test_a_column_whose_name_is_taken_is_kept_beside(store: AssetStore, tmp_path: Path) -> None:
    text = "product_id,title,Brand,maker,Maker_source\n1,a,X,Y,Z\n"
    found = products(store, tmp_path, text, columns={"brand": "maker"})
    assert found.rows.to_pylist() == [
        {"product_id": "1", "title": "a", "brand": "Y", "Brand_source": "X", "Maker_source": "Z"}
    ]


def test_a_name_made_for_a_column_is_nobody_elses(store: AssetStore, tmp_path: Path) -> None:
    found = products(
        store, tmp_path, "product_id,title,brand,brand_source,maker\n1,a,X,Y,Z\n", columns={"brand": "maker"}
    )
    (row,) = found.rows.to_pylist()
    assert (row["brand"], row["brand_source"], row["brand_source_2"]) == ("Z", "Y", "X")


def test_a_canonical_column_is_found_whatever_its_case(store: AssetStore, tmp_path: Path) -> None:
    found = products(store, tmp_path, "Product_ID,TITLE,Price\n1,pen,5\n")
    assert found.rows.to_pylist() == [{"product_id": "1", "title": "pen", "price": 5.0}]


def test_a_constant_leaves_the_files_own_column(store: AssetStore, tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist([EVENT]), tmp_path / "e.parquet")
    source = {"table": "events", "uri": "e.parquet", "constants": {"event_type": "click"}}
    (row,) = ingest(store, tmp_path, source).rows.to_pylist()
    assert (row["event_type"], row["event_type_source"]) == ("click", "view")


def test_a_column_that_an_expression_reads_is_not_kept_twice(store: AssetStore, tmp_path: Path) -> None:
    columns = {"title": {"sql": "upper(title)"}, "brand": {"sql": "upper(title)"}}
    found = products(store, tmp_path, "product_id,title,brand\n1,pen,acme\n", columns=columns)
    assert found.rows.to_pylist() == [{"product_id": "1", "title": "PEN", "brand": "PEN", "brand_source": "acme"}]


def test_names_that_differ_by_case_alone_are_no_mapping() -> None:
    with pytest.raises(ValidationError, match="differ by their case alone: brand"):
        SourceConfig(table="products", uri="p.csv", columns={"brand": "a"}, constants={"Brand": "b"})


def test_keys_of_objects_that_are_called_as_columns_are_need_no_mapping(store: AssetStore, tmp_path: Path) -> None:
    lines = [
        {"product_id": 1, "title": "pen", "price": "2,50 €", "colour": "red"},
        {"product_id": 2, "title": "cup", "attributes": {"size": "big"}},
    ]
    (tmp_path / "p.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    found = ingest(store, tmp_path, {"table": "products", "uri": "p.jsonl"})
    assert found.column("product_id") == ["1", "2"]
    assert found.column("price") == [2.5, None]
    assert [row and dict(row) for row in found.column("attributes")] == [None, {"size": "big"}]
    assert [row and dict(row) for row in found.column("extra")] == [{"colour": "red"}, None]
    assert "brand" not in found.rows.column_names
    (tmp_path / "p.json").write_text(json.dumps([{"product_id": 1, "name": "pen", "title": "kept"}]), "utf-8")
    found = ingest(store, tmp_path, {"table": "products", "uri": "p.json", "columns": {"title": "name"}})
    assert found.column("title") == ["pen"]
    assert [dict(row) for row in found.column("attributes")] == [{"title": "kept"}]


@pytest.mark.parametrize("name", ["p.csv", "p.jsonl", "p.json"])
def test_a_canonical_column_is_found_whatever_its_case_in_every_format(
    store: AssetStore, tmp_path: Path, name: str
) -> None:
    row = {"Product_ID": "1", "Title": "pen", "Price": "5", "Colour": "red"}
    text = {"p.csv": f"{','.join(row)}\n{','.join(row.values())}\n", "p.json": json.dumps([row])}
    (tmp_path / name).write_text(text.get(name, json.dumps(row)), "utf-8")
    (found,) = ingest(store, tmp_path, {"table": "products", "uri": name}).rows.to_pylist()
    assert (found["product_id"], found["title"], found["price"]) == ("1", "pen", 5.0)
    assert found.get("Colour", "red") == dict(found.get("attributes") or [("Colour", "red")])["Colour"] == "red"


def test_the_exact_name_of_a_key_wins_and_no_other_is_lost(store: AssetStore, tmp_path: Path) -> None:
    lines = [
        {"product_id": 1, "Title": "other", "title": "pen"},
        {"product_id": 2, "Title": "cup", "TITLE": "CUP"},
        {"product_id": 3, "TITLE": "BOX", "title": None},
        {"PRODUCT_ID": 4, "title": "bag"},
    ]
    (tmp_path / "p.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    found = ingest(store, tmp_path, {"table": "products", "uri": "p.jsonl"})
    assert found.column("product_id") == ["1", "2", "3", "4"]
    assert found.column("title") == ["pen", "CUP", "BOX", "bag"]
    assert [dict(row or []) for row in found.column("attributes")] == [{"Title": "other"}, {"Title": "cup"}, {}, {}]


def test_a_key_that_is_mapped_is_no_other_whatever_the_case(store: AssetStore, tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text('{"product_id": "1", "Name": "pen"}\n', "utf-8")
    source = {"table": "products", "uri": "p.jsonl", "columns": {"title": "name"}}
    with pytest.raises(MissingColumnsError, match="Did you mean “Name”"):
        ingest(store, tmp_path, source)
    found = ingest(store, tmp_path, {**source, "columns": {"title": "Name", "brand": {"sql": "upper(NAME)"}}})
    assert (found.column("title"), found.column("brand")) == (["pen"], ["PEN"])
