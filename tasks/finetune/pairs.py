"""What the encoder learns from: pairs of texts that belong together, and which texts must not be called strangers.

Texts, not products, are what an encoder sees: products with one text are one here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp
from numpy.typing import NDArray

from tasks.retrieval.histories import Histories, histories_of
from tasks.retrieval.judged import is_held_out
from tasks.retrieval.neighbours import SHRINKAGE, item_knn
from tasks.retrieval.packing import Distinct, distinct

NEIGHBOURS: Final = 30
LEAST_LIFT: Final = 1.2
"""Chosen together this much more often than by chance: where users are busy, nearly every pair has one in common."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of texts that belong together.

    Args:
        texts: Distinct texts; the other fields are positions in it.
        anchors: First text of each pair.
        positives: Second text of each pair.
        weights: How often a pair is drawn, in proportion.
        chosen: Users x texts, with 1 where a user chose a product of that text in training.
        judged: Texts x texts, with an entry where a judgment joins two, in either order; None without judgments.
    """

    texts: tuple[str, ...]
    anchors: NDArray[np.int64]
    positives: NDArray[np.int64]
    weights: NDArray[np.float64]
    chosen: Any  # scipy.sparse ships no types
    judged: Any = None  # scipy.sparse ships no types

    def __len__(self) -> int:
        return len(self.anchors)

    def log_frequency(self) -> NDArray[np.float32]:
        """Return, per text, the logarithm of its share of all draws; what is never drawn counts as the rarest."""
        size = len(self.texts)
        drawn = np.bincount(self.anchors, self.weights, size) + np.bincount(self.positives, self.weights, size)
        share = np.maximum(drawn, drawn[drawn > 0].min()) / drawn.sum()
        result: NDArray[np.float32] = np.log(share).astype(np.float32)
        return result

    def belong_together(self, texts: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return, for some texts, which two are the same or known positives: they are never negatives of each other."""
        together = self.chosen[:, texts]
        both = (together.T @ together).toarray()
        users_of = np.diag(both).astype(np.float64)
        by_chance = np.outer(users_of, users_of) / max(1, self.chosen.shape[0])
        result: NDArray[np.bool_] = (both > 0) & (both >= LEAST_LIFT * by_chance)
        result[np.diag_indices_from(result)] = True
        if self.judged is not None:
            joined = self.judged[texts][:, texts].toarray() > 0
            result |= joined | joined.T
        return result


def co_chosen_pairs(train: pa.Table, product_ids: pa.Array, texts: Sequence[str], *, min_users: int) -> Pairs:
    """Return texts whose products the same users chose, more often than by chance.

    Drawn in proportion to their shrunk cosine times the logarithm of their lift, pairs come most that many users share
    and chance does not explain. Only training rows may be given.

    Args:
        train: Interactions of the training split.
        product_ids: The catalogue.
        texts: Per product, its text.
        min_users: Users who must share a pair.
    """
    found = distinct(texts)
    by_text = _by_text(train, product_ids, found)
    similarity = item_knn(by_text, neighbours=NEIGHBOURS, min_users=min_users).similarity.tocoo()
    users_of = np.bincount(by_text.products, minlength=len(found.texts)).astype(np.float64)
    left, right = similarity.row.astype(np.int64), similarity.col.astype(np.int64)
    shared = similarity.data * np.sqrt((users_of[left] + SHRINKAGE) * (users_of[right] + SHRINKAGE))
    by_chance = users_of[left] * users_of[right] / max(1, len(by_text))
    keep = (shared > min_users - 0.5) & (shared >= LEAST_LIFT * by_chance)
    return Pairs(
        texts=tuple(found.texts),
        anchors=left[keep],
        positives=right[keep],
        weights=similarity.data[keep] * np.log(shared[keep] / by_chance[keep]),
        chosen=by_text.chosen().tocsc(),
    )


def with_judgments(pairs: Pairs, judged: Sequence[tuple[str, str]]) -> Pairs:
    """Return pairs with (query, product text) added; where there are both kinds, half of all draws are judgments."""
    if not judged:
        return pairs
    found = distinct([*pairs.texts, *(text for pair in judged for text in pair)])
    added = found.positions[len(pairs.texts) :].reshape(-1, 2)
    share = float(pairs.weights.sum()) / len(added) if len(pairs) else 1.0
    chosen = pairs.chosen.tocsc()
    size = len(found.texts)
    chosen.resize((chosen.shape[0], size))
    return Pairs(
        texts=tuple(found.texts),
        anchors=np.concatenate([pairs.anchors, added[:, 0]]),
        positives=np.concatenate([pairs.positives, added[:, 1]]),
        weights=np.concatenate([pairs.weights, np.full(len(added), share)]),
        chosen=chosen,
        judged=sp.csr_array((np.ones(len(added)), added.T), shape=(size, size)),
    )


def good_answers(
    judgments: pa.Table, queries: pa.Table, *, product_ids: pa.Array, texts: Sequence[str], min_grade: int
) -> list[tuple[str, str]]:
    """Return (query, product text) for every judgment of at least `min_grade`, in the table's order.

    Queries kept for measuring search are left out.
    """
    good = judgments.filter(pc.greater_equal(judgments["grade"], min_grade))
    words = dict(zip(queries["query_id"].to_pylist(), queries["query"].to_pylist(), strict=True))
    position = pc.index_in(good["product_id"].combine_chunks(), value_set=product_ids).to_pylist()
    return [
        (words[query], texts[place])
        for query, place in zip(good["query_id"].to_pylist(), position, strict=True)
        if place is not None and query in words and not is_held_out(words[query])
    ]


def _by_text(train: pa.Table, product_ids: pa.Array, found: Distinct) -> Histories:
    place = pc.index_in(train["product_id"].combine_chunks(), value_set=product_ids)
    known = train.set_column(train.column_names.index("product_id"), "product_id", place).filter(pc.is_valid(place))
    text = pa.array(found.positions[known["product_id"].to_numpy()])
    known = known.set_column(known.column_names.index("product_id"), "product_id", text)
    return histories_of(known, pa.array(np.arange(len(found.texts))))
