"""k-means of unit vectors by cosine, in torch, after Dhillon & Modha, Concept decompositions … (2001)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from tasks.retrieval.hardware import has_bf16, pick_device

if TYPE_CHECKING:
    import torch

BLOCK_CELLS: Final = 16_777_216
"""Similarities held at once."""

TOLERANCE: Final = 1e-4
"""Gain of the mean similarity below which rounds end."""


@dataclass(frozen=True, slots=True)
class Clustering:
    """Centres and assignments.

    Args:
        centres: k x d unit vectors.
        labels: For each vector, the centre it is nearest to.
        similarities: For each vector, its cosine to that centre.
        rounds: Rounds until nothing was gained.
    """

    centres: NDArray[np.float32]
    labels: NDArray[np.int64]
    similarities: NDArray[np.float32]
    rounds: int


def spherical_kmeans(
    vectors: NDArray[np.float32],
    k: int,
    *,
    iterations: int = 25,
    sample: int | None = None,
    seed: int = 13,
    device: str = "auto",
) -> Clustering:
    """Return k clusters of unit vectors, the same for the same seed on the same kind of device.

    Similarities are computed in bf16 where the device has it, centres always in fp32. A centre that nobody is nearest
    to moves to the vector that is farthest from its own.

    Args:
        vectors: n x d unit vectors, n at least k.
        k: Number of clusters.
        iterations: Most rounds.
        sample: Vectors that the centres are learned from; all if unset. All vectors are assigned in any case.
        seed: Draws the sample and the first centres.
        device: `auto`, `cpu`, `cuda` or `mps`.
    """
    import torch

    place = pick_device(device)
    kind = torch.bfloat16 if has_bf16(place) else torch.float32
    generator = np.random.default_rng(seed)
    size = len(vectors) if sample is None else min(sample, len(vectors))
    chosen = np.sort(generator.choice(len(vectors), size, replace=False)) if size < len(vectors) else slice(None)
    with torch.inference_mode():
        points = torch.from_numpy(np.ascontiguousarray(vectors[chosen])).to(place)
        quick = points.to(kind)
        centres = points[torch.from_numpy(generator.choice(size, k, replace=False)).to(place)].clone()
        before, rounds = -1.0, 0
        for rounds in range(1, iterations + 1):  # noqa: B007 - the last value is told
            labels, near = _assigned(quick, centres.to(kind))
            centres = _moved(points, labels, near, centres)
            mean = float(near.mean())
            if mean - before < TOLERANCE:
                break
            before = mean
        whole = torch.from_numpy(np.ascontiguousarray(vectors))
        labels, _ = _assigned(whole, centres.to(kind))
        nearest = _own_similarity(whole, labels, centres)
    return Clustering(centres.cpu().numpy(), labels.cpu().numpy(), nearest, rounds)


def _assigned(points: torch.Tensor, centres: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    import torch

    step = max(1, BLOCK_CELLS // len(centres))
    labels = torch.empty(len(points), dtype=torch.int64, device=centres.device)
    near = torch.empty(len(points), dtype=torch.float32, device=centres.device)
    turned = centres.T.contiguous()
    for start in range(0, len(points), step):
        block = points[start : start + step].to(centres.device, centres.dtype)
        best = (block @ turned).max(dim=1)
        labels[start : start + step] = best.indices
        near[start : start + step] = best.values.float()
    return labels, near


def _moved(points: torch.Tensor, labels: torch.Tensor, near: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
    import torch

    sums = torch.zeros_like(centres).index_add_(0, labels, points)
    counts = torch.bincount(labels, minlength=len(centres))
    empty = torch.nonzero(counts == 0).flatten()
    if len(empty):
        sums[empty] = points[near.topk(len(empty), largest=False).indices]
    return torch.nn.functional.normalize(sums, dim=1)


def _own_similarity(points: torch.Tensor, labels: torch.Tensor, centres: torch.Tensor) -> NDArray[np.float32]:
    import torch

    found = np.empty(len(points), np.float32)
    for start in range(0, len(points), 65_536):
        block = slice(start, start + 65_536)
        own = centres[labels[block]].cpu()
        found[block] = torch.einsum("nd,nd->n", points[block], own).numpy()
    return found
