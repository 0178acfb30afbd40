"""A transformer in torch as an encoder: tokens in batches of equal work, pooled to unit vectors."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from tasks.errors import EncoderError
from tasks.retrieval.hardware import Precision
from tasks.retrieval.layout import Layout
from tasks.retrieval.packing import distinct, pack
from tasks.retrieval.pooling import Head, load_head

SLICE: Final = 16_384
"""Texts tokenised and sorted together: enough for batches of nearly equal lengths, little enough to hold."""

CUDA_BUDGET_FACTOR: Final = 16


@dataclass(frozen=True, slots=True)
class Network:
    """A loaded model: tokenizer, transformer and head, on one device in one precision."""

    tokenizer: Any  # tokenizers.Tokenizer ships no types
    transformer: Any  # a transformers model; ships no types
    head: Head
    device: torch.device
    precision: Precision
    max_tokens: int
    pad_id: int


class TorchEncoder:
    """Encodes with a transformer. The same text gets the same vector up to rounding, whatever stands beside it.

    Args:
        network: The loaded model.
        name: What it was opened as.
        digest: Of the files it was loaded from.
        token_budget: Padded tokens per batch on a CPU; a GPU takes 16 times as many.
        prompt: What is put before each text.
    """

    def __init__(self, network: Network, *, name: str, digest: str, token_budget: int, prompt: str) -> None:
        self.network = network
        self.name = name
        self.digest = digest
        self.prompt = prompt
        self._budget = token_budget * (CUDA_BUDGET_FACTOR if network.device.type == "cuda" else 1)
        self.tokens = 0
        """Tokens encoded so far, padding left out."""

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return self.network.head.dimension

    @property
    def precision(self) -> Precision:
        """What the transformer computes in."""
        return self.network.precision

    @property
    def max_tokens(self) -> int:
        """Longer texts are cut here."""
        return self.network.max_tokens

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one float32 unit row per text, in order. Equal texts are encoded once, blank ones are zeros."""
        found = distinct(texts)
        vectors = np.zeros((len(found.texts), self.dimension), np.float32)
        filled = [place for place, text in enumerate(found.texts) if text.strip()]
        filled.sort(key=lambda place: -len(found.texts[place]))
        slices = [np.array(filled[start : start + SLICE]) for start in range(0, len(filled), SLICE)]
        for places, tokens in self._tokenised(found.texts, slices):
            self._encode_slice(tokens, places, vectors)
        return vectors[found.positions]

    def _tokenised(
        self, texts: list[str], slices: list[NDArray[np.int64]]
    ) -> Iterator[tuple[NDArray[np.int64], list[NDArray[np.int64]]]]:
        # The tokenizer runs outside Python's lock: the next slice is tokenised while this one is multiplied.
        with ThreadPoolExecutor(max_workers=1) as pool:
            ahead = pool.submit(self._tokenise, [texts[place] for place in slices[0]]) if slices else None
            for number, places in enumerate(slices):
                assert ahead is not None
                tokens = ahead.result()
                if number + 1 < len(slices):
                    ahead = pool.submit(self._tokenise, [texts[place] for place in slices[number + 1]])
                yield places, tokens

    def _tokenise(self, texts: list[str]) -> list[NDArray[np.int64]]:
        encodings = self.network.tokenizer.encode_batch_fast([self.prompt + text for text in texts])
        return [np.array(encoding.ids, np.int64) for encoding in encodings]

    def _encode_slice(
        self, tokens: list[NDArray[np.int64]], places: NDArray[np.int64], vectors: NDArray[np.float32]
    ) -> None:
        lengths = np.array([len(row) for row in tokens], np.int64)
        self.tokens += int(lengths.sum())
        finished = [
            (places[batch], self._forward([tokens[row] for row in batch], lengths[batch]))
            for batch in pack(lengths, self._budget)
        ]
        for batch_places, result in finished:
            vectors[batch_places] = result.cpu().numpy()

    def _forward(self, rows: list[NDArray[np.int64]], lengths: NDArray[np.int64]) -> torch.Tensor:
        network = self.network
        width = int(lengths.max())
        is_token = np.arange(width) < lengths[:, None]
        ids = np.full(is_token.shape, network.pad_id, np.int64)
        ids[is_token] = np.concatenate(rows)
        with torch.inference_mode():
            input_ids = _placed(ids, network.device)
            mask = _placed(is_token.astype(np.int64), network.device)
            hidden = network.transformer(input_ids=input_ids, attention_mask=mask).last_hidden_state
            return network.head(hidden, mask)


def load_network(layout: Layout, device: torch.device, precision: Precision, max_tokens: int | None) -> Network:
    """Return the model of a folder, loaded from disk alone.

    Raises:
        EncoderError: The files are not a model that transformers can load, or have no fast tokenizer.
    """
    from transformers import AutoConfig, AutoModel, AutoModelForTextEncoding, AutoTokenizer

    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    folder = str(layout.transformer)
    try:
        with _quiet():
            config = AutoConfig.from_pretrained(folder, local_files_only=True)
            kind = AutoModelForTextEncoding if config.is_encoder_decoder else AutoModel
            transformer = kind.from_pretrained(folder, config=config, dtype=dtype, local_files_only=True)
            fast = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError, ImportError) as error:
        problem = next(iter(str(error).splitlines()), type(error).__name__)
        raise _unusable(layout.transformer, problem) from error
    if not fast.is_fast:
        raise _unusable(layout.transformer, "it has no fast tokenizer (tokenizer.json).")
    limit = _limit(layout, fast.model_max_length, config, max_tokens)
    tokenizer = fast.backend_tokenizer
    tokenizer.no_padding()
    tokenizer.enable_truncation(limit)
    return Network(
        tokenizer=tokenizer,
        transformer=transformer.to(device).eval(),
        head=load_head(layout, int(config.hidden_size), device),
        device=device,
        precision=precision,
        max_tokens=limit,
        pad_id=int(fast.pad_token_id or 0),
    )


def _limit(layout: Layout, tokenizer_limit: int, config: Any, wanted: int | None) -> int:  # a transformers config
    positions = getattr(config, "max_position_embeddings", None) or tokenizer_limit
    limits = [layout.max_tokens, tokenizer_limit, positions, wanted]
    return min(int(limit) for limit in limits if limit is not None)


def _placed(array: NDArray[np.int64], device: torch.device) -> torch.Tensor:
    tensor = torch.from_numpy(array)
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def _unusable(folder: Path, problem: str) -> EncoderError:
    return EncoderError(model=str(folder), problem=problem, fix="Name a folder that transformers loads, or `minilm`.")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    # transformers draws a progress bar and a report of unused weights (a pooler, a head) on every load.
    from transformers.utils import logging as transformers_logging

    level, has_bar = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity(logging.ERROR)
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if has_bar:
            transformers_logging.enable_progress_bar()
