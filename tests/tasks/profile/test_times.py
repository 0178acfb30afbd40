import numpy as np
import pytest

from tasks.profile.times import iso, time_profile

DAY = 86_400_000_000


def test_coverage_counts_days_gaps_and_months() -> None:
    days = np.array([-1, 0, 31, 33])
    found = time_profile(-DAY, 33 * DAY + 5, days, np.array([2, 1, 4, 3]))
    assert (found.first, found.last) == ("1969-12-31T00:00:00Z", "1970-02-03T00:00:00.000005Z")
    assert (found.days_in_span, found.days_with_rows, found.longest_gap_days) == (35, 4, 30)
    assert [(item.value, item.count) for item in found.by_month] == [("1969-12", 2), ("1970-01", 1), ("1970-02", 7)]


def test_one_day_has_no_gap() -> None:
    found = time_profile(0, 1, np.array([0]), np.array([2]))
    assert (found.days_in_span, found.longest_gap_days) == (1, 0)


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_500_000, "1970-01-01T00:00:01.5Z"),
        (10_000_000, "1970-01-01T00:00:10Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
    ],
)
def test_a_time_is_told_without_what_is_zero(microseconds: int, text: str) -> None:
    assert iso(microseconds) == text
