from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.analyze.reading import read_products


def test_only_what_makes_texts_is_read(tmp_path: Path) -> None:
    pq.write_table(pa.table({"title": ["pen"], "price": [1.0], "product_id": ["a"]}), tmp_path / "part-0.parquet")
    assert read_products([tmp_path / "part-0.parquet"]).column_names == ["title", "product_id"]
