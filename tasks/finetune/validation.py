"""The metric that stops training early: what validation users chose next, ranked within a small corpus."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tasks.retrieval.histories import Histories, histories_of
from tasks.retrieval.passages import Passages

LATEST: Final = 10
"""Products of a history that count here."""

NEXT: Final = 5
"""Targets that count here, the first to be chosen: busy users leave room for others in a small corpus."""


@dataclass(frozen=True, slots=True)
class Validation:
    """Users to validate on, the same at every look.

    Args:
        products: Ascending catalogue positions of the corpus, which holds every history and target.
        histories: What the users chose in training, over the corpus.
        targets: Per user, what they chose next and had not chosen before, over the corpus.
    """

    products: NDArray[np.int64]
    histories: Histories
    targets: tuple[NDArray[np.int64], ...]

    def ndcg_at_10(self, vectors: NDArray[np.float32], *, device: str = "auto") -> float:
        """Return the mean NDCG at 10 of the users, given the corpus's vectors in the order of `products`.

        It steers training only: a corpus this small flatters every model, so it is never reported as a result.
        """
        ranked = Passages("encoder", vectors, device=device).rank(self.histories, 10)
        discount = 1 / np.log2(np.arange(10) + 2)
        gained = [
            discount[np.isin(products, chosen)].sum() / discount[: len(chosen)].sum()
            for products, chosen in zip(ranked.products, self.targets, strict=True)
        ]
        return float(np.mean(gained)) if gained else 0.0


def validation_of(interactions: pa.Table, product_ids: pa.Array, *, most_users: int, most_products: int) -> Validation:
    """Return as many users as fit, in an order that a digest of their ids decides, and a corpus around them.

    Args:
        interactions: Training and validation rows.
        product_ids: The catalogue.
        most_users: Most users.
        most_products: Most products; those of the users come first, and the rest is filled by digest.
    """
    split = interactions["split"]
    train = histories_of(interactions.filter(pc.equal(split, "train")), product_ids)
    later = histories_of(interactions.filter(pc.equal(split, "validation")), product_ids)
    row_of = {user: row for row, user in enumerate(train.user_ids)}
    next_of = {
        user: _next_products(later, row, known=train.products[train.row(row_of[user])])
        for row, user in enumerate(later.user_ids)
        if user in row_of
    }
    recent = train.latest(LATEST)
    corpus: set[int] = set()
    users: list[str] = []
    for user in sorted((user for user, targets in next_of.items() if len(targets)), key=_digest):
        new = {*recent.products[recent.row(row_of[user])].tolist(), *next_of[user].tolist()}
        if len(corpus | new) <= most_products and len(users) < most_users:
            corpus |= new
            users.append(user)
    others = sorted(set(range(len(product_ids))) - corpus, key=lambda position: _digest(product_ids[position].as_py()))
    products = np.array(sorted([*corpus, *others[: most_products - len(corpus)]]), np.int64)
    return Validation(
        products=products,
        histories=recent.take(np.array([row_of[user] for user in users], np.int64)).within(products),
        targets=tuple(np.searchsorted(products, next_of[user]) for user in users),
    )


def _next_products(later: Histories, row: int, known: NDArray[np.int32]) -> NDArray[np.int32]:
    entries = later.row(row)
    in_order = later.products[entries][np.argsort(later.first_s[entries], kind="stable")]
    return np.sort(in_order[~np.isin(in_order, known)][:NEXT])


def _digest(text: str) -> bytes:
    return hashlib.md5(text.encode(), usedforsecurity=False).digest()
