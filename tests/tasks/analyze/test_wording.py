from __future__ import annotations

import re
from itertools import permutations
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.analyze.wording import DECIMALS, WITH_DIGIT, is_same_wording, wording

PLAIN_WITH_DIGIT: Final = re.compile(r"[^\W_]*\d[^\W_]*")
PLAIN_ZEROS: Final = re.compile(r"(\.\d*?)0+\b")
LONG: Final = 300_000


def is_same(one: str, other: str) -> bool:
    found = is_same_wording(wording(one), wording(other))
    assert found == is_same_wording(wording(other), wording(one)), "the order of two titles does not matter"
    return found


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Gel pen, 12-Count", "Gel pen 12 ct"),
        ("Gel pen 12 pcs", "12 count gel pen"),
        ("Gel pen (0.7mm)", "Gel pen 0.70 mm"),
        ("Paper 1,000 sheets", "paper, 1000 sheets"),
        ("Shampoo 25.4 FL OZ", "Shampoo 25.4 oz"),
        ("Muffins 16 OZ/4 PK", "Muffins 4 pk/16 oz"),
        ('Frame 4 x 6"', "Frame 4 x 6 in"),
        ("Facial cream .5 oz", "Facial cream 0.5 oz"),
        ("Blue pen with grip", "with grip: pen, blue"),
        ("Whole hen", "Whole hens"),
        ("Ballpoint pen", "Balpoint pen"),
        ("Ballpoint pen", "Ballpiont pen"),
        ("Refrigerated juice", "Refrig juice"),
        ("Picture frames", "Picture frames for walls"),
        ("Men’s watch", "Mens watch"),
        ("洗发水 500毫升", "洗发水 500ml"),
    ],
)
def test_what_says_the_same_is_the_same(one: str, other: str) -> None:
    assert is_same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Pen 12-Count", "Pen 24-Count"),
        ("Pen 12 count", "Pen 12 pack"),
        ("Spice .13 oz", "Spice 13 oz"),
        ("Spice 1.3 oz", "Spice 13 oz"),
        ("HP 26X toner", "HP 26A toner"),
        ("HP 410 (CF410X)", "HP 410 (CF410A)"),
        ("Pen, blue", "Pen, black"),
        ("Pen", "Red pen"),
        ("Tank CLI Y XL", "Tank CLI C XL"),
        ("Gel pen, metal tip", "Gel pen, needle tip"),
        ("Pencils, seascape", "Pencils, woodland"),
        ("Multi packs yogurt", "Not multi packs yogurt"),
        ("Entree (hot)", "Entree (cold)"),
        ("Pork, bone in", "Pork, boneless"),
        ("Noodles dry noodles", "Spaghetti dry noodles"),
        ("Fluid milk gal", "Fluid milk pt"),
        ("红色钢笔", "蓝色钢笔"),
        ("牛奶 250毫升", "牛奶 500毫升"),
        ("Cap", "Cup"),
    ],
)
def test_variants_are_not_the_same(one: str, other: str) -> None:
    assert not is_same(one, other)


@pytest.mark.parametrize(
    ("one", "other"), [("Gel Pen, Blue!", "gel  pen  blue"), ("Ｐｅｎ", "pen"), ("A-B_C", "a b c")]
)
def test_case_width_and_punctuation_do_not_change_the_key(one: str, other: str) -> None:
    assert wording(one).key == wording(other).key


def test_the_point_of_a_decimal_does() -> None:
    assert wording("Spice .13 oz").key != wording("Spice 13 oz").key
    assert wording("Pen No.5").key == wording("Pen No 5").key


def test_the_order_of_words_changes_the_key_and_not_what_is_said() -> None:
    titles = [" ".join(words) for words in permutations(["blue", "gel", "pen", "12-count"])]
    assert len({wording(title).key for title in titles}) == len(titles)
    assert len({wording(title).telling for title in titles}) == 1


@pytest.mark.parametrize("title", ["", "!!!", "  "])
def test_a_title_without_words_has_no_key(title: str) -> None:
    assert wording(title).key == ""


@given(st.text(st.sampled_from("ab1é支٣²_-. ")))
@example("a1b-2c_3d é4 支5 ٣")
def test_words_with_a_digit_are_those_of_the_pattern_without_a_look_back(text: str) -> None:
    assert WITH_DIGIT.findall(text) == PLAIN_WITH_DIGIT.findall(text)
    assert WITH_DIGIT.sub(" ", text) == PLAIN_WITH_DIGIT.sub(" ", text)


@given(st.from_regex(r"\d+([.,/]\d+)*", fullmatch=True))
@example("1.00100/2.50.0")
def test_the_zeros_cut_off_a_decimal_are_those_of_the_pattern_that_tries_every_length(number: str) -> None:
    assert DECIMALS.sub(lambda found: found[0].rstrip("0"), number) == PLAIN_ZEROS.sub(r"\1", number)


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "title",
    ["x" * LONG, "1" * LONG + "x", "1." + "0" * LONG + "1", "1" + " " * LONG, "1." * LONG, "a." * LONG, "1 fl " * LONG],
    ids=lambda title: title[:5],
)
def test_a_very_long_title_costs_its_length_not_its_square(title: str) -> None:
    assert len(wording(title).key) <= LONG * len("1 fl ")
