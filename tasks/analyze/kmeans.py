"""k-means of unit vectors by cosine, in torch, after Dhillon & Modha, Concept decompositions … (2001)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from tasks.retrieval.hardware import has_bf16, pick_device

if TYPE_CHECKING:
    import torch

BLOCK_ROWS: Final = {"cpu": 2_048}
"""Vectors compared at once. On a CPU a block and its similarities stay in the cache."""

MOST_BLOCK_ROWS: Final = 65_536
BLOCK_CELLS: Final = 16_777_216
"""Similarities held at once, however many centres there are."""

TOLERANCE: Final = 1e-4
"""Gain of the mean similarity below which rounds end."""


@dataclass(frozen=True, slots=True)
class Learning:
    """How centres are learned.

    Args:
        iterations: Most rounds.
        tolerance: Rounds end when one gains less of the mean similarity; all rounds are done if None.
        sample: Vectors that the centres are learned from; all if unset. All vectors are assigned in any case.
        seed: Draws the sample and the first centres.
    """

    iterations: int = 25
    tolerance: float | None = TOLERANCE
    sample: int | None = None
    seed: int = 13


@dataclass(frozen=True, slots=True)
class Clustering:
    """Centres and assignments.

    Args:
        centres: k x d unit vectors.
        labels: For each vector, the centre it is nearest to.
        similarities: For each vector, its cosine to that centre, in fp32.
        rounds: Rounds done.
    """

    centres: NDArray[np.float32]
    labels: NDArray[np.int64]
    similarities: NDArray[np.float32]
    rounds: int


def spherical_kmeans(vectors: NDArray[np.float32], k: int, learning: Learning, *, device: str = "auto") -> Clustering:
    """Return k clusters of unit vectors, the same for the same seed on the same kind of device.

    The first centres are vectors drawn by the seed. Nearest centres are found in bf16 where the device has it; centres
    are summed in fp32. A centre that nobody is nearest to moves to the vector that is farthest from its own.

    Args:
        vectors: n x d unit vectors, n at least k.
        k: Number of clusters.
        learning: How the centres are learned.
        device: `auto`, `cpu`, `cuda` or `mps`.
    """
    import torch

    place = pick_device(device)
    kind = torch.bfloat16 if has_bf16(place) else torch.float32
    generator = np.random.default_rng(learning.seed)
    size = len(vectors) if learning.sample is None else max(k, min(learning.sample, len(vectors)))
    chosen = np.sort(generator.choice(len(vectors), size, replace=False)) if size < len(vectors) else slice(None)
    with torch.inference_mode():
        points = torch.from_numpy(np.ascontiguousarray(vectors[chosen])).to(place)
        quick = points.to(kind)
        centres = points[torch.from_numpy(generator.choice(size, k, replace=False)).to(place)].clone()
        before, rounds = -torch.inf, 0
        while rounds < learning.iterations:
            rounds += 1
            labels, near = _assigned(quick, centres.to(kind))
            centres = _moved(points, labels, near, centres)
            mean = float(near.mean())
            if learning.tolerance is not None and mean - before < learning.tolerance:
                break
            before = mean
        labels, similarities = _assigned(torch.from_numpy(np.ascontiguousarray(vectors)), centres.to(kind), centres)
    return Clustering(centres.cpu().numpy(), labels.cpu().numpy(), similarities.cpu().numpy(), rounds)


def _assigned(
    points: torch.Tensor, centres: torch.Tensor, exact: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """The nearest centre of each point, and the cosine to it: as computed, or in fp32 by the `exact` centres."""
    import torch

    place = centres.device
    step = max(1, min(BLOCK_ROWS.get(place.type, MOST_BLOCK_ROWS), BLOCK_CELLS // len(centres)))
    labels = torch.empty(len(points), dtype=torch.int64, device=place)
    near = torch.empty(len(points), dtype=torch.float32, device=place)
    cosines = torch.empty((min(step, len(points)), len(centres)), dtype=centres.dtype, device=place)
    turned = centres.T.contiguous()
    for start in range(0, len(points), step):
        block, part = points[start : start + step].to(place), slice(start, start + step)
        found = torch.mm(block.to(centres.dtype), turned, out=cosines[: len(block)])  # new memory costs as much again
        labels[part], near[part] = _nearest(found)
        if exact is not None and exact.dtype != centres.dtype:
            near[part] = (block * exact[labels[part]]).sum(dim=1)
    return labels, near


def _nearest(cosines: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The place of each row's largest number, and the number."""
    import torch

    if cosines.device.type != "cpu":
        largest = cosines.max(dim=1)
        return largest.indices, largest.values
    # NumPy's `argmax` and a look at what it found take a quarter of the time of torch's `max`.
    labels = torch.from_numpy(cosines.float().numpy().argmax(axis=1))
    return labels, cosines.gather(1, labels[:, None])[:, 0]


def _moved(points: torch.Tensor, labels: torch.Tensor, near: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
    import torch

    sums = summed(points, labels, len(centres), is_product=points.device.type != "cpu")
    empty = torch.nonzero(torch.bincount(labels, minlength=len(centres)) == 0).flatten()
    if len(empty):
        sums[empty] = points[near.topk(len(empty), largest=False).indices]
    return torch.nn.functional.normalize(sums, dim=1)


def summed(points: torch.Tensor, labels: torch.Tensor, k: int, *, is_product: bool) -> torch.Tensor:
    """Return the sum of each label's points.

    Args:
        points: n x d.
        labels: For each point, 0 to k - 1.
        k: Number of sums.
        is_product: Add by a product of matrices, which accelerators do in a fixed order and fast.
    """
    import torch

    if not is_product:
        starts = torch.bincount(labels, minlength=k).cumsum(0)
        starts = torch.cat([starts.new_zeros(1), starts[:-1]])
        return torch.nn.functional.embedding_bag(torch.argsort(labels, stable=True), points, starts, mode="sum")
    sums = torch.zeros((k, points.shape[1]), dtype=points.dtype, device=points.device)
    step = max(1, BLOCK_CELLS // k)
    for start in range(0, len(points), step):
        belongs = torch.nn.functional.one_hot(labels[start : start + step], k).to(points.dtype)
        sums += belongs.T @ points[start : start + step]
    return sums
