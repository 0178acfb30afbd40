"""Token vectors to one unit vector per text, as the model's makers pooled them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import torch

from tasks.errors import EncoderError
from tasks.retrieval.layout import Activation, DenseLayout, Pooling

ACTIVATIONS: Final[Mapping[Activation, Callable[[torch.Tensor], torch.Tensor]]] = {
    "Tanh": torch.tanh,
    "Identity": torch.nn.Identity(),
    "ReLU": torch.relu,
    "GELU": torch.nn.functional.gelu,
}


@dataclass(frozen=True, slots=True)
class Dense:
    """One linear layer behind the pooling, computed in float32."""

    weight: torch.Tensor
    bias: torch.Tensor | None
    activation: Activation

    def __call__(self, vectors: torch.Tensor) -> torch.Tensor:
        """Return the layer's output."""
        return ACTIVATIONS[self.activation](torch.nn.functional.linear(vectors, self.weight, self.bias))


@dataclass(frozen=True, slots=True)
class Head:
    """Pooling, dense layers and normalisation. Everything after the transformer is computed in float32."""

    pooling: Pooling
    dense: tuple[Dense, ...]
    dimension: int

    def finish(self, vectors: torch.Tensor) -> torch.Tensor:
        """Return unit rows from pooled ones."""
        for layer in self.dense:
            vectors = layer(vectors)
        return torch.nn.functional.normalize(vectors, dim=1)


def pool(hidden: torch.Tensor, mask: torch.Tensor | None, pooling: Pooling) -> torch.Tensor:
    """Return one float32 vector per text from texts x tokens x dimensions.

    Args:
        hidden: The token vectors.
        mask: 1 where there is a token, 0 where there is padding, always at a row's end; None where there is none.
        pooling: How the model's makers pooled.
    """
    if pooling == "cls":
        return hidden[:, 0].float()
    if mask is None:
        mask = torch.ones(hidden.shape[:2], dtype=torch.int64, device=hidden.device)
    if pooling == "lasttoken":
        return hidden[torch.arange(len(hidden), device=hidden.device), mask.sum(1) - 1].float()
    if pooling == "max":
        return hidden.masked_fill(mask[:, :, None] == 0, -torch.inf).amax(1).float()
    # One batched product sums the tokens; it accumulates in float32.
    summed = torch.bmm(mask[:, None].to(hidden.dtype), hidden)[:, 0].float()
    counts = mask.sum(1, keepdim=True).float()
    return summed / (counts if pooling == "mean" else counts.sqrt())


def load_head(pooling: Pooling, dense: Sequence[DenseLayout], hidden_size: int, device: torch.device) -> Head:
    """Return what stands behind a transformer.

    Raises:
        EncoderError: A dense layer cannot be read.
    """
    layers = tuple(_load_dense(layer, device) for layer in dense)
    return Head(pooling, layers, int(layers[-1].weight.shape[0]) if layers else hidden_size)


def _load_dense(layer: DenseLayout, device: torch.device) -> Dense:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        weights = load_file(layer.folder / "model.safetensors")
        weight = weights["linear.weight"].float().to(device)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise EncoderError(
            model=str(layer.folder), problem="a dense layer cannot be read.", fix="Get its model.safetensors again."
        ) from error
    bias = weights.get("linear.bias")
    return Dense(weight, None if bias is None else bias.float().to(device), layer.activation)
