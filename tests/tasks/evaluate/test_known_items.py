from __future__ import annotations

import numpy as np
import pyarrow as pa

from tasks.evaluate.known_items import LEAST_ITEMS, drawn_words, known_items, ranked_by_words

TITLES = [f"blue fountain pen {number}" for number in range(LEAST_ITEMS)]


def ids_of(titles: list[str]) -> pa.Array:
    return pa.array([f"p{place}" for place in range(len(titles))])


def test_a_query_is_some_words_of_the_title_in_its_order_and_never_all() -> None:
    title = "Lantern red fountain pen 12"
    queries = {drawn_words(title, str(salt)) for salt in range(50)}
    assert len(queries) > 5
    assert all(len(query.split()) == 3 for query in queries)
    assert all([word for word in title.split() if word in query.split()] == query.split() for query in queries)
    assert {drawn_words("fountain pen", str(salt)) for salt in range(20)} == {"fountain", "pen"}


def test_where_a_script_has_no_spaces_two_characters_are_a_word() -> None:
    assert {drawn_words("红色钢笔", str(salt)) for salt in range(20)} == {"红色", "钢笔"}


def test_the_same_catalogue_and_seed_ask_for_the_same_products_in_the_same_words() -> None:
    first, again, other = (known_items(ids_of(TITLES), TITLES, seed) for seed in (1, 1, 2))
    assert first is not None
    assert again is not None
    assert other is not None
    assert first[0] == again[0]
    assert first[0] != other[0]
    np.testing.assert_array_equal(first[1].products, again[1].products)


def test_products_are_asked_for_that_one_title_can_name() -> None:
    titles = [*TITLES, "gift card", "Gift  Card", "pen", ""]
    found = known_items(ids_of(titles), titles, seed=1)
    assert found is not None
    assert sorted(found[1].products) == list(range(len(TITLES)))
    assert known_items(ids_of(TITLES[1:]), TITLES[1:], seed=1) is None


def test_words_find_the_products_that_have_them_and_nothing_where_none_has() -> None:
    texts = ["red pen", "blue pen", "blue ink", "iron pan", "iron pot"]
    found = ranked_by_words(texts, ["pan", "blue ink", "glue"], k=10)
    assert found[0].tolist() == [3, -1, -1, -1, -1]
    assert found[1, 0] == 2
    assert set(found[2]) == {-1}
