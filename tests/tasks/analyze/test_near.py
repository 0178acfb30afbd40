from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.analyze import near
from tasks.analyze.near import near_pairs


def vectors(rows: int, seed: int = 3) -> NDArray[np.float32]:
    """Unit vectors near a few directions, so that cosines of every size occur."""
    rng = np.random.default_rng(seed)
    found = rng.standard_normal((12, 24))[rng.integers(12, size=rows)] + 0.4 * rng.standard_normal((rows, 24))
    unit: NDArray[np.float32] = (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)
    return unit


def expected(found: NDArray[np.float32], blocks: NDArray[np.int64], least: float) -> set[tuple[int, int]]:
    cosine = found @ found.T
    same = blocks[:, None] == blocks[None, :]
    left, right = np.nonzero(np.triu((cosine >= least) & same, 1))
    return set(zip(left.tolist(), right.tolist(), strict=True))


def listed(found: NDArray[np.float32], blocks: NDArray[np.int64], least: float) -> list[tuple[int, int]]:
    return [(a, b) for pairs in near_pairs(found, blocks, least, device="cpu") for a, b in pairs.tolist()]


@pytest.mark.parametrize("cells", [7, 1_000, 10**9])
@pytest.mark.parametrize("is_bf16", [True, False])
def test_all_pairs_of_a_block_are_found_once_in_any_memory(
    cells: int, is_bf16: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(near, "BLOCK_CELLS", cells)
    monkeypatch.setattr(near, "LEAST_BF16_ROWS", 1)
    monkeypatch.setattr(near, "has_bf16", lambda _: is_bf16)
    found = vectors(150)
    blocks = np.random.default_rng(0).integers(3, size=150)
    pairs = listed(found, blocks, 0.85)
    assert len(pairs) == len(set(pairs)) > 50
    assert set(pairs) == expected(found, blocks, 0.85)


def test_small_blocks_are_compared_too() -> None:
    found = vectors(120)
    blocks = np.arange(120) % 10
    assert set(listed(found, blocks, 0.8)) == expected(found, blocks, 0.8)


def test_rows_of_different_blocks_are_never_a_pair() -> None:
    same = np.repeat(vectors(1), 4, axis=0)
    assert listed(same, np.arange(4), 0.9) == []


def test_a_row_of_zeros_is_near_nothing() -> None:
    assert listed(np.zeros((3, 4), np.float32), np.zeros(3, np.int64), 0.5) == []


def test_nothing_has_no_pairs() -> None:
    assert listed(np.empty((0, 4), np.float32), np.empty(0, np.int64), 0.5) == []
