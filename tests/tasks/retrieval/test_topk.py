from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tasks.retrieval import coarse, topk
from tasks.retrieval.coarse import best_rows, largest, rounded
from tasks.retrieval.topk import exact_top_k

Matrix = NDArray[np.float32]
NOBODY = (torch.empty(0, dtype=torch.int64), torch.empty(0, dtype=torch.int64))


@pytest.fixture
def coarse_always(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Every search goes through bf16, whatever the processor; the list counts the blocks that did."""
    used: list[int] = []

    def counted(*arguments: Any) -> coarse.Found:
        used.append(1)
        return best_rows(*arguments)

    monkeypatch.setattr(topk, "COARSE_QUERIES", 1)
    monkeypatch.setattr(topk, "COARSE_CELLS", 1)
    monkeypatch.setattr(topk, "has_bf16", lambda device: True)
    monkeypatch.setattr(coarse, "best_rows", counted)
    return used


def test_the_best_rows_come_best_first() -> None:
    corpus = np.array([[1, 0], [0.6, 0.8], [0, 1], [-1, 0]], np.float32)

    found = exact_top_k(np.array([[1, 0], [0, 1]], np.float32), corpus, 3)

    assert found.indices.tolist() == [[0, 1, 2], [2, 1, 0]]
    assert found.scores.tolist() == [pytest.approx([1, 0.6, 0]), pytest.approx([1, 0.8, 0])]


def test_of_equal_scores_the_lower_row_comes_first() -> None:
    found = exact_top_k(np.ones((1, 2), np.float32), np.ones((5, 2), np.float32), 5)

    assert found.indices.tolist() == [[0, 1, 2, 3, 4]]


def test_excluded_rows_are_never_found_and_missing_ones_are_marked() -> None:
    corpus = np.eye(3, dtype=np.float32)

    found = exact_top_k(corpus[:2], corpus, 3, exclude=[np.array([0, 2]), np.array([], np.int64)])

    assert found.indices.tolist() == [[1, -1, -1], [1, 0, 2]]
    assert found.scores[0].tolist() == [0, -np.inf, -np.inf]


def test_more_rows_than_there_are_cannot_be_found() -> None:
    found = exact_top_k(np.ones((1, 2), np.float32), np.ones((2, 2), np.float32), 4)

    assert found.indices.tolist() == [[0, 1, -1, -1]]
    assert found.scores.dtype == np.float32


@pytest.mark.parametrize(("queries", "rows"), [(0, 3), (2, 0), (0, 0)])
def test_nothing_asked_or_nothing_there_is_fine(queries: int, rows: int) -> None:
    found = exact_top_k(np.ones((queries, 2), np.float32), np.ones((rows, 2), np.float32), 2)

    assert found.indices.shape == (queries, 2)
    assert (found.indices == -1).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 60), st.integers(1, 12), st.integers(0, 10_000))
def test_it_finds_what_sorting_finds(queries: int, rows: int, k: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    asked, corpus = unit(random, queries), unit(random, rows)
    exclude = [random.choice(rows, random.integers(0, rows + 1), replace=False) for _ in range(queries)]

    assert_exact(exact_top_k(asked, corpus, k, exclude=exclude), asked, corpus, k, exclude)


def test_candidates_of_bf16_give_the_rows_of_float32(coarse_always: list[int]) -> None:
    random = np.random.default_rng(4)
    asked, corpus = unit(random, 60, 48), unit(random, 6007, 48)
    exclude = [random.choice(6007, 30, replace=False) for _ in range(60)]

    found = exact_top_k(asked, corpus, 10, exclude=exclude)

    assert coarse_always
    assert_exact(found, asked, corpus, 10, exclude)


def test_rows_that_bf16_cannot_tell_apart_are_still_told_apart(coarse_always: list[int]) -> None:
    random = np.random.default_rng(5)
    corpus = unit(random, 1, 48) + 1e-4 * unit(random, 6000, 48)
    asked = unit(random, 40, 48)

    found = exact_top_k(asked, corpus, 10)

    assert coarse_always
    assert_exact(found, asked, corpus, 10, [np.empty(0, np.int64)] * 40)


def test_without_proof_a_query_is_computed_in_float32(coarse_always: list[int]) -> None:
    random = np.random.default_rng(6)
    clear, crowd = unit(random, 4000, 48), np.repeat(unit(random, 1, 48), 4000, axis=0)
    corpus = np.concatenate([clear, crowd])
    asked = np.concatenate([clear[:5], crowd[:1]])
    exclude = [np.array([7])] * 5 + [np.array([4000, 4001])]

    found = best_rows(torch.from_numpy(asked), rounded(torch.from_numpy(corpus)), 10, NOBODY)
    whole = exact_top_k(asked, corpus, 10, exclude=exclude)

    assert found.is_proven.tolist() == [True] * 5 + [False]
    assert_exact(whole, asked, corpus, 10, exclude)
    assert whole.indices[5].min() >= 4002


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 100))
def test_what_is_proven_is_so(seed: int, size: float) -> None:
    random = np.random.default_rng(seed)
    asked = torch.from_numpy(unit(random, 20, 16)) * size
    corpus = torch.from_numpy(unit(random, 4100, 16) * random.uniform(0.5, 2, (4100, 1)).astype(np.float32))

    found = best_rows(asked, rounded(corpus), 8, NOBODY)

    expected = (asked.double() @ corpus.double().T).topk(8, dim=1).values
    proven = found.scores.double()[found.is_proven]
    assert torch.allclose(proven, expected[found.is_proven], rtol=1e-5, atol=1e-5 * size)


def test_ordinary_vectors_are_nearly_always_proven() -> None:
    random = np.random.default_rng(7)
    asked, corpus = torch.from_numpy(unit(random, 64, 384)), torch.from_numpy(unit(random, 20_000, 384))

    assert best_rows(asked, rounded(corpus), 20, NOBODY).is_proven.float().mean() > 0.95


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 5), st.integers(64, 1000), st.integers(1, 6), st.integers(0, 10_000))
def test_the_largest_are_those_of_topk(queries: int, rows: int, count: int, seed: int) -> None:
    scores = torch.from_numpy(np.random.default_rng(seed).integers(0, 60, (queries, rows)).astype(np.float32))

    values, places = largest(scores.bfloat16(), count)

    assert torch.equal(values.float().sort(dim=1, descending=True).values, scores.topk(count, dim=1).values)
    assert torch.equal(scores.gather(1, places), values.float())
    assert all(len(set(row.tolist())) == count for row in places)


@pytest.mark.parametrize(("block", "least"), [(200, 2**20), (10_000_000, 1), (200, 1)])
def test_blocks_of_any_size_give_the_same(monkeypatch: pytest.MonkeyPatch, block: int, least: int) -> None:
    random = np.random.default_rng(8)
    asked, corpus = unit(random, 50), unit(random, 90)
    whole = exact_top_k(asked, corpus, 5)
    monkeypatch.setattr(topk, "BLOCK_CELLS", block)
    monkeypatch.setattr(topk, "LEAST_CELLS", least)

    found = exact_top_k(asked, corpus, 5)

    assert (found.indices == whole.indices).all()


@pytest.mark.gpu
def test_a_gpu_finds_what_the_cpu_finds() -> None:
    if not torch.cuda.is_available():
        pytest.skip("This machine has no CUDA device.")
    random = np.random.default_rng(9)
    asked, corpus = unit(random, 200, 48), unit(random, 100_000, 48)

    found = exact_top_k(asked, corpus, 10, device="cuda")

    assert_exact(found, asked, corpus, 10, [np.empty(0, np.int64)] * 200)


def unit(random: np.random.Generator, count: int, width: int = 8) -> Matrix:
    rows = random.standard_normal((count, width)).astype(np.float32)
    scaled: Matrix = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled


def assert_exact(found: topk.TopK, asked: Matrix, corpus: Matrix, k: int, exclude: list[NDArray[Any]]) -> None:
    """Scores are the k largest; each row has the score beside it; nothing excluded or twice."""
    scores = asked.astype(np.float64) @ corpus.astype(np.float64).T
    for row, left_out in enumerate(exclude):
        scores[row, left_out] = -np.inf
        expected = np.full(k, -np.inf)
        best = np.sort(scores[row])[::-1][:k]
        expected[: len(best)] = best
        is_there = found.indices[row] >= 0
        assert (is_there == np.isfinite(expected)).all()
        assert found.scores[row][is_there] == pytest.approx(expected[is_there], abs=2e-6)
        assert scores[row, found.indices[row][is_there]] == pytest.approx(found.scores[row][is_there], abs=2e-6)
        assert len(set(found.indices[row][is_there])) == is_there.sum()
