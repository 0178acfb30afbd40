from __future__ import annotations

import pytest

from tasks.retrieval.judged import is_held_out


def test_about_one_query_in_three_is_kept_for_measuring() -> None:
    assert 250 < sum(is_held_out(f"pen {number}") for number in range(900)) < 350


@pytest.mark.parametrize("number", range(20))
def test_queries_of_the_same_words_are_on_the_same_side(number: int) -> None:
    spellings = (f"red pen {number}", f" Red  PEN {number}\n", f"ｒｅｄ pen {number}")
    assert len({is_held_out(spelling) for spelling in spellings}) == 1
