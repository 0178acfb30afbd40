"""Exact top-100 against the bare bf16 matrix product, which every exact search needs at least."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tasks.retrieval.hardware import bf16_unit
from tasks.retrieval.topk import exact_top_k
from tests.benchmarks.conftest import Ledger

QUERIES, CORPUS, WIDTH, K = 1_000, 100_000, 384, 100
ROUNDS = 5
MOST = 1.6


@pytest.mark.benchmark
def test_exact_top_100_takes_little_longer_than_the_product(ledger: Ledger) -> None:
    import faiss

    random = np.random.default_rng(13)
    queries, corpus = unit(random, QUERIES), unit(random, CORPUS)
    dtype = torch.float32 if bf16_unit() == "none" else torch.bfloat16
    left, right = torch.from_numpy(queries).to(dtype), torch.from_numpy(corpus).to(dtype).T
    flat = faiss.IndexFlatIP(WIDTH)
    flat.add(corpus)
    works: dict[str, Callable[[], object]] = {
        "ours": lambda: exact_top_k(queries, corpus, K),
        "product": lambda: left @ right,
        "faiss": lambda: flat.search(queries, K),
    }
    best = dict.fromkeys(works, float("inf"))
    for _ in range(ROUNDS):
        for name, work in works.items():
            begun = time.perf_counter()
            work()
            best[name] = min(best[name], time.perf_counter() - begun)

    ratio = best["ours"] / best["product"]
    ledger.add(
        work=f"exact top-{K} of {QUERIES:,} x {CORPUS:,} x {WIDTH}",
        peer=f"torch's bare {str(dtype).removeprefix('torch.')} matrix product",
        needs=f"≤ {MOST}x",
        ours=f"{best['ours']:.3f} s",
        theirs=f"{best['product']:.3f} s",
        ratio=ratio,
        is_met=ratio <= MOST,
    )
    found = exact_top_k(queries, corpus, K)
    expected = flat.search(queries, K)[1]
    recall = np.mean([len(np.intersect1d(*rows)) / K for rows in zip(found.indices, expected, strict=True)])
    ledger.note(f"The same top-{K} by faiss's flat float32 index: {best['faiss']:.3f} s; rows agree to {recall:.5f}.")
    assert recall >= 0.999
    assert ratio <= MOST


def unit(random: np.random.Generator, count: int) -> NDArray[np.float32]:
    rows = random.standard_normal((count, WIDTH), dtype=np.float32)
    scaled: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled
