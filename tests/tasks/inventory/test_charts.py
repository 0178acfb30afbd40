from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.assets.reports import Bin, Correlation, MetricValue, ValueCount
from tasks.inventory.charts import HEIGHT, MOST_BARS, WIDTH, Tail, heat_map, histogram, intervals, line, months, spread


def bins(*counts: int) -> list[Bin]:
    return [Bin(low=float(i), high=float(i + 1), count=number) for i, number in enumerate(counts)]


def per_month(*names: str) -> list[ValueCount]:
    return [ValueCount(value=name, count=position + 1) for position, name in enumerate(names)]


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=60).filter(any))
def test_bars_stay_inside_and_grow_with_their_counts(counts: list[int]) -> None:
    chart = histogram(bins(*counts))
    assert chart is not None
    assert all(bar.x >= 0 and bar.x + bar.width <= WIDTH + 0.5 for bar in chart.bars)
    assert all(bar.y >= -0.01 and bar.y + bar.height <= HEIGHT + 0.01 for bar in chart.bars)
    ordered = sorted(zip(counts, (bar.height for bar in chart.bars), strict=True))
    assert [height for _, height in ordered] == sorted(height for _, height in ordered)


def test_a_bin_with_one_row_of_a_million_is_still_seen() -> None:
    chart = histogram(bins(1_000_000, 1, 0))
    assert chart is not None
    assert chart.bars[1].height >= 1
    assert chart.bars[2].height == 0


def test_bins_are_as_wide_as_their_range() -> None:
    chart = histogram([Bin(low=0, high=1, count=1), Bin(low=1, high=4, count=1)])
    assert chart is not None
    assert chart.bars[1].x == WIDTH / 4
    assert chart.bars[1].label == "1 … 4: 1"


def test_a_single_value_is_one_bar() -> None:
    chart = histogram([Bin(low=5, high=5, count=9)])
    assert chart is not None
    assert chart.bars[0].width == pytest.approx(WIDTH, abs=1)


@pytest.mark.parametrize("counts", [(), (0, 0)])
def test_there_is_no_histogram_without_values(counts: tuple[int, ...]) -> None:
    assert histogram(bins(*counts)) is None


def test_a_month_without_rows_keeps_its_empty_place() -> None:
    chart = months(per_month("2025-11", "2026-02"))
    assert chart is not None
    assert [bar.label for bar in chart.bars] == ["2025-11: 1", "2025-12: 0", "2026-01: 0", "2026-02: 2"]
    assert (chart.first, chart.last) == ("2025-11", "2026-02")


def test_a_long_span_is_told_by_year() -> None:
    chart = months(per_month("1970-01", "1970-02", "2026-02"))
    assert chart is not None
    assert chart.bars[0].label == "1970: 3"
    assert len(chart.bars) == 57


def test_a_span_of_millennia_shows_only_the_years_there_are() -> None:
    chart = months(per_month("0001-01", "2026-01", "9999-12"))
    assert chart is not None
    assert len(chart.bars) == 3 <= MOST_BARS


def test_months_that_are_none_are_shown_as_they_came() -> None:
    chart = months(per_month("-0043-03", "2026-01"))
    assert chart is not None
    assert chart.first == "-0043-03"


def test_there_is_no_chart_of_time_without_rows() -> None:
    assert months([]) is None
    assert months([ValueCount(value="2026-01", count=0)]) is None


def test_a_spread_stands_on_the_axis_of_its_histogram() -> None:
    quantiles = {"0.01": 0.0, "0.25": 10.0, "0.5": 20.0, "0.75": 30.0, "0.99": 40.0}
    box = spread(quantiles, [Bin(low=0, high=40, count=1), Bin(low=40, high=80, count=1)])
    assert box is not None
    assert (box.low, box.box_low, box.middle, box.box_high, box.high) == (0, 0.125, 0.25, 0.375, 0.5)


def test_a_spread_needs_its_quartiles_and_a_histogram() -> None:
    assert spread({"0.5": 1.0}, [Bin(low=0, high=2, count=1)]) is None
    assert spread({"0.25": 1.0, "0.5": 1.0, "0.75": 1.0}, []) is None


def test_a_spread_of_one_value_stands_in_the_middle() -> None:
    box = spread({"0.25": 7.0, "0.5": 7.0, "0.75": 7.0}, [Bin(low=7, high=7, count=3)])
    assert box is not None
    assert box.middle == 0.5


