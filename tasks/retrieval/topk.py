"""The nearest rows of a corpus, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.retrieval.hardware import pick_device

BLOCK_CELLS: Final = 24_000_000


@dataclass(frozen=True, slots=True)
class TopK:
    """The best corpus rows of each query, best first; equal scores by row.

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

    Args:
        queries: Rows of the same width as the corpus.
        corpus: Rows to be found.
        k: Rows per query.
        exclude: Per query, the corpus rows that must not be found.
        device: Where to multiply: `auto`, `cpu`, `cuda`, `mps`.
    """
    import torch

    place = pick_device(device)
    rows = torch.from_numpy(np.ascontiguousarray(corpus)).to(place)
    indices = np.full((len(queries), k), -1, np.int64)
    scores = np.full((len(queries), k), -np.inf, np.float32)
    step = max(1, BLOCK_CELLS // max(1, len(corpus)))
    best = min(k, len(corpus))
    for start in range(0, len(queries), step):
        block = slice(start, min(start + step, len(queries)))
        found = torch.from_numpy(np.ascontiguousarray(queries[block])).to(place) @ rows.T
        for row, left_out in enumerate(exclude[block] if exclude is not None else ()):
            found[row, torch.as_tensor(left_out, dtype=torch.long, device=place)] = -torch.inf
        top = found.topk(best, dim=1)
        scores[block, :best] = top.values.cpu().numpy()
        indices[block, :best] = np.where(np.isfinite(scores[block, :best]), top.indices.cpu().numpy(), -1)
    return TopK(indices, scores)
