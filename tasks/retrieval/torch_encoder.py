"""A transformer in torch as an encoder: alike lengths together, every core at work."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from tasks.retrieval.cores import one_core_each
from tasks.retrieval.hardware import Precision
from tasks.retrieval.layout import TextKind
from tasks.retrieval.opened import OpenedEncoder, Origin, factor_of
from tasks.retrieval.packing import even_budget, pack

SLICE: Final = 16_384
"""Texts tokenised and sorted together: enough for batches of nearly equal lengths, little enough to hold."""


class Transformer(Protocol):
    """Token ids to vectors, on one device."""

    @property
    def device(self) -> torch.device:
        """Where the work is done."""
        ...

    def vectors(self, rows: list[NDArray[np.int64]]) -> torch.Tensor:
        """Return one unit row per row of token ids."""
        ...


@dataclass(frozen=True, slots=True)
class Network:
    """A loaded model and what is to be known of it."""

    tokenizer: Any  # tokenizers.Tokenizer ships no types
    transformer: Transformer
    dimension: int
    precision: Precision
    max_tokens: int


class TorchEncoder(OpenedEncoder):
    """Encodes with a transformer.

    Args:
        network: The loaded model.
        origin: Where it came from.
        token_budget: Padded tokens per batch; each core has a batch of its own, and a GPU's are 16 times as large.
    """

    def __init__(self, network: Network, origin: Origin, *, token_budget: int) -> None:
        super().__init__(
            origin, dimension=network.dimension, precision=network.precision, max_tokens=network.max_tokens
        )
        self.network = network
        self.tokens: int = 0
        kind = network.transformer.device.type
        self._workers = torch.get_num_threads() if kind == "cpu" else 1
        self.factor = factor_of(network.transformer.device)
        self._budget = token_budget * self.factor

    def _encoded(self, texts: list[str], kind: TextKind) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        for start, tokens in self._tokenised(texts, self.prompts[kind]):
            lengths = np.array([len(row) for row in tokens], np.int64)
            self.tokens += int(lengths.sum())
            batches = pack(lengths, even_budget(int(lengths.sum()), self._budget, self._workers))
            for batch, result in zip(batches, self._computed(tokens, batches), strict=True):
                yield start + batch, result

    def _tokenised(self, texts: list[str], prompt: str) -> Iterator[tuple[int, list[NDArray[np.int64]]]]:
        # The tokenizer runs outside Python's lock: the next slice is tokenised while this one is multiplied.
        starts = range(0, len(texts), SLICE)
        with ThreadPoolExecutor(max_workers=1) as pool:
            ahead = [pool.submit(self._tokenise, texts[:SLICE], prompt)]
            for start in starts:
                tokens = ahead.pop().result()
                ahead.append(pool.submit(self._tokenise, texts[start + SLICE : start + 2 * SLICE], prompt))
                yield start, tokens

    def _tokenise(self, texts: list[str], prompt: str) -> list[NDArray[np.int64]]:
        encodings = self.network.tokenizer.encode_batch_fast([prompt + text for text in texts])
        return [np.array(encoding.ids, np.int64) for encoding in encodings]

    def _computed(
        self, tokens: list[NDArray[np.int64]], batches: list[NDArray[np.int64]]
    ) -> Iterator[NDArray[np.float32]]:
        rows = ([tokens[row] for row in batch] for batch in batches)
        transformer = self.network.transformer
        if self._workers == 1 or len(batches) == 1:
            # All batches are handed to the device before the first is fetched: a GPU never waits for the copy back.
            results = [transformer.vectors(batch) for batch in rows]
            yield from (result.cpu().numpy() for result in results)
            return
        with one_core_each(self._workers) as pool:
            yield from pool.map(lambda batch: transformer.vectors(batch).numpy(), rows)
