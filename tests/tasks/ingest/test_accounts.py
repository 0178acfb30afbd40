import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.assets.store import AssetStore
from tasks.errors import RowsLostError
from tasks.ingest import merge, standardise, task
from tasks.ingest.accounts import SourceCounts, check_accounts
from tasks.ingest.parquet import write_parquet, write_parts
from tests.tasks.ingest.ingesting import ingest

TRUE = SourceCounts(rows_read=6, rows_kept=3, rows_merged=1, rows_quarantined=2)
SOURCE = {"table": "products", "uri": "p.csv", "columns": {"product_id": "sku", "title": "name"}}


def write_rows(folder: Path, count: int) -> Path:
    folder.mkdir()
    pq.write_table(pa.table({"row": list(range(count))}), folder / "part-0.parquet")
    return folder


def test_rows_that_add_up_pass(tmp_path: Path) -> None:
    rows, quarantine = write_rows(tmp_path / "rows", 3), write_rows(tmp_path / "quarantine", 2)
    check_accounts("products", {"p.csv": TRUE}, rows=rows, quarantine=quarantine)


@pytest.mark.parametrize(
    ("counts", "kept", "quarantined"),
    [
        pytest.param(TRUE, 2, 2, id="a kept row is in no file"),
        pytest.param(TRUE, 4, 2, id="a row is there twice"),
        pytest.param(TRUE, 3, 1, id="a quarantined row is in no file"),
        pytest.param(SourceCounts(7, 3, 1, 2), 3, 2, id="a row that was read is nowhere"),
    ],
)
def test_rows_that_do_not_add_up_are_a_bug(tmp_path: Path, counts: SourceCounts, kept: int, quarantined: int) -> None:
    rows, quarantine = write_rows(tmp_path / "rows", kept), write_rows(tmp_path / "quarantine", quarantined)
    with pytest.raises(RowsLostError, match="of “products” were read") as caught:
        check_accounts("products", {"p.csv": counts}, rows=rows, quarantine=quarantine)
    assert caught.value.exit_code == 1


def test_sources_do_not_make_up_for_each_other(tmp_path: Path) -> None:
    rows, quarantine = write_rows(tmp_path / "rows", 6), write_rows(tmp_path / "quarantine", 4)
    sources = {"a.csv": SourceCounts(6, 2, 1, 2), "b.csv": SourceCounts(6, 4, 1, 2)}
    with pytest.raises(RowsLostError, match="2 were kept"):
        check_accounts("products", sources, rows=rows, quarantine=quarantine)


def test_a_table_that_lost_a_row_while_it_was_merged_is_not_published(
    store: AssetStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "p.csv").write_text("sku,name\n1,pen\n2,cup\n3,\n", encoding="utf-8")

    def losing(connection: Any, query: str, folder: Path, **options: int) -> None:  # a connection of DuckDB
        write_parts(connection, f"select * from ({query}) limit 1", folder, **options)

    monkeypatch.setattr(merge, "write_parts", losing)
    with pytest.raises(RowsLostError, match="but 1 were kept, 0 merged, 1 quarantined"):
        ingest(store, tmp_path, SOURCE)
    assert not [item for item in store.manifests() if item.key.startswith(("tables/", "quarantine/"))]


def test_a_table_whose_quarantine_was_not_written_whole_is_not_published(
    store: AssetStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "p.csv").write_text("sku,name\n1,pen\n2,\n3,\n", encoding="utf-8")
    monkeypatch.setattr(task, "_write_quarantine", lambda connection, inputs, folder: None)
    with pytest.raises(RowsLostError, match="1 were kept, 0 merged, 0 quarantined"):
        ingest(store, tmp_path, SOURCE)
    assert not [item for item in store.manifests() if item.key.startswith(("tables/", "quarantine/"))]


@pytest.mark.parametrize("name", ["p.parquet", "p.jsonl", "p.json", "p.py.jsonl"])
def test_a_file_that_lost_rows_on_the_way_to_its_shard_is_not_published(
    store: AssetStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    rows = [{"sku": str(number), "name": "pen"} for number in range(3)]
    if name == "p.parquet":
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / name)
    elif name == "p.json":
        (tmp_path / name).write_text(json.dumps(rows), encoding="utf-8")
    else:
        write = repr if name == "p.py.jsonl" else json.dumps
        (tmp_path / name).write_text("".join(f"{write(row)}\n" for row in rows), encoding="utf-8")

    def losing(connection: Any, query: str, target: Path, **options: Any) -> None:  # a connection of DuckDB
        write_parquet(connection, f"select * from ({query}) limit 2", target, **options)

    monkeypatch.setattr(standardise, "write_parquet", losing)
    source = {**SOURCE, "uri": name, **({"format": "python"} if name == "p.py.jsonl" else {})}
    with pytest.raises(RowsLostError, match="3 rows of “products” were read, but 2 were kept") as caught:
        ingest(store, tmp_path, source)
    assert f"“{name}”" in str(caught.value)
    assert not list(store.manifests())
