from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.profile.row_groups import FEWEST, ROWS_PER_SAMPLED, row_groups, spread_groups


def test_groups_begin_where_the_one_before_ends() -> None:
    found = row_groups({"b": [7, 5], "a": [3, 0]})
    assert [(group.file, group.file_place, group.place, group.first, group.rows) for group in found] == [
        ("b", 0, 0, 0, 7),
        ("b", 0, 1, 7, 5),
        ("a", 1, 0, 0, 3),
    ]


@settings(deadline=None)
@given(st.lists(st.integers(1, 1000), max_size=60), st.integers(1, 500))
def test_a_sample_comes_from_several_groups_with_rows_to_spare(sizes: list[int], wanted: int) -> None:
    groups = row_groups({"a": sizes})
    drawn = spread_groups(groups, wanted)
    assert len(set(drawn)) == len(drawn)
    assert set(drawn) <= set(groups)
    assert len(drawn) >= min(FEWEST, len(groups))
    if groups and len(drawn) < len(groups):
        assert len(drawn) >= wanted * ROWS_PER_SAMPLED * len(groups) / sum(sizes)
        assert {groups[0], groups[-1]} <= set(drawn)
