"""Any other model that sentence-transformers loads, by its own code: its modules as its makers put them together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.errors import EncoderError
from tasks.retrieval.hardware import Precision
from tasks.retrieval.layout import TextKind
from tasks.retrieval.opened import OpenedEncoder, Origin

if TYPE_CHECKING:
    import torch

LONGEST: Final = 1e9
"""A tokenizer without a limit says 1e30, and embeddings of single words infinity."""


class SentenceEncoder(OpenedEncoder):
    """Encodes with a `SentenceTransformer`. Vectors are brought to unit length in float32.

    Args:
        model: It, on its device.
        origin: Where it came from.
        precision: What its weights are.
        max_tokens: Where it cuts texts, if it does.
    """

    def __init__(
        self,
        model: Any,  # sentence-transformers ships no types
        origin: Origin,
        *,
        precision: Precision,
        max_tokens: int | None,
    ) -> None:
        self._model = model
        dimension = self._rows(["."], prompt="", kind="passage").shape[1]
        super().__init__(origin, dimension=dimension, precision=precision, max_tokens=max_tokens)

    def _encoded(self, texts: list[str], kind: TextKind) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        if texts:
            yield np.arange(len(texts)), self._rows(texts, prompt=self.prompts[kind], kind=kind)

    def _rows(self, texts: list[str], *, prompt: str, kind: TextKind) -> NDArray[np.float32]:
        import torch

        encode = self._model.encode_query if kind == "query" else self._model.encode_document
        found = encode(texts, prompt=prompt, show_progress_bar=False, convert_to_tensor=True)
        unit: NDArray[np.float32] = torch.nn.functional.normalize(found.float(), dim=1).cpu().numpy()
        return unit


def load_sentence_encoder(
    folder: Path, origin: Origin, *, device: torch.device, precision: Precision, max_tokens: int | None
) -> SentenceEncoder:
    """Return the model of a folder.

    Raises:
        EncoderError: sentence-transformers cannot load it, or it reads texts of any length and is asked to cut them.
    """
    import torch
    from sentence_transformers import SentenceTransformer

    try:
        model = SentenceTransformer(str(folder), device=str(device), local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError, ImportError, RuntimeError) as error:
        problem = next(iter(str(error).splitlines()), type(error).__name__)
        raise EncoderError(
            model=str(folder), problem=problem, fix="Name a folder that sentence-transformers loads, or `minilm`."
        ) from error
    model = model.eval().to(torch.bfloat16 if precision == "bf16" else torch.float32)
    return SentenceEncoder(model, origin, precision=precision, max_tokens=_cut(model, folder, max_tokens))


def _cut(model: Any, folder: Path, max_tokens: int | None) -> int | None:  # sentence-transformers ships no types
    """Let a model cut texts, if it is asked to; return where it does."""
    own = model.max_seq_length
    limit = None if own is None or own > LONGEST else int(own)
    if max_tokens is None or (limit is not None and limit <= max_tokens):
        return limit
    try:
        model.max_seq_length = max_tokens
    except AttributeError as error:
        raise EncoderError(
            model=str(folder), problem="it cuts no texts.", fix="Leave `embed.max_tokens` out of shop.yaml."
        ) from error
    return max_tokens
