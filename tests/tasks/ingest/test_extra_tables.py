"""Tables that are not canonical keep every row and value: types are taken only where each text is told from a value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tasks.assets.store import AssetStore
from tasks.errors import MissingColumnsError, UsageError
from tests.tasks.ingest.ingesting import Ingested, ingest


def column(store: AssetStore, folder: Path, values: list[str], name: str = "v") -> Ingested:
    (folder / "o.csv").write_text("\n".join([f"{name},w", *(f"{value},a" for value in values)]) + "\n", "utf-8")
    return ingest(store, folder, {"table": "orders", "uri": "o.csv"})


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1234567890123456781", "1234567890123456782", "1234567890123456783"], "int64"),
        (["12345678901234567890", "12345678901234567891"], "string"),
        (["1", "-2", "0"], "int64"),
        (["01", "2"], "string"),
        (["1.1", "1.10", "1.100"], "string"),
        (["2.50", "3.00", "10.25"], "double"),
        (["2.5", "3", "10.25"], "double"),
        (["2.5", "3.0", "10.25"], "double"),
        (["0.1234567890123456", "0.1234567890123457"], "string"),
        (["1e5", "100000"], "string"),
        (["inf", "Infinity"], "string"),
        (["t", "f"], "string"),
        (["y", "yes"], "string"),
        (["true", "false"], "bool"),
        (["true", "TRUE"], "string"),
        (["2024-01-01", "2024-02-01"], "timestamp[us, tz=UTC]"),
        (["03/04/26", "05/04/26"], "string"),
        (["epoch", "infinity"], "string"),
    ],
)
def test_a_type_is_taken_only_where_no_two_texts_become_one_value(
    store: AssetStore, tmp_path: Path, values: list[str], kind: str
) -> None:
    found = column(store, tmp_path, values)
    assert found.accounts == (len(values), len(values), 0, 0)
    assert str(found.rows.schema.field("v").type) == kind
    assert len(set(found.column("v"))) == len(values)


def test_exact_repeats_are_found_by_their_texts(store: AssetStore, tmp_path: Path) -> None:
    found = column(store, tmp_path, ["1.10", "1.10", "2.20"])
    assert found.accounts == (3, 2, 1, 0)
    assert found.column("v") == [1.1, 2.2]


def test_a_constant_does_not_take_the_place_of_a_column(store: AssetStore, tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_text("a,b\n1,x\n2,x\n", "utf-8")
    found = ingest(store, tmp_path, {"table": "orders", "uri": "o.csv", "constants": {"A": 7}})
    assert found.rows.to_pylist() == [{"A": 7, "a_source": 1, "b": "x"}, {"A": 7, "a_source": 2, "b": "x"}]


def test_columns_of_files_that_differ_by_case_alone_are_one(store: AssetStore, tmp_path: Path) -> None:
    (tmp_path / "days").mkdir()
    (tmp_path / "days/1.csv").write_text("a,Note\n1,x\n", "utf-8")
    (tmp_path / "days/2.csv").write_text("A,note\n2,y\n", "utf-8")
    found = ingest(store, tmp_path, {"table": "orders", "uri": "days"})
    assert found.rows.to_pylist() == [{"a": 1, "Note": "x"}, {"a": 2, "Note": "y"}]
    assert found.metrics["drift"] == {}


def test_each_of_many_columns_gets_its_own_type(store: AssetStore, tmp_path: Path) -> None:
    names = [f"c{place}" for place in range(70)]
    rows = [",".join(str(row + place) if place % 2 else f"t{row}" for place in range(70)) for row in range(3)]
    (tmp_path / "o.csv").write_text("\n".join([",".join(names), *rows]) + "\n", "utf-8")

    kinds = ingest(store, tmp_path, {"table": "orders", "uri": "o.csv"}).rows.schema.types

    assert [str(kind) for kind in kinds] == ["int64" if place % 2 else "string" for place in range(70)]


def orders(store: AssetStore, folder: Path, text: str, columns: dict[str, Any], **more: Any) -> Ingested:  # settings
    (folder / "o.csv").write_text(text, "utf-8")
    return ingest(store, folder, {"table": "orders", "uri": "o.csv", "columns": columns, **more})


def test_columns_are_renamed_and_computed_as_those_of_canonical_tables(store: AssetStore, tmp_path: Path) -> None:
    columns = {"order_id": "nr", "total": {"sql": "total::double * 2"}, "shop": "place"}
    text = "nr,total,place,shop,note\n1,2.5,N/A,x,a\n2,3.5,north,y,b\n"
    found = orders(store, tmp_path, text, columns)
    assert found.rows.to_pylist() == [
        {"order_id": 1, "total": 5.0, "shop": None, "shop_source": "x", "note": "a"},
        {"order_id": 2, "total": 7.0, "shop": "north", "shop_source": "y", "note": "b"},
    ]
    assert found.metrics["rules"] == {"shop.null_word": 1}
    kept = orders(store, tmp_path, text, columns, extra_columns="drop")
    assert kept.rows.column_names == ["order_id", "total", "shop"]


def test_keys_of_objects_are_renamed_alike(store: AssetStore, tmp_path: Path) -> None:
    (tmp_path / "o.jsonl").write_text('{"nr": 1, "place": "north"}\n', "utf-8")
    found = ingest(store, tmp_path, {"table": "orders", "uri": "o.jsonl", "columns": {"order_id": "nr"}})
    assert [(row["order_id"], dict(row["extra"])) for row in found.rows.to_pylist()] == [("1", {"place": "north"})]


def test_a_mapped_column_that_is_not_there_is_named_with_its_near_miss(store: AssetStore, tmp_path: Path) -> None:
    with pytest.raises(MissingColumnsError, match=r"“orders”(?s:.)*number.*No column of “o\.csv” is called “numbr”"):
        orders(store, tmp_path, "number,place\n1,north\n", {"order_id": "numbr"})


def test_dropping_every_column_is_refused(store: AssetStore, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="drops all of its columns"):
        orders(store, tmp_path, "number,place\n1,north\n", {}, extra_columns="drop")
