"""Linear layers on a CPU, their weights laid out once as oneDNN wants them, where torch offers that."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch.nn import functional

ROWS_HINT: Final = 1024
"""The number of rows that the layout is chosen for; any number works."""


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear layer, with GELU behind it where `has_gelu`. `is_packed` weights are oneDNN's own layout."""

    weight: torch.Tensor
    bias: torch.Tensor
    has_gelu: bool
    is_packed: bool

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the layer's output for rows."""
        if self.is_packed:
            name, variant = ("gelu", "none") if self.has_gelu else ("none", "")
            packed: torch.Tensor = torch.ops.mkldnn._linear_pointwise(rows, self.weight, self.bias, name, [], variant)
            return packed
        product = functional.linear(rows, self.weight, self.bias)
        return functional.gelu(product) if self.has_gelu else product


def stacked(layers: Sequence[tuple[Any, float]], dtype: torch.dtype, *, has_gelu: bool = False) -> Linear:
    """Return layers of one input as a single one.

    Args:
        layers: torch.nn.Linear modules in float32, each with a factor for its output.
        dtype: What to compute in; weights are scaled before they are rounded to it.
        has_gelu: Whether GELU follows.
    """
    with torch.inference_mode():
        weight = torch.cat([layer.weight.detach() * factor for layer, factor in layers]).to(dtype)
        bias = torch.cat([layer.bias.detach() * factor for layer, factor in layers]).to(dtype)
        if not can_lay_out(dtype):
            return Linear(weight, bias, has_gelu=has_gelu, is_packed=False)
        laid_out = torch.ops.mkldnn._reorder_linear_weight(weight, ROWS_HINT)
        return Linear(laid_out, bias, has_gelu=has_gelu, is_packed=True)


def can_lay_out(dtype: torch.dtype) -> bool:
    """Return whether this torch and processor have oneDNN's linear layer (what torch.compile itself calls)."""
    return (
        platform.machine() in {"x86_64", "AMD64"}
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
        and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")
        and (dtype != torch.bfloat16 or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()))
    )
