"""A transformer in torch as an encoder: each text once, alike lengths together, every core at work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from tasks.retrieval.cores import one_core_each
from tasks.retrieval.hardware import Precision
from tasks.retrieval.layout import TextKind
from tasks.retrieval.packing import distinct, even_budget, pack

SLICE: Final = 16_384
"""Texts tokenised and sorted together: enough for batches of nearly equal lengths, little enough to hold."""

CUDA_FACTOR: Final = 16


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


class TorchEncoder:
    """Encodes with a transformer. A text's vector is the same up to rounding, whatever texts stand beside it.

    Args:
        network: The loaded model.
        name: What it was opened as.
        digest: Of the files it was loaded from.
        token_budget: Padded tokens per batch; each core has a batch of its own, and a GPU's are 16 times as large.
        prompts: What is put before each text, by its kind.
        commit: The hub's commit that it was loaded from, where it came from there.
    """

    def __init__(
        self,
        network: Network,
        *,
        name: str,
        digest: str,
        token_budget: int,
        prompts: Mapping[TextKind, str],
        commit: str | None = None,
    ) -> None:
        self.network = network
        self.name = name
        self.digest = digest
        self.prompts = dict(prompts)
        self.commit = commit
        self.tokens = 0
        """Tokens encoded so far, padding left out."""
        kind = network.transformer.device.type
        self._workers = torch.get_num_threads() if kind == "cpu" else 1
        self.factor = CUDA_FACTOR if kind == "cuda" else 1
        """How much more the device takes at once than a CPU."""
        self._budget = token_budget * self.factor

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return self.network.dimension

    @property
    def precision(self) -> Precision:
        """What the transformer computes in."""
        return self.network.precision

    @property
    def max_tokens(self) -> int:
        """Longer texts are cut here."""
        return self.network.max_tokens

    @property
    def made_by(self) -> dict[str, str | int]:
        """What decides a passage's vector: only vectors that agree in all of it may stand side by side."""
        return {
            "digest": self.digest,
            "precision": self.precision,
            "max_tokens": self.max_tokens,
            "prompt": self.prompts["passage"],
        }

    def encode(self, texts: Sequence[str], kind: TextKind = "passage") -> NDArray[np.float32]:
        """Return one float32 unit row per text, in order. Equal texts are encoded once, blank ones are zeros."""
        found = distinct(texts)
        vectors = np.zeros((len(found.texts), self.dimension), np.float32)
        filled = [place for place, text in enumerate(found.texts) if text.strip()]
        filled.sort(key=lambda place: (-len(found.texts[place]), found.texts[place]))
        slices = [np.array(filled[start : start + SLICE]) for start in range(0, len(filled), SLICE)]
        for places, tokens in self._tokenised(found.texts, slices, self.prompts[kind]):
            lengths = np.array([len(row) for row in tokens], np.int64)
            self.tokens += int(lengths.sum())
            batches = pack(lengths, even_budget(int(lengths.sum()), self._budget, self._workers))
            for batch, result in zip(batches, self._computed(tokens, batches), strict=True):
                vectors[places[batch]] = result
        return vectors[found.positions]

    def _tokenised(
        self, texts: list[str], slices: list[NDArray[np.int64]], prompt: str
    ) -> Iterator[tuple[NDArray[np.int64], list[NDArray[np.int64]]]]:
        # The tokenizer runs outside Python's lock: the next slice is tokenised while this one is multiplied.
        with ThreadPoolExecutor(max_workers=1) as pool:
            ahead = [pool.submit(self._tokenise, [prompt + texts[place] for place in places]) for places in slices[:1]]
            for number, places in enumerate(slices):
                tokens = ahead.pop().result()
                if number + 1 < len(slices):
                    later = [prompt + texts[place] for place in slices[number + 1]]
                    ahead.append(pool.submit(self._tokenise, later))
                yield places, tokens

    def _tokenise(self, texts: list[str]) -> list[NDArray[np.int64]]:
        encodings = self.network.tokenizer.encode_batch_fast(texts)
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
