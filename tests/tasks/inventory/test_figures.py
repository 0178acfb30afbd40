from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.inventory import figures


@pytest.mark.parametrize(
    ("value", "words"), [(None, "–"), (0, "0"), (999, "999"), (1_469_307, "1,469,307"), (-1200, "-1,200")]
)
def test_counts_have_thousands_separators(value: int | None, words: str) -> None:
    assert figures.count(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "–"),
        (9_999, "9,999"),
        (10_000, "10.0 k"),
        (92_331, "92.3 k"),
        (999_600, "1.00 M"),
        (22_504_000, "22.5 M"),
        (4_200_000_000, "4.20 G"),
        (3_000_000_000_000, "3.00 T"),
    ],
)
def test_compact_numbers_have_three_digits(value: int | None, words: str) -> None:
    assert figures.compact(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (float("inf"), "–"),
        (3.0, "3"),
        (20_940_529.0, "20,940,529"),
        (3.14159, "3.142"),
        (23.456, "23.46"),
        (12_345.67, "12,346"),
        (0.00012345, "0.0001234"),
        (0.00001234, "1.23e-05"),
        (1e20, "1e+20"),
        (-2.5, "-2.5"),
    ],
)
def test_numbers_have_four_significant_digits(value: float | None, words: str) -> None:
    assert figures.number(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "–"),
        (0, "0 %"),
        (1, "100 %"),
        (0.5, "50.0 %"),
        (0.0004, "< 0.1 %"),
        (0.9996, "> 99.9 %"),
        (0.0312, "3.1 %"),
    ],
)
def test_a_share_never_hides_the_last_failing_row(value: float | None, words: str) -> None:
    assert figures.share(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "–"),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (21_600_000, "21.6 MB"),
        (999_900_000, "1.00 GB"),
        (7_000_000_000_000_000, "7000 TB"),
    ],
)
def test_sizes_have_a_unit(value: int | None, words: str) -> None:
    assert figures.size(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "–"),
        (0.085, "85 ms"),
        (12.44, "12.4 s"),
        (59.97, "1 min 0 s"),
        (200.4, "3 min 20 s"),
        (7500, "2 h 5 min"),
    ],
)
def test_durations_have_a_unit(value: float | None, words: str) -> None:
    assert figures.duration(value) == words


def test_times_are_told_in_utc_wherever_they_were_measured() -> None:
    there = datetime(2026, 11, 24, 19, 47, tzinfo=timezone(timedelta(hours=8)))
    assert figures.moment(there) == "2026-11-24 11:47 UTC"
    assert figures.moment(None) == figures.minute(None) == "–"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "–"),
        (True, "yes"),
        (False, "no"),
        (1200, "1,200"),
        (0.25, "0.25"),
        (datetime(2026, 1, 2, 3, 4, tzinfo=UTC), "2026-01-02 03:04 UTC"),
        (["a", "b"], "a, b"),
        ([["a"], ["b", "c"]], "a, b + c"),
        ("x" * 20, "xxxxxxxxx…"),
    ],
)
def test_cells_are_told_by_their_type(value: Any, words: str) -> None:  # a value of any column type
    assert figures.cell(value, 10) == words


def test_scores_have_four_decimals() -> None:
    assert figures.score(0.14321) == "0.1432"
    assert figures.score(None) == "–"


def test_json_is_in_order_of_keys_and_keeps_its_script() -> None:
    assert figures.as_json({"b": 1, "a": "红"}) == '{\n  "a": "红",\n  "b": 1\n}'


@given(st.text(), st.integers(1, 50))
def test_a_clipped_text_is_never_longer_than_allowed(text: str, longest: int) -> None:
    assert len(figures.clipped(text, longest)) <= max(longest, len(text) if len(text) <= longest else 0)


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_every_number_has_words(value: float) -> None:
    assert figures.number(value)