TAILED = (
    Bin(low=-900, high=0, count=1, is_tail=True),
    Bin(low=0, high=10, count=6),
    Bin(low=10, high=20, count=3),
    Bin(low=20, high=1e6, count=2, is_tail=True),
)


def test_a_tail_stands_apart_however_far_it_reaches_and_says_so() -> None:
    chart = histogram(TAILED)
    assert chart is not None
    assert [bar.is_tail for bar in chart.bars] == [True, False, False, True]
    assert chart.bars[1].width == pytest.approx(chart.bars[2].width)
    assert chart.bars[1].width > WIDTH / 3
    assert chart.bars[0].x + chart.bars[0].width < chart.bars[1].x - 1
    assert chart.bars[2].x + chart.bars[2].width < chart.bars[3].x - 1
    assert (chart.first, chart.last) == ("0", "20")
    assert chart.below == Tail(end="0", furthest="-900", rows="1")
    assert chart.above == Tail(end="20", furthest="1,000,000", rows="2")
    assert chart.bars[3].label == "20 … 1,000,000: 2"


def test_a_quantile_in_a_tail_stands_in_the_middle_of_its_bar() -> None:
    chart, box = histogram(TAILED), spread({"0.01": -5, "0.25": 1, "0.5": 2, "0.75": 3, "0.99": 500}, TAILED)
    assert chart is not None
    assert box is not None
    assert chart.bars[0].x < box.low * WIDTH < chart.bars[0].x + chart.bars[0].width
    assert chart.bars[3].x < box.high * WIDTH < chart.bars[3].x + chart.bars[3].width


def test_a_heat_map_shows_both_halves_and_counts_what_did_not_fit() -> None:
    pairs = [
        Correlation(left="a", right="b", pearson=-0.5, spearman=-0.4, rows=10),
        Correlation(left="a", right="c", pearson=None, spearman=None, rows=0),
        Correlation(left="b", right="c", pearson=0.25, spearman=None, rows=10),
    ]
    found = heat_map(pairs, most=2)
    assert found is not None
    assert found.names == ("a", "b")
    assert found.left_out == 1
    assert [(cell.x, cell.y, cell.text, cell.strength, cell.is_negative) for cell in found.cells] == [
        (1, 0, "−0.50", 0.5, True),
        (0, 1, "−0.50", 0.5, True),
    ]
    whole = heat_map(pairs, most=9)
    assert whole is not None
    assert [cell.text for cell in whole.cells if (cell.x, cell.y) == (2, 0)] == [""]
    assert heat_map([], most=9) is None


def test_intervals_keep_the_order_of_models_and_mark_the_best() -> None:
    values = [
        MetricValue(model=model, split="test", metric="ndcg_at_10", value=value, low=value / 2, high=value * 2)
        for model, value in (("a", 0.2), ("b", 0.1))
    ]
    found = intervals(values, ["b", "a", "unmeasured"], "ndcg_at_10", "test")
    assert [(item.model, item.is_best, item.is_last) for item in found] == [("b", False, False), ("a", True, False)]
    assert found[1].high == 1
    assert found[1].interval == "0.1000 … 0.4000"


def test_intervals_of_models_that_never_hit_are_empty_bars() -> None:
    values = [MetricValue(model="a", split="test", metric="m", value=0, low=0, high=0)]
    assert intervals(values, ["a"], "m", "test")[0].value == 0


def test_a_line_spans_its_box() -> None:
    drawn = line("loss", [0, 10, 20], [2.0, 1.0, 1.5])
    assert drawn is not None
    assert drawn.points == f"0.0,0.0 {WIDTH / 2:.1f},{HEIGHT:.1f} {WIDTH:.1f},{HEIGHT / 2:.1f}"
    assert (drawn.lowest, drawn.highest) == ("1", "2")


def test_a_flat_line_stands_in_the_middle_and_one_point_is_none() -> None:
    drawn = line("loss", [3, 3], [1.0, 1.0])
    assert drawn is not None
    assert {point.split(",")[1] for point in drawn.points.split()} == {f"{HEIGHT / 2:.1f}"}
    assert not math.isnan(float(drawn.points.split(",")[0]))
    assert line("loss", [0], [1.0]) is None
