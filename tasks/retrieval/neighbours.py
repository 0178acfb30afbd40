"""Products that the same users choose: ItemKNN, and EASE where the catalogue's head is small enough."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from tasks.retrieval.histories import Histories
from tasks.retrieval.ranked import Ranked, ranked_sparse

BLOCK: Final = 65_536
MOST_HISTORY: Final = 500
SHRINKAGE: Final = 10.0
EASE_PENALTY: Final = 100.0


class Neighbours:
    """Ranks unseen products by their similarity to what a user chose, later choices weighing more.

    Args:
        name: The part's name.
        similarity: Products x products; row i holds the products that a choice of i speaks for.
    """

    def __init__(self, name: str, similarity: Any) -> None:  # scipy.sparse ships no types
        self.name = name
        self.similarity = similarity

    def rank(self, histories: Histories, k: int) -> Ranked:
        """Return the k best unseen products of each user."""
        return ranked_sparse(histories.matrix(histories.recency()) @ self.similarity, histories, k)


def item_knn(histories: Histories, *, neighbours: int, min_users: int, threads: int = 2) -> Neighbours:
    """Return ItemKNN: the cosine of two products' users, shrunk where they are few.

    Item-based neighbours are Sarwar et al. 2001 ("Item-based Collaborative Filtering Recommendation Algorithms"), the
    shrinkage is Bell and Koren 2007 ("Improved Neighborhood-based Collaborative Filtering"). A user counts with their
    latest 500 products, which bounds the work that one heavy user makes.

    Args:
        histories: What users chose.
        neighbours: Most neighbours kept per product.
        min_users: Users a product needs to have, or to be, a neighbour.
        threads: Threads that multiply.
    """
    chosen = histories.latest(MOST_HISTORY).chosen().tocsc()
    users_of = np.diff(chosen.indptr)
    kept = np.flatnonzero(users_of >= min_users)
    scale = (1 / np.sqrt(users_of[kept] + SHRINKAGE)).astype(np.float32)
    normalised = sp.csr_matrix((chosen[:, kept] @ sp.diags_array(scale, dtype=np.float32)).tocsr())
    transposed = normalised.T.tocsr()
    blocks = [
        _others(_similar(transposed[start : start + BLOCK], normalised, neighbours + 1, threads), start, neighbours)
        for start in range(0, len(kept), BLOCK)
    ]
    return Neighbours("item_knn", _widened(blocks, kept, histories.width))


def ease(histories: Histories, *, products: int, neighbours: int) -> Neighbours:
    """Return EASE: the linear item-item model with a closed form, over the most chosen products.

    Steck 2019, "Embarrassingly Shallow Autoencoders for Sparse Data". It inverts a products x products matrix, so it
    is fitted on the head of the catalogue and keeps each product's largest positive weights.

    Args:
        histories: What users chose.
        products: Most products it is fitted on.
        neighbours: Most weights kept per product.
    """
    import torch

    users_of = np.bincount(histories.products, minlength=histories.width)
    head = np.sort(np.argsort(-users_of, kind="stable")[:products])
    head = head[users_of[head] > 0]
    chosen = histories.chosen()[:, head]
    gram = (chosen.T @ chosen).toarray()
    gram[np.diag_indices_from(gram)] += EASE_PENALTY
    # The penalty bounds the condition number, so float32 and Cholesky do: five times as fast as a general inverse.
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(torch.from_numpy(gram))).numpy()
    weights = (inverse / -np.diag(inverse)).astype(np.float32)
    np.fill_diagonal(weights, 0)
    return Neighbours("ease", _widened([_best_columns(weights, neighbours)], head, histories.width))


def _similar(some: Any, normalised: Any, most: int, threads: int) -> Any:  # scipy.sparse ships no types
    from sparse_dot_topn import sp_matmul_topn  # a registered model reads this module, and needs no more of it

    return sp_matmul_topn(some, normalised, most, threshold=0.0, sort=True, n_threads=threads)


def _others(similar: Any, start: int, most: int) -> Any:  # scipy.sparse ships no types
    """Leave each product itself out of those similar to it, which come best first from row `start` of all on."""
    similar = similar.tocoo()
    is_other = similar.col != similar.row + start
    row, column, values = similar.row[is_other], similar.col[is_other], similar.data[is_other]
    place = np.arange(len(row)) - np.searchsorted(row, row)
    keep = place < most  # without itself among them, there is one too many
    return sp.csr_array((values[keep], (row[keep], column[keep])), shape=similar.shape)


def _best_columns(dense: NDArray[np.float32], most: int) -> Any:  # scipy.sparse ships no types
    import torch

    best = torch.from_numpy(dense).topk(min(most, dense.shape[1]), dim=1)
    values, columns = best.values.numpy(), best.indices.numpy()
    row = np.repeat(np.arange(len(dense)), values.shape[1])
    keep = values.ravel() > 0
    entries = (values.ravel()[keep], (row[keep], columns.ravel()[keep]))
    return sp.csr_array(entries, shape=dense.shape)


def _widened(blocks: list[Any], kept: NDArray[np.int64], width: int) -> Any:  # scipy.sparse ships no types
    small = sp.vstack(blocks).tocoo() if blocks else sp.coo_array((len(kept), len(kept)), dtype=np.float32)
    entries = (small.data.astype(np.float32), (kept[small.row], kept[small.col]))
    return sp.csr_array(entries, shape=(width, width))
