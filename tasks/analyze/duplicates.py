"""Products that are the same: by equal texts, or by vectors so near that only wording differs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.retrieval.topk import exact_top_k

NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)*")
NOT_WORDS: Final = re.compile(r"[\W_]+")
QUALIFIERS: Final = frozenset(
    [
        "black",
        "blue",
        "red",
        "green",
        "white",
        "yellow",
        "pink",
        "purple",
        "orange",
        "brown",
        "grey",
        "gray",
        "silver",
        "gold",
        "cyan",
        "magenta",
        "clear",
        "small",
        "medium",
        "large",
        "xl",
        "xxl",
        "left",
        "right",
        "men",
        "women",
        "boys",
        "girls",
        "fine",
        "bold",
        "single",
        "double",
        "mini",
        "standard",
        "letter",
        "legal",
        "ruled",
        "lined",
        "plain",
    ]
)
"""Words that tell variants of one product apart; texts that differ in them are not the same."""


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Groups of products. Every list has one entry per product in a group.

    Args:
        groups: Group number, from 0, the largest group first.
        products: Row of the product.
        kinds: `exact` where the group's texts are equal but for case and punctuation, `near` otherwise.
        similarities: Cosine to the group's first product.
    """

    groups: NDArray[np.int64]
    products: NDArray[np.int64]
    kinds: list[str]
    similarities: NDArray[np.float32]


def duplicate_groups(
    titles: Sequence[str], vectors: NDArray[np.float32], *, near: float, neighbours: int, device: str = "auto"
) -> Duplicates:
    """Return the groups of products that are the same or nearly.

    Two texts are nearly the same when the cosine of their vectors is at least `near`, and they hold the same numbers,
    colours and sizes: a pack of 12 is not a pack of 24. Groups are the connected components of that relation.

    Args:
        titles: A text per product; an empty one is in no group.
        vectors: A unit vector per product.
        near: Lowest cosine.
        neighbours: Nearest texts of each that are looked at.
        device: Where to multiply.
    """
    from scipy import sparse
    from scipy.sparse.csgraph import connected_components

    keys = [_key(title) for title in titles]
    position: dict[str, int] = {}
    text_of = np.array([position.setdefault(key, len(position)) if key else -1 for key in keys], np.int64)
    first = _first_rows(text_of, len(position))
    pairs = _near_pairs([titles[row] for row in first], vectors[first], near=near, neighbours=neighbours, device=device)
    size = len(position)
    graph = sparse.coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(size, size))
    _, component = connected_components(graph, directed=False)
    return _grouped(text_of, component, vectors)


def _key(title: str) -> str:
    return NOT_WORDS.sub(" ", unicodedata.normalize("NFKC", title).casefold()).strip()


def _first_rows(text_of: NDArray[np.int64], texts: int) -> NDArray[np.int64]:
    first = np.full(texts, -1, np.int64)
    for row in range(len(text_of) - 1, -1, -1):
        if text_of[row] >= 0:
            first[text_of[row]] = row
    return first


def _near_pairs(
    titles: Sequence[str], vectors: NDArray[np.float32], *, near: float, neighbours: int, device: str
) -> NDArray[np.int64]:
    if len(titles) < 2:
        return np.empty((0, 2), np.int64)
    found = exact_top_k(vectors, vectors, min(neighbours + 1, len(vectors)), device=device)
    telling = [_telling(title) for title in titles]
    left, place = np.nonzero(found.scores >= near)
    right = found.indices[left, place]
    pairs = {(min(a, b), max(a, b)) for a, b in zip(left.tolist(), right.tolist(), strict=True) if a != b and b >= 0}
    same = sorted(pair for pair in pairs if telling[pair[0]] == telling[pair[1]])
    return np.array(same, np.int64).reshape(-1, 2)


def _telling(title: str) -> tuple[tuple[str, ...], frozenset[str]]:
    words = frozenset(_key(title).split())
    return tuple(sorted(NUMBER.findall(title))), words & QUALIFIERS


def _grouped(text_of: NDArray[np.int64], component: NDArray[np.int32], vectors: NDArray[np.float32]) -> Duplicates:
    rows = np.nonzero(text_of >= 0)[0]
    group = component[text_of[rows]] if len(rows) else np.empty(0, np.int64)
    sizes = np.bincount(group) if len(group) else np.empty(0, np.int64)
    texts = np.bincount(component) if len(component) else np.empty(0, np.int64)
    kept = [number for number in np.argsort(-sizes, kind="stable").tolist() if sizes[number] > 1]
    new = {old: number for number, old in enumerate(kept)}
    chosen = [(new[int(g)], int(row)) for g, row in zip(group, rows, strict=True) if int(g) in new]
    chosen.sort()
    groups = np.array([g for g, _ in chosen], np.int64)
    products = np.array([row for _, row in chosen], np.int64)
    leader: dict[int, int] = {}
    for g, row in chosen:
        leader.setdefault(g, row)
    leaders = np.array([leader[g] for g, _ in chosen], np.int64)
    similarities = np.einsum("nd,nd->n", vectors[products], vectors[leaders]) if chosen else np.empty(0, np.float32)
    kinds = ["exact" if texts[kept[g]] == 1 else "near" for g, _ in chosen]
    return Duplicates(groups, products, kinds, similarities.astype(np.float32))
