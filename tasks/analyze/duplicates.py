"""Products that are the same: by equal titles, or by near vectors and titles of which neither contradicts the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.analyze.near import near_pairs
from tasks.analyze.wording import Wording, is_same_wording, wording

PAIR: Final = 2
"""Two titles that go together need not be compared again."""


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Groups of products. Every list has one entry per product in a group, ordered by group, then by product.

    Args:
        groups: Group number, from 0, the largest group first.
        products: Row of the product.
        kinds: `exact` where another product of the group has this title but for case and punctuation, else `near`.
        texts: Number of the title; the same for titles that are equal but for case and punctuation.
        similarities: Cosine to the group's first product; not a number where one of the two has no vector.
    """

    groups: NDArray[np.int64]
    products: NDArray[np.int64]
    kinds: list[str]
    similarities: NDArray[np.float32]
    texts: NDArray[np.int64]


def duplicate_groups(
    titles: Sequence[str],
    brands: Sequence[str | None],
    vectors: NDArray[np.float32],
    *,
    near: float,
    device: str = "auto",
) -> Duplicates:
    """Return the groups of products that are the same, or nearly.

    Titles are the same when they are equal but for case and punctuation, nearly the same when the cosine of the
    products' vectors is at least `near`, sizes, numbers, models and colours are equal, and no word stands in place of
    another: a pack of 12 is not a pack of 24, a metal tip not a needle tip, and one brand not another. That holds
    between any two titles of a group: `gift card` does not bring `gift card, art` and `gift card, music` together, but
    stands with the one whose vector is nearer.

    Args:
        titles: A title per product; an empty one is in no group.
        brands: A brand per product; None fits any. Equal titles are the same whatever their brands.
        vectors: A unit vector per product; zeros where there is none.
        near: Lowest cosine.
        device: Where to multiply.
    """
    wordings = {title: wording(title) for title in dict.fromkeys(titles)}
    said = [wordings[title] for title in titles]
    text_of = _texts(said)
    first = _first_rows(text_of, vectors)
    makers = _makers(text_of, brands, len(first))
    united = _Union(len(first))
    telling: dict[tuple[str, ...], int] = {}
    blocks = np.array([telling.setdefault(said[row].telling, len(telling)) for row in first], np.int64)
    titled = _Titled([said[row] for row in first], makers, vectors[first])
    for pairs in near_pairs(vectors[first], blocks, near, device=device):
        for left, right in pairs.tolist():
            if united.root(left) != united.root(right) and titled.can_be_one(left, right):
                united.join(left, right)
    roots = np.array([united.root(text) for text in range(len(first))], np.int64)
    return _grouped(text_of, _parted(roots, titled, near), vectors)


@dataclass(frozen=True, slots=True)
class _Titled:
    """What is known of each title: what it says, the brands of its products, its vector."""

    said: Sequence[Wording]
    makers: Sequence[set[str]]
    vectors: NDArray[np.float32]

    def can_be_one(self, left: int, right: int) -> bool:
        """Whether neither wordings nor brands contradict each other."""
        one, other = self.makers[left], self.makers[right]
        return not (one and other and one.isdisjoint(other)) and is_same_wording(self.said[left], self.said[right])


def _parted(roots: NDArray[np.int64], titled: _Titled, near: float) -> NDArray[np.int64]:
    """Part chains of titles into groups in which each title goes with every other; a group's number is one of it."""
    parted = roots.copy()
    order = np.argsort(roots, kind="stable")
    starts = np.nonzero(np.diff(roots[order], prepend=-1))[0]
    for texts in np.split(order, starts[1:]):
        if len(texts) > PAIR:
            for group in _cliques(texts.tolist(), titled, near):
                parted[group] = group[0]
    return parted


def _cliques(texts: Sequence[int], titled: _Titled, near: float) -> list[list[int]]:
    """Groups in which any two are near and can be one, the title that says most first; others join the nearest."""
    ordered = sorted(texts, key=lambda item: (-titled.said[item].words.total(), titled.said[item].key))
    vectors = titled.vectors[ordered]
    group_of = np.empty(len(ordered), np.int64)
    groups: list[list[int]] = []
    for place, text in enumerate(ordered):
        least = np.ones(len(groups), np.float32)
        np.minimum.at(least, group_of[:place], vectors[:place] @ vectors[place])
        nearest = (int(item) for item in np.argsort(-least, kind="stable") if least[item] >= near)
        chosen = next(
            (item for item in nearest if all(titled.can_be_one(text, other) for other in groups[item])), len(groups)
        )
        if chosen == len(groups):
            groups.append([])
        groups[chosen].append(text)
        group_of[place] = chosen
    return groups


class _Union:
    """Disjoint sets of numbers, the smallest of each its root."""

    def __init__(self, size: int) -> None:
        self._parent = list(range(size))

    def root(self, item: int) -> int:
        parent = self._parent
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    def join(self, left: int, right: int) -> None:
        low, high = sorted((self.root(left), self.root(right)))
        self._parent[high] = low


def _texts(said: Sequence[Wording]) -> NDArray[np.int64]:
    """Number products by title; -1 where there is none."""
    number: dict[str, int] = {}
    return np.array([number.setdefault(words.key, len(number)) if words.key else -1 for words in said], np.int64)


def _makers(text_of: NDArray[np.int64], brands: Sequence[str | None], texts: int) -> list[set[str]]:
    """The brands of each text's products."""
    makers: list[set[str]] = [set() for _ in range(texts)]
    for text, brand in zip(text_of.tolist(), brands, strict=True):
        if text >= 0 and brand:
            makers[text].add(brand.casefold().strip())
    return makers


def _first_rows(text_of: NDArray[np.int64], vectors: NDArray[np.float32]) -> NDArray[np.int64]:
    """The first row of each text, one with a vector where there is one."""
    rows = np.nonzero(text_of >= 0)[0]
    rows = rows[np.argsort(~vectors[rows].any(axis=1), kind="stable")]
    return rows[np.unique(text_of[rows], return_index=True)[1]]


def _grouped(text_of: NDArray[np.int64], roots: NDArray[np.int64], vectors: NDArray[np.float32]) -> Duplicates:
    rows = np.nonzero(text_of >= 0)[0]
    root_of = roots[text_of[rows]]
    sizes = np.bincount(root_of, minlength=len(roots))
    number = np.full(len(roots), -1, np.int64)
    ranked = np.argsort(-sizes, kind="stable")
    ranked = ranked[sizes[ranked] > 1]
    number[ranked] = np.arange(len(ranked))
    rows = rows[number[root_of] >= 0]
    groups = number[roots[text_of[rows]]]
    order = np.argsort(groups, kind="stable")
    groups, products = groups[order], rows[order]
    leaders = products[np.unique(groups, return_index=True)[1]][groups]
    similarities = np.einsum("nd,nd->n", vectors[products], vectors[leaders])
    similarities[~(vectors[products].any(axis=1) & vectors[leaders].any(axis=1))] = np.nan
    copies = Counter(text_of[products].tolist())
    kinds = ["exact" if copies[text] > 1 else "near" for text in text_of[products].tolist()]
    return Duplicates(groups, products, kinds, similarities.astype(np.float32), text_of[products])
