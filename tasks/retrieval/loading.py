"""A model folder into memory: tokenizer, transformer and head, from disk alone."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from tasks.errors import EncoderError
from tasks.retrieval.hardware import Precision
from tasks.retrieval.layout import FIX, Layout
from tasks.retrieval.packed_bert import PackedBert, can_pack
from tasks.retrieval.padded import PaddedTransformer
from tasks.retrieval.pooling import load_head
from tasks.retrieval.torch_encoder import Network


def load_network(layout: Layout, device: torch.device, precision: Precision, max_tokens: int | None) -> Network | None:
    """Return the model of a folder; None where only sentence-transformers knows how it is put together.

    Raises:
        EncoderError: The files are not a model that transformers can load.
    """
    if layout.pooling is None:
        return None
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    with loads(layout.transformer):
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(layout.transformer, local_files_only=True)
    if not tokenizer.is_fast:
        return None
    if len(tokenizer) <= len(set(tokenizer.all_special_ids)):
        raise _damaged(layout.transformer, "its tokenizer knows no words.")
    with loads(layout.transformer):
        config, model = _transformer(layout.transformer, dtype, device)
        limits = [layout.max_tokens, tokenizer.model_max_length, places_of(model), max_tokens]
        limit = min(int(limit) for limit in limits if limit is not None)
        backend = tokenizer.backend_tokenizer
        backend.no_padding()
        check_limit(layout.transformer, limit, backend.num_special_tokens_to_add(is_pair=False))
        backend.enable_truncation(limit)
    head = load_head(layout.pooling, layout.dense, int(config.hidden_size), device)
    transformer = (
        PackedBert(model, head, precision)
        if can_pack(config, device)
        else PaddedTransformer(model.to(device), head, int(tokenizer.pad_token_id or 0))
    )
    return Network(
        tokenizer=backend, transformer=transformer, dimension=head.dimension, precision=precision, max_tokens=limit
    )


def _transformer(folder: Path, dtype: torch.dtype, device: torch.device) -> tuple[Any, Any]:  # transformers' own
    from transformers import AutoConfig, AutoModel, AutoModelForTextEncoding

    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    kind = AutoModelForTextEncoding if config.is_encoder_decoder else AutoModel
    loaded_in = torch.float32 if can_pack(config, device) else dtype
    model, found = kind.from_pretrained(
        folder, config=config, dtype=loaded_in, local_files_only=True, output_loading_info=True
    )
    # What is missing is made at random. No vector depends on a pooler, which BERT has for another task.
    missing = sorted(name for name in found["missing_keys"] if "pooler" not in name)
    if missing:
        raise _damaged(folder, f"its weights lack {missing[0]}{f' and {len(missing) - 1} more' * (len(missing) > 1)}.")
    check_weights(folder, model)
    return config, model.eval()


def check_weights(folder: Path, model: torch.nn.Module) -> None:
    """See that every weight is a number.

    Raises:
        EncoderError: One is none, or infinite.
    """
    wrong = next((name for name, weight in model.named_parameters() if not torch.isfinite(weight).all()), None)
    if wrong is not None:
        raise _damaged(folder, f"its weights {wrong} are not all numbers.")


def check_limit(folder: Path, limit: int, special: int) -> None:
    """See that a text that is cut keeps more than the tokens that stand in every text.

    Raises:
        EncoderError: It does not.
    """
    if limit <= special:
        raise _damaged(folder, f"it cuts texts at {limit} tokens.")


def _damaged(folder: Path, problem: str) -> EncoderError:
    return EncoderError(model=str(folder), problem=problem, fix="Get the model's files again.")


@contextlib.contextmanager
def loads(folder: Path) -> Iterator[None]:
    """Let transformers load a folder without a word of its own; what keeps it from that is one error.

    Raises:
        EncoderError: It could not.
    """
    try:
        with _quiet():
            yield
    except (MemoryError, EncoderError):
        raise
    except Exception as error:  # of damaged files, libraries make whatever they stumble over
        problem = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise EncoderError(model=str(folder), problem=f"{problem.rstrip('.')}.", fix=FIX) from error


def places_of(model: Any) -> int | None:  # a transformers model; ships no types
    """Return how many tokens have a place of their own; None where places are not numbered."""
    numbered = getattr(model.config, "max_position_embeddings", None) or None
    embeddings = getattr(getattr(model, "embeddings", None), "position_embeddings", None)
    padding = getattr(embeddings, "padding_idx", None)
    # RoBERTa and MPNet number places from behind the padding's.
    return numbered if numbered is None or padding is None else numbered - padding - 1


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
