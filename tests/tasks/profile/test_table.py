import json
import math
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.assets.reports import ColumnProfile, TableProfile
from tasks.profile.config import ProfileConfig
from tasks.profile.table import constant_columns, describe_table

CONFIG = ProfileConfig(memory_limit="300MB")
ESTIMATING = CONFIG.model_copy(update={"exact_values": 0})
QUOTES = "a\"b'c -- 中文 %; drop"


def write(folder: Path, table: pa.Table, *, group: int = 100_000, files: int = 1) -> list[Path]:
    size = -(-table.num_rows // files) or 1
    paths = [folder / f"part-{place}.parquet" for place in range(files)]
    for place, path in enumerate(paths):
        pq.write_table(table.slice(place * size, size), path, row_group_size=group)
    return paths


def describe(
    folder: Path,
    table: pa.Table,
    config: ProfileConfig = CONFIG,
    name: str = "mine",
    *,
    group: int = 100_000,
    files: int = 1,
) -> TableProfile:
    return describe_table(name, write(folder, table, group=group, files=files), config, spill=folder / "spill")


def column(folder: Path, values: pa.Array, config: ProfileConfig = CONFIG) -> ColumnProfile:
    return describe(folder, pa.table({"c": values}), config).columns[0]


@pytest.fixture(params=[CONFIG, ESTIMATING], ids=["counted", "estimated"])
def config(request: pytest.FixtureRequest) -> ProfileConfig:
    found: ProfileConfig = request.param
    return found


def test_numbers_are_described_as_pandas_does(tmp_path: Path, config: ProfileConfig) -> None:
    values = np.random.default_rng(7).lognormal(3, 1, 20_000).round(2)
    found, series = column(tmp_path, pa.array(values), config), pd.Series(values)
    assert (found.rows, found.nulls, found.is_distinct_exact) == (20_000, 0, config is CONFIG)
    assert found.distinct == pytest.approx(series.nunique(), rel=0 if config is CONFIG else 0.15)
    assert found.mean == pytest.approx(series.mean(), rel=1e-9)
    assert found.std == pytest.approx(series.std(), rel=1e-9)
    assert found.skewness == pytest.approx(series.skew(), rel=1e-8)
    assert (float(found.minimum or 0), float(found.maximum or 0)) == (series.min(), series.max())
    for name, value in found.quantiles.items():
        assert value == pytest.approx(series.quantile(float(name)), rel=1e-9 if config is CONFIG else 0.002)
    *equal, tail = found.histogram
    assert tail.low == pytest.approx(series.quantile(0.995), rel=0.01)
    assert (tail.is_tail, tail.high, tail.count) == (True, series.max(), int((series >= tail.low).sum()))
    borders = np.linspace(series.min(), tail.low, config.histogram_bins)
    assert [item.low for item in equal] == pytest.approx(borders[:-1].tolist())
    assert [item.count for item in equal] == np.histogram(values[values < tail.low], bins=borders)[0].tolist()


def test_whole_numbers_keep_whole_quantiles_and_a_bin_each(tmp_path: Path, config: ProfileConfig) -> None:
    found = column(tmp_path, pa.array([1, 2, 2, 3, None] * 200, pa.int64()), config)
    assert found.quantiles["0.5"] == 2
    assert [(item.low, item.high, item.count) for item in found.histogram] == [
        (0.5, 1.5, 200),
        (1.5, 2.5, 400),
        (2.5, 3.5, 200),
    ]
    assert (found.minimum, found.maximum, found.nulls) == ("1", "3", 200)


def test_what_is_not_finite_is_a_value_but_no_number(tmp_path: Path, config: ProfileConfig) -> None:
    values = [1.0, 2.0, float("nan"), float("inf"), float("-inf"), None]
    found = column(tmp_path, pa.array(values), config)
    assert (found.nulls, found.minimum, found.maximum, found.mean) == (1, "1.0", "2.0", 1.5)
    assert sum(item.count for item in found.histogram) == 2
    json.loads(found.model_dump_json(), parse_constant=pytest.fail)


def test_a_column_without_one_finite_number_has_no_figures(tmp_path: Path, config: ProfileConfig) -> None:
    found = column(tmp_path, pa.array([float("nan"), float("inf"), None]), config)
    assert (found.nulls, found.minimum, found.mean, found.histogram, found.quantiles) == (1, None, None, (), {})


@pytest.mark.parametrize("huge", [1e120, 1e200, -1e300, 1.7976931348623157e308])
def test_one_huge_number_leaves_a_column_described(tmp_path: Path, huge: float, config: ProfileConfig) -> None:
    numbers = [*(i / 7 for i in range(9_999)), huge]
    found, other = describe(tmp_path, pa.table({"a": numbers, "b": numbers[::-1]}), config, group=1_000).columns
    assert (found.nulls, sum(item.count for item in found.histogram)) == (0, 10_000)
    assert (float(found.minimum or 0), float(found.maximum or 0)) == (min(numbers), max(numbers))
    assert found.quantiles["0.5"] == pytest.approx(4_999 / 7, rel=0.01)
    assert found.mean == pytest.approx(huge / 10_000) == other.mean
    assert found.skewness is None


def test_texts_have_lengths_in_characters_and_languages(tmp_path: Path, config: ProfileConfig) -> None:
    texts = ["this is the red pen", "红色的钢笔很好用", "", None] * 25
    found = column(tmp_path, pa.array(texts), config)
    assert found.text is not None
    assert (found.text.min_length, found.text.max_length, found.text.empty) == (0, 19, 25)
    assert found.text.mean_length == pytest.approx((19 + 8 + 0) / 3, abs=1e-4)
    assert found.text.languages == {"en": 0.5, "zh": 0.5}
    assert (found.nulls, found.minimum, found.maximum) == (25, "", "红色的钢笔很好用")


def test_identifiers_are_in_no_language(tmp_path: Path) -> None:
    (found,) = describe(tmp_path, pa.table({"product_id": ["the red pen", "the blue pen"]})).columns
    assert found.text is not None
    assert found.text.languages == {}


def test_times_are_told_by_days_and_months(tmp_path: Path, config: ProfileConfig) -> None:
    first = datetime(1969, 12, 30, 23, tzinfo=UTC)
    times = [first + timedelta(days=day, minutes=day) for day in (0, 0, 1, 5, 40)] + [None]
    found = column(tmp_path, pa.array(times, pa.timestamp("us", tz="UTC")), config)
    assert found.time is not None
    assert (found.time.first, found.time.last) == ("1969-12-30T23:00:00Z", "1970-02-08T23:40:00Z")
    assert (found.time.days_in_span, found.time.days_with_rows, found.time.longest_gap_days) == (41, 4, 34)
    assert [(m.value, m.count) for m in found.time.by_month] == [("1969-12", 3), ("1970-01", 1), ("1970-02", 1)]
    assert (found.minimum, found.nulls) == (found.time.first, 1)


@pytest.mark.parametrize(
    "kind", [pa.date32(), pa.timestamp("ns"), pa.timestamp("s"), pa.timestamp("ns", "UTC"), pa.timestamp("us", "UTC")]
)
def test_every_kind_of_time_is_told_alike(tmp_path: Path, kind: pa.DataType, config: ProfileConfig) -> None:
    found = column(tmp_path, pa.array([date(2026, 1, 1), date(2026, 3, 1)]).cast(kind), config)
    assert found.time is not None
    assert (found.minimum, found.time.days_in_span) == ("2026-01-01T00:00:00Z", 60)


def test_a_time_without_end_is_a_value_but_no_day(tmp_path: Path, config: ProfileConfig) -> None:
    endless = 2**63 - 1  # DuckDB's infinity
    days = pa.array([0, 86_400_000_000, endless, -endless], pa.int64()).cast(pa.timestamp("us", "UTC"))
    found = column(tmp_path, days, config)
    assert (found.rows, found.nulls, found.distinct) == (4, 0, 4)
    assert found.time is not None
    assert (found.time.first, found.time.last) == ("1970-01-01T00:00:00Z", "1970-01-02T00:00:00Z")
    assert [(item.value, item.count) for item in found.time.by_month] == [("1970-01", 2)]


def test_lists_are_described_by_their_lengths_and_elements(tmp_path: Path) -> None:
    lists = [["a", "b"], ["a", "a", "c"], [], None]
    found = column(tmp_path, pa.array(lists, pa.list_(pa.string())))
    assert (found.nulls, found.distinct, found.minimum, found.maximum, found.mean) == (1, 3, "0", "3", tidy(5 / 3))
    assert [(item.value, item.count) for item in found.top_values] == [("a", 2), ("b", 1), ("c", 1)]


def test_maps_are_described_by_their_sizes_and_keys(tmp_path: Path) -> None:
    maps = [[("color", "red")], [("color", "blue"), ("size", "L")], None]
    found = column(tmp_path, pa.array(maps, pa.map_(pa.string(), pa.string())))
    assert (found.nulls, found.minimum, found.maximum) == (1, "1", "2")
    assert [(item.value, item.count) for item in found.top_values] == [("color", 2), ("size", 1)]


def test_truths_and_structures_are_counted(tmp_path: Path) -> None:
    table = pa.table({"t": [True, False, True, None], "s": [{"a": 1}, {"a": 1}, {"a": 2}, None]})
    truths, structures = describe(tmp_path, table).columns
    assert [(item.value, item.count) for item in truths.top_values] == [("true", 2), ("false", 1)]
    assert (truths.distinct, truths.minimum, truths.maximum) == (2, "false", "true")
    assert (structures.distinct, structures.nulls, structures.text) == (2, 1, None)
    assert structures.top_values[0].count == 2


def test_a_column_of_nulls_is_described(tmp_path: Path, config: ProfileConfig) -> None:
    kinds = [pa.null(), pa.string(), pa.float64(), pa.int32(), pa.timestamp("us"), pa.list_(pa.string()), pa.bool_()]
    table = pa.table({f"c{place}": pa.array([None, None], kind) for place, kind in enumerate(kinds)})
    for found in describe(tmp_path, table, config).columns:
        assert (found.nulls, found.distinct, found.minimum, found.mean) == (2, 0, None, None)
        assert (found.top_values, found.histogram, found.time, found.text) == ((), (), None, None)


def test_an_empty_table_is_described(tmp_path: Path, config: ProfileConfig) -> None:
    found = describe(tmp_path, pa.table({"a": pa.array([], pa.int64()), "b": pa.array([], pa.string())}), config)
    assert (found.rows, found.keys, found.correlations) == (0, (), ())
    assert [(item.rows, item.nulls, item.distinct) for item in found.columns] == [(0, 0, 0), (0, 0, 0)]
    assert describe_table("none", [], config, spill=tmp_path).columns == ()


def test_any_name_and_any_value_will_do(tmp_path: Path, config: ProfileConfig) -> None:
    table = pa.table(
        {
            QUOTES: [QUOTES, QUOTES],
            "": [1.5, 2.5],
            "file_": [1, 2],
            "c0": [3, 4],
            "c0.x": [7, 9],
            "file_row_number": [5, 6],
        }
    )
    found = describe(tmp_path, table, config)
    assert [item.name for item in found.columns] == [QUOTES, "", "file_", "c0", "c0.x", "file_row_number"]
    assert (found.columns[0].minimum, found.columns[3].maximum) == (QUOTES, "4")
    assert (found.columns[4].mean, found.columns[5].mean) == (8.0, 5.5)


def test_values_that_never_repeat_are_no_top_values(tmp_path: Path) -> None:
    assert column(tmp_path, pa.array(["a", "b", "c"])).top_values == ()


def test_top_values_come_by_count_and_then_by_value(tmp_path: Path) -> None:
    found = column(tmp_path, pa.array(["b", "a", "b", "a", "c"]), CONFIG.model_copy(update={"top_values": 2}))
    assert [(item.value, item.count) for item in found.top_values] == [("a", 2), ("b", 2)]


def test_top_values_of_many_values_are_counted_exactly(tmp_path: Path) -> None:
    values = [f"v{i}" if i % 4 else "often" for i in range(40_000)]
    config = ESTIMATING.model_copy(update={"sample_rows": 2_000})
    found = describe(tmp_path, pa.table({"c": values}), config, group=2_000).columns[0]
    assert [(item.value, item.count) for item in found.top_values] == [("often", 10_000)]


def test_numeric_columns_but_identifiers_and_constants_are_correlated(tmp_path: Path) -> None:
    n = np.arange(500)
    table = pa.table({"order_id": n, "a": n, "b": -n.astype(float), "c": n * 0, "d": [str(i) for i in n]})
    (found,) = describe(tmp_path, table).correlations
    assert (found.left, found.right, found.pearson, found.spearman, found.rows) == ("a", "b", -1.0, -1.0, 500)


def test_rows_that_lack_a_value_are_not_correlated(tmp_path: Path) -> None:
    table = pa.table({"a": [1, 2, None, 4], "b": [2.0, 4.0, 1.0, None], "c": [1.5, float("nan"), 3.5, 4.5]})
    found = describe(tmp_path, table).correlations
    assert [(item.left, item.right, item.rows) for item in found] == [("a", "b", 2), ("a", "c", 2), ("b", "c", 2)]


def test_a_bounded_sample_is_correlated(tmp_path: Path) -> None:
    n = np.arange(5_000)
    config = CONFIG.model_copy(update={"correlation_rows": 100})
    (found,) = describe(tmp_path, pa.table({"a": n, "b": n * 2}), config).correlations
    assert (found.rows, found.pearson) == (100, 1.0)


VALUES = {
    "number": (pa.float64(), st.floats(width=32)),
    "whole": (pa.int64(), st.integers(-(2**40), 2**40)),
    "text": (pa.string(), st.text(max_size=5)),
    "time": (pa.timestamp("us"), st.datetimes(datetime(1800, 1, 1), datetime(2200, 1, 1))),
}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), kind=st.sampled_from(sorted(VALUES)), exact=st.sampled_from([0, 250_000]))
def test_counts_add_up_and_do_not_depend_on_the_order(
    tmp_path: Path, data: st.DataObject, kind: str, exact: int
) -> None:
    arrow, strategy = VALUES[kind]
    values: list[Any] = data.draw(st.lists(st.none() | strategy, max_size=30))  # of the column's type
    config = CONFIG.model_copy(update={"exact_values": exact})
    found = column(tmp_path, pa.array(values, arrow), config)
    present = [value for value in values if value is not None]
    assert (found.rows, found.nulls) == (len(values), len(values) - len(present))
    if kind in {"number", "whole"}:
        assert sum(item.count for item in found.histogram) == sum(math.isfinite(value) for value in present)
    if found.time:
        assert sum(item.count for item in found.time.by_month) == len(present)
    assert sum(item.count for item in found.top_values) <= len(present)
    shuffled = data.draw(st.permutations(values))
    again = column(tmp_path, pa.array(shuffled, arrow), config)
    if exact:
        assert again == found
    else:
        assert again.model_copy(update=dict.fromkeys(("mean", "std", "skewness"))) == found.model_copy(
            update=dict.fromkeys(("mean", "std", "skewness"))
        )
        assert again.mean == (None if found.mean is None else pytest.approx(found.mean, rel=1e-6, abs=1e-6))


