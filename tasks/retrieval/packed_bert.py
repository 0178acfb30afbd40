"""BERT on a CPU without padding: a batch's tokens are one matrix, and attention looks at equal lengths at once.

Four fifths of an encoder's work are its linear layers. Here their weights are laid out once as the processor wants them
(oneDNN's blocked format), GELU and bias are added while a product is still in the registers, and no row is padding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from tasks.retrieval.hardware import Precision
from tasks.retrieval.linear import Linear, stacked
from tasks.retrieval.pooling import Head, pool

FAMILIES: Final = frozenset({"bert", "roberta", "xlm-roberta", "camembert"})
"""Model types whose layers are BERT's: attention, then a feed-forward of two layers, each normalised after its sum."""

SCORE_CELLS: Final = 65_536
"""Attention scores held at once where several texts are short: 128 KiB in bf16, which stays in a core's cache."""

SAFE_TOTAL: Final = 1e30
"""Sums of exponentials up to here, and down to its inverse, have lost nothing to overflow or underflow."""


@dataclass(frozen=True, slots=True)
class Norm:
    """A layer normalisation."""

    weight: torch.Tensor
    bias: torch.Tensor
    eps: float

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        """Return normalised rows."""
        return functional.layer_norm(rows, self.weight.shape, self.weight, self.bias, self.eps)


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: queries, keys and values in one product, the queries scaled already."""

    attend: Linear
    merge: Linear
    norm_attention: Norm
    widen: Linear
    narrow: Linear
    norm_output: Norm


class PackedBert:
    """Turns rows of token ids into unit vectors.

    Args:
        model: A loaded BertModel or one of its family, in float32.
        head: Pooling and what follows.
        precision: What to compute in.
    """

    device = torch.device("cpu")

    def __init__(self, model: Any, head: Head, precision: Precision) -> None:  # a transformers model; ships no types
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        found = model.embeddings
        self._head = head
        self._heads = int(model.config.num_attention_heads)
        self._words = found.word_embeddings.weight.detach().to(dtype)
        places = found.position_embeddings.weight.detach() + found.token_type_embeddings.weight.detach()[0]
        # RoBERTa numbers its positions from behind the padding's; BERT from 0.
        offset = 0 if model.config.model_type == "bert" else int(found.padding_idx) + 1
        self._places = places[offset:].to(dtype)
        self._norm = _norm(found.LayerNorm, dtype)
        self._layers = [_layer(layer, dtype, self._heads) for layer in model.encoder.layer]

    def vectors(self, rows: list[NDArray[np.int64]]) -> torch.Tensor:
        """Return one unit row per row of token ids; rows of one length must stand together."""
        lengths = np.array([len(row) for row in rows], np.int64)
        first = np.flatnonzero(np.diff(lengths, prepend=-1))
        sizes = np.diff(np.append(first, len(rows)))
        groups = [(int(size), int(lengths[start])) for start, size in zip(first, sizes, strict=True)]
        with torch.inference_mode():
            hidden = self._hidden(np.concatenate(rows), lengths, groups)
            pooled = [pool(texts, None, self._head.pooling) for texts in _texts(hidden, groups)]
            return self._head.finish(torch.cat(pooled))

    def _hidden(
        self, ids: NDArray[np.int64], lengths: NDArray[np.int64], groups: list[tuple[int, int]]
    ) -> torch.Tensor:
        places = np.concatenate([np.arange(length) for length in lengths])
        hidden = functional.embedding(torch.from_numpy(ids), self._words)
        hidden += functional.embedding(torch.from_numpy(places), self._places)
        hidden = self._norm(hidden)
        for layer in self._layers:
            joined = layer.attend(hidden)
            attended = torch.empty_like(hidden)
            for part, into in zip(_texts(joined, groups), _texts(attended, groups), strict=True):
                self._attention(part, into)
            hidden = layer.norm_attention(layer.merge(attended).add_(hidden))
            hidden = layer.norm_output(layer.narrow(layer.widen(hidden)).add_(hidden))
        return hidden

    def _attention(self, joined: torch.Tensor, into: torch.Tensor) -> None:
        texts, length, width = into.shape
        step = max(1, SCORE_CELLS // (self._heads * length * length))
        for start in range(0, texts, step):
            part = joined[start : start + step]
            size = len(part)
            heads = part.view(size, length, 3, self._heads, -1).permute(2, 0, 3, 1, 4)
            query, key, value = heads.reshape(3, size * self._heads, length, width // self._heads)
            mixed = _mixed(query, key.transpose(1, 2), value)
            target = into[start : start + step].view(size, length, self._heads, -1)
            target.copy_(mixed.view(size, self._heads, length, -1).transpose(1, 2))


def can_pack(config: Any, device: torch.device) -> bool:  # a transformers configuration; ships no types
    """Return whether `PackedBert` computes what a model of this configuration does."""
    return (
        device.type == "cpu"
        and config.model_type in FAMILIES
        and config.hidden_act == "gelu"
        and not config.is_decoder
        and getattr(config, "position_embedding_type", "absolute") in (None, "absolute")
    )


def _mixed(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """Return softmax(query key) value.

    In bf16 the exponentials are divided by their sum only after the product, where a row is a head wide, and are not
    shifted by their maximum: a third less time than torch's softmax, and the same numbers wherever the sums are safe.
    """
    scores = torch.bmm(query, key)
    if scores.dtype == torch.bfloat16:
        weights = scores.exp_()
        totals = weights.sum(dim=-1, keepdim=True)
        least, most = totals.aminmax()
        if least > 1 / SAFE_TOTAL and most < SAFE_TOTAL:
            return torch.bmm(weights, value).div_(totals)
        scores = torch.bmm(query, key)
    return torch.bmm(torch.softmax(scores, dim=-1), value)


def _texts(rows: torch.Tensor, groups: list[tuple[int, int]]) -> Iterator[torch.Tensor]:
    """Yield texts x tokens x width for each group of texts of one length."""
    start = 0
    for size, length in groups:
        yield rows[start : start + size * length].view(size, length, -1)
        start += size * length


def _layer(layer: Any, dtype: torch.dtype, heads: int) -> Layer:  # a transformers module; ships no types
    attention = layer.attention
    own = attention.self
    scale = (own.query.weight.shape[0] // heads) ** -0.5
    return Layer(
        attend=stacked([(own.query, scale), (own.key, 1.0), (own.value, 1.0)], dtype),
        merge=stacked([(attention.output.dense, 1.0)], dtype),
        norm_attention=_norm(attention.output.LayerNorm, dtype),
        widen=stacked([(layer.intermediate.dense, 1.0)], dtype, has_gelu=True),
        narrow=stacked([(layer.output.dense, 1.0)], dtype),
        norm_output=_norm(layer.output.LayerNorm, dtype),
    )


def _norm(norm: Any, dtype: torch.dtype) -> Norm:  # a torch module of a transformers model
    return Norm(norm.weight.detach().to(dtype), norm.bias.detach().to(dtype), float(norm.eps))
