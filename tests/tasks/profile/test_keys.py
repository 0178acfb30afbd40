from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tasks.profile.config import ProfileConfig
from tasks.profile.keys import candidate_sets
from tests.tasks.profile.test_table import CONFIG, ESTIMATING, column, describe

SMALL = ProfileConfig(memory_limit="300MB", exact_values=10, sample_rows=1_000)


Keys = tuple[tuple[str, ...], ...]


def keys(
    folder: Path,
    columns: Mapping[str, Any],  # lists, arrays or Arrow arrays
    config: ProfileConfig = CONFIG,
    name: str = "mine",
) -> Keys:
    return describe(folder, pa.table(columns), config, name).keys


@pytest.mark.parametrize("config", [CONFIG, ESTIMATING, SMALL], ids=["counted", "estimated", "small"])
@pytest.mark.parametrize("repeats", [0, 1])
def test_one_repeated_value_in_many_is_no_key(tmp_path: Path, repeats: int, config: ProfileConfig) -> None:
    ids = [f"p{i}" for i in range(5_000)]
    ids[-1] = "p0" if repeats else ids[-1]
    assert keys(tmp_path, {"product_id": ids}, config) == (() if repeats else (("product_id",),))


def test_the_distinct_values_of_a_key_are_exact(tmp_path: Path) -> None:
    (found,) = describe(tmp_path, pa.table({"product_id": [f"p{i}" for i in range(5_000)]}), SMALL).columns
    assert (found.distinct, found.is_distinct_exact) == (5_000, True)


@pytest.mark.parametrize("place", [1, 4_999])
def test_a_repeat_is_found_whether_it_is_near_or_far(tmp_path: Path, place: int) -> None:
    ids = [f"p{i}" for i in range(5_000)]
    ids[place] = ids[0]
    assert describe(tmp_path, pa.table({"product_id": ids}), SMALL, group=500).keys == ()


def test_an_estimate_is_never_above_the_rows(tmp_path: Path) -> None:
    values = pa.table({"product_id": [*(f"p{i}" for i in range(5_000)), "p0", None]})
    (found,) = describe(tmp_path, values, SMALL).columns
    assert found.distinct <= 5_001


def test_a_missing_value_is_no_key(tmp_path: Path) -> None:
    assert keys(tmp_path, {"product_id": ["a", "b", None]}) == ()


def test_identifiers_come_before_other_unique_columns(tmp_path: Path) -> None:
    table: dict[str, Any] = {
        "title": ["a", "b"],
        "product_id": [1, 2],
        "price": [1.5, 2.5],
        "at": np.array([1, 2], "datetime64[us]"),
    }
    assert keys(tmp_path, table) == (("product_id",), ("title",))


def test_prose_identifies_nothing(tmp_path: Path) -> None:
    assert keys(tmp_path, {"text": ["a" * 100, "b" * 100]}) == ()


def test_one_row_says_nothing_of_keys(tmp_path: Path) -> None:
    assert keys(tmp_path, {"product_id": ["a"]}) == ()


@pytest.mark.parametrize("config", [CONFIG, SMALL], ids=["counted", "small"])
def test_the_smallest_set_that_is_unique_is_the_key(tmp_path: Path, config: ProfileConfig) -> None:
    stores, weeks, products = (axis.ravel() for axis in np.meshgrid(range(10), range(12), range(60)))
    table = {"week": weeks, "store_id": stores, "product_id": products, "place": (weeks + stores) % 3}
    assert keys(tmp_path, table, config) == (("week", "store_id", "product_id"),)
    table["week"] = weeks.copy()
    table["week"][0] = 11
    assert keys(tmp_path, table, config) == ()


def test_sets_are_only_looked_for_up_to_a_size(tmp_path: Path) -> None:
    a, b, c = (axis.ravel() for axis in np.meshgrid(range(5), range(6), range(7)))
    table = {"a_id": a, "b_id": b, "c_id": c}
    assert keys(tmp_path, table, CONFIG.model_copy(update={"key_columns": 2})) == ()
    assert keys(tmp_path, table) == (("a_id", "b_id", "c_id"),)


def test_of_a_canonical_table_only_the_key_of_its_grain_is_tried(tmp_path: Path) -> None:
    pairs: dict[str, list[Any]] = {
        "query_id": ["a", "a", "b", "b"],
        "product_id": ["x", "y", "x", "y"],
        "grade": [1, 1, 1, 1],
    }
    assert keys(tmp_path, pairs, name="judgments") == (("query_id", "product_id"),)
    assert keys(tmp_path, pairs, name="events") == ()
    assert keys(tmp_path, pairs, name="mine") == (("query_id", "product_id"),)
    repeated = {name: [*values, values[0]] for name, values in pairs.items()}
    assert keys(tmp_path, repeated, name="judgments") == ()


def test_columns_that_cannot_have_enough_combinations_are_no_candidates(tmp_path: Path) -> None:
    few = column(tmp_path, pa.array([1, 2] * 50)).model_copy(update={"name": "few"})
    some = column(tmp_path, pa.array(list(range(50)) * 2)).model_copy(update={"name": "some_id"})
    assert candidate_sets([few, some], [], rows=100, most=3) == [("some_id", "few")]
    assert candidate_sets([few, some], [], rows=1000, most=3) == []
    assert candidate_sets([few, some], [("some_id",)], rows=100, most=3) == []
