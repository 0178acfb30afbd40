from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tasks import stage
from tasks.assets.store import AssetStore
from tests.tasks.ingest.ingesting import ingest

EVENTS = {
    "table": "events",
    "uri": "days/*.csv",
    "columns": {"user_id": "u", "product_id": "p", "timestamp": "t"},
    "constants": {"event_type": "view"},
}


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(stage, "_log", lines.append)
    return lines


def notices(said: list[str]) -> list[str]:
    return [line for line in said if line.startswith("ingest ")]


def write_days(folder: Path, *days: int) -> None:
    (folder / "days").mkdir(exist_ok=True)
    for day in days:
        (folder / "days" / f"{day}.csv").write_text(f"u,p,t\na,1,2026-01-0{day}\n")


def test_files_that_are_gone_are_told_once_and_new_ones_are_not(
    store: AssetStore, tmp_path: Path, said: list[str]
) -> None:
    write_days(tmp_path, 1, 2, 3)
    ingest(store, tmp_path, EVENTS)
    (tmp_path / "days" / "2.csv").unlink()
    write_days(tmp_path, 4)
    ingest(store, tmp_path, EVENTS)
    assert notices(said) == ["ingest events: 1 file of the version before, and their rows, are gone: 2.csv"]


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (
            {"table": "products", "uri": "p.csv", "columns": {"product_id": "id", "title": "name", "brnad": "brand"}},
            "ingest products: “brnad” is no canonical column, and kept as an extra one. Did you mean “brand”?",
        ),
        (
            {"table": "product", "uri": "p.csv"},
            "ingest product: this is no canonical table, and kept as an extra one. Did you mean “products”?",
        ),
        ({"table": "products", "uri": "p.csv", "columns": {"product_id": "id", "title": "name"}}, None),
        ({"table": "coupons", "uri": "p.csv"}, None),
    ],
)
def test_a_name_that_looks_misspelt_is_told(
    store: AssetStore, tmp_path: Path, said: list[str], source: dict[str, Any], line: str | None
) -> None:
    (tmp_path / "p.csv").write_text("id,name,brand\n1,pen,x\n")
    ingest(store, tmp_path, source)
    assert notices(said) == ([] if line is None else [line])
