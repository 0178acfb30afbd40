"""The delimiter and the quote of a csv file are seen, and an apostrophe is not taken for a quote."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.assets.store import AssetStore
from tasks.ingest.config import SourceConfig
from tasks.ingest.dialect import dialect
from tests.tasks.ingest.ingesting import ingest

PLAIN = ["1,pens,x\n", "2,cups,x\n"]
WRITTEN = {
    "a delimiter inside": (["1,'pens, red',x\n", *PLAIN], "'"),
    "a doubled one": (["1,pens,x\n", "2,'it''s red, too',x\n"], "'"),
    "the usual one": (['1,"pens, red",x\n', *PLAIN], '"'),
    "both": (['1,"pens, red",x\n', "2,'cups, red',x\n", *PLAIN], '"'),
    "a word apart": (["1,'pens',x\n", *PLAIN], '"'),
    "an apostrophe": (["1,'90s pens, red,x\n", "2,'cups, red',x\n", *PLAIN], '"'),
    "none": (PLAIN, '"'),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_the_quote_is_the_one_by_which_rows_have_as_many_cells_as_names(name: str) -> None:
    rows, quote = WRITTEN[name]
    source = SourceConfig(table="coupons", uri="c.csv")
    assert dialect(["id,name,kind\n", *rows], source) == (",", quote)
    assert dialect(["id;name;kind\n", *(row.replace(",", ";") for row in rows)], source) == (";", quote)


def test_names_in_quotes_tell_the_quote() -> None:
    source = SourceConfig(table="coupons", uri="c.csv")
    assert dialect(["'id','name'\n", "'1','pens'\n"], source) == (",", "'")
    assert dialect(["'id','name'\n"], source.model_copy(update={"quote": '"'})) == (",", '"')


def test_rows_in_another_quote_are_kept_and_the_quote_is_told(store: AssetStore, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("product_id,title,brand\n1,'Pens, red',x\n2,'it''s one',y\n3,cup,z\n", "utf-8")
    found = ingest(store, tmp_path, {"table": "products", "uri": "p.csv"})
    assert found.column("title") == ["Pens, red", "it's one", "cup"]
    assert found.metrics["rows_quarantined"] == 0
    assert found.metrics["files"]["p.csv"]["quote"] == "'"
