from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.csv as pv
import pytest
from numpy.typing import NDArray

from tasks.analyze.duplicates import Duplicates, duplicate_groups

NEAR = 0.95


def unit(*rows: list[float]) -> NDArray[np.float32]:
    found = np.array(rows, np.float32)
    scaled: NDArray[np.float32] = found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)
    return scaled


def same(n: int) -> NDArray[np.float32]:
    return unit(*[[1.0, 0.0]] * n)


def find(titles: list[str], vectors: NDArray[np.float32], brands: list[str | None] | None = None) -> Duplicates:
    return duplicate_groups(titles, brands or [None] * len(titles), vectors, near=NEAR, device="cpu")


def groups(found: Duplicates) -> list[set[int]]:
    return [set(found.products[found.groups == number].tolist()) for number in range(len(set(found.groups.tolist())))]


def test_equal_titles_are_exact_whatever_their_vectors_and_brands() -> None:
    found = find(["Gel pen", "GEL PEN!", "Ink"], unit([1, 0], [0, 1], [1, 1]), ["Bic", "Pilot", None])
    assert groups(found) == [{0, 1}]
    assert found.kinds == ["exact", "exact"]


def test_near_titles_need_near_vectors() -> None:
    titles = ["Gel pens blue", "Gel pen, blue"]
    assert groups(find(titles, unit([1, 0], [1, 0.1]))) == [{0, 1}]
    assert groups(find(titles, unit([1, 0], [1, 0.5]))) == []


def test_near_titles_of_two_brands_are_two_products() -> None:
    titles = ["Gel pens blue", "Gel pen, blue"]
    assert groups(find(titles, same(2), ["Bic", "Pilot"])) == []
    assert groups(find(titles, same(2), ["Bic", " BIC "])) == [{0, 1}]
    assert groups(find(titles, same(2), ["Bic", None])) == [{0, 1}]


def test_pack_sizes_are_not_duplicates() -> None:
    assert groups(find(["Gel pens, 12-Count", "Gel pen, 24-Count"], same(2))) == []


def test_groups_are_connected_the_largest_first_and_kinds_are_each_products_own() -> None:
    titles = ["Red ink", "Red inks", "Gel pen", "Gel pens", "gel pen", "Gel pens soft"]
    found = find(titles, same(6))
    assert groups(found) == [{2, 3, 4, 5}, {0, 1}]
    assert found.kinds == ["exact", "near", "exact", "near", "near", "near"]


def test_a_title_that_fits_two_that_contradict_each_other_joins_the_nearer_and_they_stay_apart() -> None:
    titles = ["Gift card", "Gift card art", "Gift card music", "Gift cards music"]
    vectors = unit([1, 0.1], [1, 0.3], [1, 0], [1, 0.01])
    assert groups(find(titles, vectors)) == [{0, 2, 3}]
    assert groups(find(titles, unit([1, 0.28], [1, 0.3], [1, 0], [1, 0.01]))) == [{0, 1}, {2, 3}]


def test_any_two_of_a_group_are_near() -> None:
    titles = ["Gel pen", "Gel pens", "Gel pens soft"]
    angles = (0.0, 0.25, 0.5)
    vectors = unit(*[[float(np.cos(angle)), float(np.sin(angle))] for angle in angles])
    assert [len(group) for group in groups(find(titles, vectors))] == [2]


def test_a_product_without_a_brand_does_not_bring_two_brands_together() -> None:
    found = find(["Gel pen", "Gel pens", "Gel pen's"], same(3), [None, "Bic", "Pilot"])
    assert [len(group) for group in groups(found)] == [2]


def test_similarity_is_the_cosine_to_the_groups_first_product() -> None:
    found = find(["Gel pen", "Gel pens", "gel pen"], unit([1, 0], [1, 0.2], [1, 0.1]))
    assert found.similarities.tolist() == pytest.approx([1, 1 / np.sqrt(1.04), 1 / np.sqrt(1.01)], abs=1e-6)


def test_a_product_without_a_vector_is_a_duplicate_by_its_title_alone() -> None:
    found = find(["Gel pen", "gel pen", "Gel pens"], unit([0, 0], [1, 0], [0, 0]))
    assert groups(found) == [{0, 1}]
    assert np.isnan(found.similarities).all()


def test_the_vector_of_a_title_is_taken_from_a_product_that_has_one() -> None:
    found = find(["Gel pen", "gel pen", "Gel pens"], unit([0, 0], [1, 0], [1, 0]))
    assert groups(found) == [{0, 1, 2}]


def test_products_without_a_title_are_in_no_group() -> None:
    assert groups(find(["", "", "?"], same(3))) == []


def test_groups_do_not_depend_on_the_order_of_products() -> None:
    titles = ["Gel pen", "Gel pens", "gel pen", "Red ink", "Red inks", "Stapler", "Gel pens soft"]
    turned = np.random.default_rng(5).permutation(len(titles))
    plain = groups(find(titles, same(len(titles))))
    moved = [{int(turned[row]) for row in group} for group in groups(find([titles[i] for i in turned], same(7)))]
    assert sorted(map(sorted, moved)) == sorted(map(sorted, plain))


def test_no_products_have_no_duplicates() -> None:
    assert find([], np.empty((0, 2), np.float32)).kinds == []


def test_the_office_shop_has_fifteen_titles_twice(shared_data: Path) -> None:
    items = pv.read_csv(
        shared_data / "amazon-office" / "items.csv", parse_options=pv.ParseOptions(newlines_in_values=True)
    )
    titles = items["title"].to_pylist()
    found = find(titles, np.zeros((len(titles), 2), np.float32))
    assert [len(group) for group in groups(found)] == [2] * 15
