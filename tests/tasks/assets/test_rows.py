from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.assets import specs
from tasks.assets.asset import AssetRef, AssetSpec
from tasks.assets.recipe import Recipe
from tasks.assets.rows import first_rows
from tasks.assets.store import AssetStore
from tasks.errors import UnknownAssetError


def publish(store: AssetStore, spec: AssetSpec, *parts: list[int]) -> AssetRef:
    recipe = Recipe.of("by-hand", 1, {"parts": [list(part) for part in parts]})
    with store.draft(spec, recipe, run_id="by-hand") as draft:
        for number, part in enumerate(parts):
            pq.write_table(pa.table({"a": pa.array(part, pa.int64())}), draft.path / f"part-{number}.parquet")
        pq.write_table(pa.table({"other": [1]}), draft.path / "beside.parquet")
    return AssetRef(spec.key, recipe.version)


@pytest.mark.parametrize(("most", "rows"), [(2, [1, 2]), (4, [1, 2, 3, 4]), (9, [1, 2, 3, 4, 5]), (0, [])])
def test_the_first_rows_go_on_through_the_files_of_the_table_and_no_others(
    store: AssetStore, most: int, rows: list[int]
) -> None:
    ref = publish(store, specs.table("events"), [1, 2, 3], [], [4, 5])
    assert first_rows(store, ref, most).to_pydict() == {"a": rows}


def test_an_empty_table_keeps_its_columns(store: AssetStore) -> None:
    assert first_rows(store, publish(store, specs.table("events"), []), 5).to_pydict() == {"a": []}


def test_what_is_no_table_has_no_rows(store: AssetStore) -> None:
    assert first_rows(store, publish(store, specs.REVIEWS), 5).to_pydict() == {}


def test_rows_of_an_unknown_asset_are_refused(store: AssetStore) -> None:
    with pytest.raises(UnknownAssetError, match="tables/events"):
        first_rows(store, AssetRef("tables/events", "0" * 12), 5)
