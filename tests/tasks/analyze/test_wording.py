from __future__ import annotations

from itertools import permutations

import pytest

from tasks.analyze.wording import is_same_wording, wording


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
