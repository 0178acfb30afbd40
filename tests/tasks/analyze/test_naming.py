from __future__ import annotations

import numpy as np

from tasks.analyze.naming import cluster_words, distinct_names

PENS = ["red gel pen", "blue gel pen", "green gel pen"]
PAPER = ["red copy paper", "blue copy paper", "green copy paper"]
LABELS = np.array([0, 0, 0, 1, 1, 1], np.int64)


def words_of(names: list[str]) -> set[str]:
    """All single words, also of terms that have two."""
    return {word for name in names for word in name.split()}


def test_the_words_that_only_one_cluster_has_come_first() -> None:
    pens, paper = cluster_words([*PENS, *PAPER], LABELS, 2, words=2)
    assert {"gel", "pen"} <= words_of(pens)
    assert {"copy", "paper"} <= words_of(paper)


def test_no_more_words_are_chosen_than_asked_for() -> None:
    assert [len(names) for names in cluster_words([*PENS, *PAPER], LABELS, 2, words=1)] == [1, 1]


def test_words_do_not_depend_on_the_order_of_texts() -> None:
    texts = [*PENS, *PAPER]
    turned = np.random.default_rng(0).permutation(len(texts))
    expected = cluster_words(texts, LABELS, 2, words=4)
    assert cluster_words([texts[place] for place in turned], LABELS[turned], 2, words=4) == expected


def test_stop_words_and_numbers_name_nothing() -> None:
    (words,) = cluster_words(["the pen 12 for you", "a pen 24 of the set"], np.zeros(2, np.int64), 1, words=5)
    assert words == ["pen"]


def test_a_plural_is_not_said_beside_its_singular() -> None:
    (words,) = cluster_words(["pen", "pens", "pen", "pens"], np.zeros(4, np.int64), 1, words=5)
    assert len(words) == 1


def test_chinese_is_named_by_characters_that_stand_together() -> None:
    texts = ["红钢笔", "蓝钢笔", "绿钢笔", "白纸张", "黄纸张", "灰纸张"]
    pens, paper = cluster_words(texts, LABELS, 2, words=1)
    assert pens == ["钢笔"]
    assert paper == ["纸张"]


def test_a_single_character_names_a_cluster_only_where_there_is_no_word() -> None:
    texts = ["文具 红 2号", "文具 黑 3号", "文具 红 5号", "红", "黑", "红"]
    assert cluster_words(texts, LABELS, 2, words=4) == [["文具"], ["红", "黑"]]


def test_a_cluster_without_texts_has_no_words() -> None:
    assert cluster_words(PENS, np.zeros(3, np.int64), 2, words=3)[1] == []


def test_names_are_distinct_even_where_words_are_not() -> None:
    names = distinct_names([["pen"], ["pen"], ["ink", "pad"], [], []])
    assert names == ["pen", "pen (2)", "ink, pad", "without words", "without words (2)"]


def test_chinese_words_of_three_characters_are_said_whole() -> None:
    assert cluster_words(["红订书机", "蓝订书机", "新订书机"], np.zeros(3, np.int64), 1, words=1) == [["订书机"]]


def test_words_that_stand_side_by_side_are_one_term() -> None:
    texts = ["dry erase board", "dry erase marker", "cloth for dry erase"]
    (words,) = cluster_words(texts, np.zeros(3, np.int64), 1, words=1)
    assert words == ["dry erase"]


def test_words_parted_by_punctuation_or_a_stop_word_are_not_one_term() -> None:
    texts = ["dry, erase", "dry and erase", "dry / erase"]
    (words,) = cluster_words(texts, np.zeros(3, np.int64), 1, words=2)
    assert words == ["dry", "erase"]


def test_another_spelling_or_a_part_of_a_chosen_word_is_not_said_again() -> None:
    for texts in (["noodler's", "noodlers"], ["berry", "berries"], ["peppers-all", "peppers"]):
        (words,) = cluster_words(texts * 2, np.zeros(4, np.int64), 1, words=5)
        assert len(words) == 1, texts
