from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tasks.analyze import kmeans
from tasks.analyze.kmeans import Learning, spherical_kmeans, summed

KINDS, WIDTH = 5, 32


def blobs(each: int, noise: float = 0.03, seed: int = 0) -> NDArray[np.float32]:
    """Unit vectors around five orthogonal directions, `each` of every one, in order."""
    rng = np.random.default_rng(seed)
    vectors = np.repeat(np.eye(KINDS, WIDTH, dtype=np.float32), each, axis=0)
    vectors += noise * rng.standard_normal(vectors.shape).astype(np.float32)
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


@pytest.mark.parametrize("is_bf16", [True, False])
def test_blobs_are_recovered(is_bf16: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kmeans, "has_bf16", lambda _: is_bf16)
    vectors = blobs(40)
    best = max((spherical_kmeans(vectors, KINDS, Learning(seed=seed), device="cpu") for seed in range(8)), key=_mean)
    assert [set(best.labels[start : start + 40].tolist()) for start in range(0, 200, 40)] == [
        {int(best.labels[start])} for start in range(0, 200, 40)
    ]
    assert len(set(best.labels.tolist())) == KINDS


def _mean(found: kmeans.Clustering) -> float:
    return float(found.similarities.mean())


def test_the_same_seed_gives_the_same_clusters_and_another_seed_others() -> None:
    vectors = blobs(60, noise=0.5)
    first, again, other = (spherical_kmeans(vectors, 9, Learning(seed=seed), device="cpu") for seed in (1, 1, 2))
    assert np.array_equal(first.labels, again.labels)
    assert np.array_equal(first.centres, again.centres)
    assert not np.array_equal(first.centres, other.centres)


def test_similarities_are_exact_cosines_to_unit_centres() -> None:
    vectors = blobs(50, noise=0.3)
    found = spherical_kmeans(vectors, 7, Learning(), device="cpu")
    assert np.linalg.norm(found.centres, axis=1) == pytest.approx(np.ones(7), abs=1e-5)
    own = np.einsum("nd,nd->n", vectors, found.centres[found.labels])
    assert found.similarities == pytest.approx(own, abs=1e-5)


def test_every_vector_is_nearest_to_its_own_centre_but_for_rounding() -> None:
    vectors = blobs(50, noise=0.3)
    found = spherical_kmeans(vectors, 7, Learning(), device="cpu")
    assert found.similarities == pytest.approx((vectors @ found.centres.T).max(axis=1), abs=0.02)


def test_rounds_never_lower_the_mean_similarity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kmeans, "has_bf16", lambda _: False)
    vectors = blobs(60, noise=0.5)
    means = [
        _mean(spherical_kmeans(vectors, 8, Learning(rounds, tolerance=None), device="cpu")) for rounds in range(1, 10)
    ]
    assert all(later >= earlier - 1e-6 for earlier, later in pairwise(means))


def test_rounds_end_when_nothing_is_gained_unless_all_are_asked_for() -> None:
    vectors = blobs(40)
    assert spherical_kmeans(vectors, KINDS, Learning(50), device="cpu").rounds < 50
    assert spherical_kmeans(vectors, KINDS, Learning(50, tolerance=None), device="cpu").rounds == 50


def test_a_centre_that_nobody_is_nearest_to_moves_to_the_farthest_vector() -> None:
    points = torch.tensor([[1.0, 0.0], [0.8, 0.6], [1.0, 0.0]])
    labels, near = torch.tensor([0, 0, 0]), torch.tensor([1.0, 0.8, 1.0])
    moved = kmeans._moved(points, labels, near, torch.zeros(2, 2))
    assert moved[1].tolist() == pytest.approx([0.8, 0.6])


def test_no_cluster_is_empty_while_there_are_vectors_apart() -> None:
    vectors = np.repeat(blobs(1, noise=0), 30, axis=0)
    for seed in range(5):
        found = spherical_kmeans(vectors, KINDS, Learning(seed=seed), device="cpu")
        assert len(set(found.labels.tolist())) == KINDS


def test_centres_learned_from_a_sample_still_assign_all() -> None:
    vectors = blobs(200)
    found = spherical_kmeans(vectors, KINDS, Learning(sample=100), device="cpu")
    assert found.labels.shape == (len(vectors),)
    assert _mean(found) > 0.7


def test_as_many_clusters_as_vectors_are_all_of_one() -> None:
    vectors = blobs(2, noise=0.5)
    found = spherical_kmeans(vectors, len(vectors), Learning(sample=3), device="cpu")
    assert sorted(found.labels.tolist()) == list(range(len(vectors)))


def test_clusters_do_not_depend_on_the_size_of_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = blobs(60, noise=0.5)
    whole = spherical_kmeans(vectors, 6, Learning(), device="cpu")
    monkeypatch.setattr(kmeans, "BLOCK_CELLS", 6 * 17)
    assert np.array_equal(spherical_kmeans(vectors, 6, Learning(), device="cpu").labels, whole.labels)


def test_both_ways_to_add_give_the_sums_of_each_label(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kmeans, "BLOCK_CELLS", 40)
    points, labels = torch.from_numpy(blobs(20)), torch.arange(100) % 4 * 2  # 1, 3, 5, 7 and 8 have no points
    expected = np.stack([points[labels == label].numpy().sum(axis=0) for label in range(9)])
    for is_product in (True, False):
        assert summed(points, labels, 9, is_product=is_product).numpy() == pytest.approx(expected, abs=1e-5)
