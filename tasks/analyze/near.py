"""Pairs of vectors that are near each other: all of them, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from tasks.retrieval.hardware import has_bf16, pick_device

if TYPE_CHECKING:
    import torch

BLOCK_CELLS: Final = 4_194_304
"""Similarities held at once."""

LEAST_BF16_ROWS: Final = 4_096
"""Rows of a block from which bf16 is worth it: each new shape costs milliseconds to prepare."""

FEW_ROWS: Final = 32
"""Rows of a block up to which starting threads costs more than they save: most blocks are small."""

BF16_MARGIN: Final = 0.01
"""Most that bf16 can take from the cosine of unit vectors: 2^-8 in rounding both, 2^-9 in rounding their product."""


def near_pairs(
    vectors: NDArray[np.float32], blocks: NDArray[np.int64], near: float, *, device: str = "auto"
) -> Iterator[NDArray[np.int64]]:
    """Yield arrays of pairs (left < right) of rows in one block whose cosine is at least `near`, each pair once.

    Similarities are computed in bf16 where the device has it; what may be near by them is computed again in fp32.

    Args:
        vectors: Unit vectors; a row of zeros is near nothing.
        blocks: The block of each row; rows of different blocks are not compared.
        near: Lowest cosine, above 0.
        device: Where to multiply.
    """
    import torch

    place = pick_device(device)
    is_bf16 = has_bf16(place)
    order = np.argsort(blocks, kind="stable")
    starts = np.nonzero(np.diff(blocks[order], prepend=-1))[0]
    for rows in np.split(order, starts[1:]):
        if 1 < len(rows) <= FEW_ROWS:
            yield from _of_few(vectors[rows], rows, near)
        elif len(rows) > 1:
            yield from _within(
                torch.from_numpy(vectors[rows]).to(place), rows, near, is_bf16=is_bf16 and len(rows) >= LEAST_BF16_ROWS
            )


def _of_few(vectors: NDArray[np.float32], rows: NDArray[np.int64], near: float) -> Iterator[NDArray[np.int64]]:
    left, right = np.nonzero(np.triu(np.einsum("id,jd->ij", vectors, vectors) >= near, 1))
    if len(left):
        yield np.stack([rows[left], rows[right]], axis=1)


def _within(exact: torch.Tensor, rows: NDArray[np.int64], near: float, *, is_bf16: bool) -> Iterator[NDArray[np.int64]]:
    quick = exact.bfloat16() if is_bf16 else exact
    least = near - BF16_MARGIN if is_bf16 else near
    start = 0
    while start < len(rows) - 1:
        stop = min(len(rows), start + max(1, BLOCK_CELLS // (len(rows) - start)))
        found = _candidates(quick, start, stop, least)
        cosine = (exact[found[:, 0]] * exact[found[:, 1]]).sum(dim=1)
        pairs = found[cosine >= near].cpu().numpy()
        if len(pairs):
            yield np.sort(rows[pairs], axis=1)
        start = stop


def _candidates(quick: torch.Tensor, start: int, stop: int, least: float) -> torch.Tensor:
    """Pairs of a row from start to stop with a later row."""
    import torch

    similar = quick[start:stop] @ quick[start:].T
    found = torch.nonzero(similar >= least)
    return found[found[:, 1] > found[:, 0]] + start
