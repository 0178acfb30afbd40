"""The nearest rows of a corpus, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.retrieval.hardware import has_bf16, pick_device

if TYPE_CHECKING:
    import torch

    from tasks.retrieval.coarse import Corpus

Block = tuple[NDArray[np.int64], NDArray[np.float32]]
"""Rows and scores of some queries, best first."""

BLOCK_CELLS: Final = 12_800_000
"""Scores held at once by each core: 50 MB in float32, 25 MB in bf16."""

LEAST_CELLS: Final = 2**20
"""Fewer scores are not shared among cores."""

COARSE_QUERIES: Final = 32
COARSE_CELLS: Final = 2**24
"""From so many queries and scores on, it pays to round the corpus to bf16 first."""


@dataclass(frozen=True, slots=True)
class TopK:
    """The best corpus rows of each query, best first; of equal scores in the list, the lower row first.

    Args:
        indices: Queries x k rows of the corpus; -1 where fewer than k rows are left.
        scores: Queries x k dot products in float32, falling; minus infinity where there is no row.
    """

    indices: NDArray[np.int64]
    scores: NDArray[np.float32]


def exact_top_k(
    queries: NDArray[np.float32],
    corpus: NDArray[np.float32],
    k: int,
    *,
    exclude: Sequence[NDArray[Any]] | None = None,
    device: str = "auto",
) -> TopK:
    """Return the k corpus rows with the largest dot product with each query.

    Scores are float32 products. Where a CPU multiplies bf16, candidates are found in bf16 first and scored again;
    a query whose candidates are not proven to hold the k best is computed in float32 from the start. So the rows are
    always those of float32, up to scores that are equal within its rounding.

    Args:
        queries: Rows of the same width as the corpus.
        corpus: Rows to be found.
        k: Rows per query.
        exclude: Per query, the corpus rows that must not be found.
        device: Where to multiply: `auto`, `cpu`, `cuda`, `mps`.
    """
    search = _Search(np.ascontiguousarray(queries), np.ascontiguousarray(corpus), k, exclude, pick_device(device))
    if not search.best:
        return TopK(np.full((len(queries), k), -1, np.int64), np.full((len(queries), k), -np.inf, np.float32))
    parts = search.run(search.blocks())
    indices, scores = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return _ordered(indices, scores, k)


class _Search:
    """One search, block by block of queries."""

    def __init__(
        self,
        queries: NDArray[np.float32],
        corpus: NDArray[np.float32],
        k: int,
        exclude: Sequence[NDArray[Any]] | None,
        device: torch.device,
    ) -> None:
        import torch

        self.queries = queries
        self.exclude = exclude
        self.device = device
        self.best = min(k, len(corpus)) if len(queries) else 0
        self.rows = torch.from_numpy(corpus).to(device)
        self.corpus = self._coarse_corpus()

    def blocks(self) -> list[slice]:
        """Return slices of queries whose scores fit into memory, a share for each core where that is worth it."""
        count = len(self.queries)
        share = max(-(-count // self._workers()), LEAST_CELLS // len(self.rows))
        step = max(1, min(BLOCK_CELLS // len(self.rows), share))
        return [slice(start, min(start + step, count)) for start in range(0, count, step)]

    def run(self, blocks: list[slice]) -> list[Block]:
        """Return the results of blocks, computed side by side on a CPU."""
        from tasks.retrieval.cores import one_core_each

        if len(blocks) == 1 or self._workers() == 1:
            return [self.block(block) for block in blocks]
        with one_core_each(self._workers()) as pool:
            return list(pool.map(self.block, blocks))

    def block(self, block: slice) -> Block:
        """Return the best rows of some queries."""
        import torch

        with torch.inference_mode():
            queries = torch.from_numpy(self.queries[block]).to(self.device)
            left_out = self._left_out(block)
            if self.corpus is None:
                return self._plain(queries, left_out)
            return self._proven(queries, self.corpus, left_out)

    def _proven(self, queries: torch.Tensor, corpus: Corpus, left_out: tuple[torch.Tensor, torch.Tensor]) -> Block:
        from tasks.retrieval.coarse import best_rows

        found = best_rows(queries, corpus, self.best, left_out)
        indices, scores = found.indices.cpu().numpy(), found.scores.cpu().numpy()
        doubtful = (~found.is_proven).nonzero()[:, 0]
        if len(doubtful):
            again = self._plain(queries[doubtful], _among(left_out, doubtful, len(queries)))
            where = doubtful.cpu().numpy()
            indices[where], scores[where] = again
        return indices, scores

    def _plain(self, queries: torch.Tensor, left_out: tuple[torch.Tensor, torch.Tensor]) -> Block:
        from tasks.retrieval.coarse import largest

        scores = queries @ self.rows.T
        scores[left_out] = float("-inf")
        values, indices = largest(scores, self.best)
        return indices.cpu().numpy(), values.cpu().numpy()

    def _left_out(self, block: slice) -> tuple[torch.Tensor, torch.Tensor]:
        import torch

        rows = [np.asarray(rows, np.int64) for rows in self.exclude[block]] if self.exclude is not None else []
        queries = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
        columns = np.concatenate([np.empty(0, np.int64), *rows])
        return torch.from_numpy(queries).to(self.device), torch.from_numpy(columns).to(self.device)

    def _coarse_corpus(self) -> Corpus | None:
        from tasks.retrieval.coarse import PAYS_FROM, candidates_for, rounded

        cells = len(self.queries) * len(self.rows)
        is_large = len(self.queries) >= COARSE_QUERIES and cells >= COARSE_CELLS
        is_selective = len(self.rows) >= PAYS_FROM * candidates_for(self.best)
        # A GPU may add up bf16 products in bf16, which no bound covers; its float32 products are fast enough.
        is_faster = self.device.type == "cpu" and has_bf16(self.device)
        return rounded(self.rows) if is_large and is_selective and is_faster else None

    def _workers(self) -> int:
        import torch

        return torch.get_num_threads() if self.device.type == "cpu" else 1


def _among(
    left_out: tuple[torch.Tensor, torch.Tensor], chosen: torch.Tensor, count: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what is left out of some of the queries, whose numbers are those among the chosen."""
    import torch

    number = torch.full((count,), -1, dtype=torch.int64, device=chosen.device)
    number[chosen] = torch.arange(len(chosen), device=chosen.device)
    queries = number[left_out[0]]
    return queries[queries >= 0], left_out[1][queries >= 0]


def _ordered(indices: NDArray[np.int64], scores: NDArray[np.float32], k: int) -> TopK:
    order = np.lexsort((indices, -scores), axis=-1)
    result = TopK(np.full((len(indices), k), -1, np.int64), np.full((len(indices), k), -np.inf, np.float32))
    best = indices.shape[1]
    result.scores[:, :best] = np.take_along_axis(scores, order, axis=-1)
    result.indices[:, :best] = np.where(
        np.isneginf(result.scores[:, :best]), -1, np.take_along_axis(indices, order, axis=-1)
    )
    return result