def test_two_runs_give_equal_reports(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    n = 60_000
    table = pa.table(
        {
            "user_id": random.integers(0, 9_000, n).astype(str),
            "price": random.lognormal(2, 2, n),
            "rating": random.integers(1, 6, n),
            "at": random.integers(0, 10**15, n).astype("datetime64[us]"),
        }
    )
    config = CONFIG.model_copy(update={"exact_values": 1_000, "sample_rows": 2_000})
    reports = [describe(tmp_path, table, config, group=3_000, files=2).model_dump_json() for _ in range(3)]
    assert len(set(reports)) == 1


def test_threads_change_no_figure(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    table = pa.table({"price": random.lognormal(2, 2, 50_000), "n": random.integers(0, 40_000, 50_000)})
    few, many = (ESTIMATING.model_copy(update={"threads": threads}) for threads in (1, 4))
    assert describe(tmp_path, table, few, group=5_000) == describe(tmp_path, table, many, group=5_000)


@pytest.mark.parametrize("shift", [0.0, -30.0, 1e-30])
def test_a_histogram_of_many_values_counts_each_where_its_edges_say(tmp_path: Path, shift: float) -> None:
    random = np.random.default_rng(5)
    prices = np.concatenate([random.lognormal(2, 1, 70_000), np.round(random.uniform(0, 60, 20_000)), [0.0, -0.0]])
    found = column(tmp_path, pa.array(prices + shift), ESTIMATING)
    borders = np.array([*[item.low for item in found.histogram], found.histogram[-1].high])
    places = np.clip(np.searchsorted(borders, prices + shift, side="right") - 1, 0, len(borders) - 2)
    assert [item.count for item in found.histogram] == np.bincount(places, minlength=len(borders) - 1).tolist()


def test_files_and_row_groups_change_no_figure_that_is_counted(tmp_path: Path) -> None:
    table = pa.table({"a": [i % 97 for i in range(5_000)], "b": [f"v{i % 31}" for i in range(5_000)]})
    whole, parts = describe(tmp_path, table), describe(tmp_path, table, group=500, files=3)
    assert whole.columns == parts.columns


def test_a_constant_column_is_a_finding(tmp_path: Path) -> None:
    table = pa.table({"a": ["x"] * 3, "b": ["x", "x", None], "c": [1, 2, 3]})
    (found,) = constant_columns(describe(tmp_path, table))
    assert (found.column, found.kind, found.severity, found.count, found.examples) == (
        "a",
        "constant_column",
        "info",
        3,
        ("x",),
    )
    assert found.id == "mine.a.constant"


def test_what_a_shop_says_once_for_all_is_no_finding(tmp_path: Path) -> None:
    table = pa.table({"event_type": ["purchase"] * 3, "currency": ["USD"] * 3})
    assert constant_columns(describe(tmp_path, table, name="events")) == []
    assert len(constant_columns(describe(tmp_path, table, name="mine"))) == 2
    assert constant_columns(describe(tmp_path, table.slice(0, 1), name="mine")) == []


def tidy(number: float) -> float:
    return float(f"{number:.10g}")


def test_truth_values_are_counted(tmp_path: Path, config: ProfileConfig) -> None:
    found = column(tmp_path, pa.array([True, False, True, None]), config)
    assert (found.distinct, found.is_distinct_exact) == (2, True)
    assert [(item.value, item.count) for item in found.top_values] == [("true", 2), ("false", 1)]


@pytest.mark.parametrize("zone", [None, "UTC"])
def test_times_that_differ_by_nanoseconds_differ(tmp_path: Path, zone: str | None) -> None:
    found = column(tmp_path, pa.array([1, 999, 1001], pa.timestamp("ns", zone)))
    assert (found.distinct, found.is_distinct_exact) == (3, True)
