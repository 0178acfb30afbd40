"""Models that sentence-transformers puts together in another way than ours, by its own code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.errors import EncoderError
from tasks.retrieval.hardware import Precision
from tasks.retrieval.layout import TextKind
from tasks.retrieval.loading import check_limit, check_weights, loads, places_of
from tasks.retrieval.opened import OpenedEncoder, Origin, factor_of

if TYPE_CHECKING:
    import torch

LONGEST: Final = 1e9
"""A tokenizer without a limit says 1e30, and embeddings of single words infinity."""

SUPPOSED_TOKENS: Final = 512
"""How long a text may be where a model sets no limit, when texts are put into batches."""


class SentenceEncoder(OpenedEncoder):
    """Encodes with a `SentenceTransformer`. Vectors are brought to unit length in float32; what has none is zeros.

    Args:
        model: It, on its device.
        origin: Where it came from.
        precision: What its weights are.
        max_tokens: Where it cuts texts, if it does.
        batch: Texts that are computed together.
    """

    def __init__(
        self,
        model: Any,  # sentence-transformers ships no types
        origin: Origin,
        *,
        precision: Precision,
        max_tokens: int | None,
        batch: int,
    ) -> None:
        self._model = model
        self._batch = batch
        dimension = self._rows(["."], prompt="", kind="passage").shape[1]
        super().__init__(origin, dimension=dimension, precision=precision, max_tokens=max_tokens)
        self.factor = factor_of(model.device)

    def _encoded(self, texts: list[str], kind: TextKind) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        if texts:
            yield np.arange(len(texts)), self._rows(texts, prompt=self.prompts[kind], kind=kind)

    def _rows(self, texts: list[str], *, prompt: str, kind: TextKind) -> NDArray[np.float32]:
        import torch

        encode = self._model.encode_query if kind == "query" else self._model.encode_document
        found = encode(
            texts, prompt=prompt, batch_size=self._batch, show_progress_bar=False, convert_to_tensor=True
        ).float()
        unit = torch.nn.functional.normalize(found, dim=1)
        # The largest of no known words is minus infinity.
        rows: NDArray[np.float32] = unit.nan_to_num(nan=0.0).cpu().numpy()
        return rows


def load_sentence_encoder(
    folder: Path,
    origin: Origin,
    *,
    device: torch.device,
    precision: Precision,
    max_tokens: int | None,
    token_budget: int,
) -> SentenceEncoder:
    """Return the model of a folder.

    Raises:
        EncoderError: sentence-transformers cannot load or use it, or it cannot cut texts where that is asked for.
    """
    import torch
    from sentence_transformers import SentenceTransformer

    with loads(folder):
        model = SentenceTransformer(str(folder), device=str(device), local_files_only=True)
        check_weights(folder, model)
        model = model.eval().to(torch.bfloat16 if precision == "bf16" else torch.float32)
        limit = _cut(model, folder, max_tokens)
        batch = max(1, token_budget * factor_of(device) // (limit or SUPPOSED_TOKENS))
        return SentenceEncoder(model, origin, precision=precision, max_tokens=limit, batch=batch)


def _cut(model: Any, folder: Path, max_tokens: int | None) -> int | None:  # sentence-transformers ships no types
    """Let a model cut texts where it is asked to, and before it runs out of places; return where it does."""
    own = model.max_seq_length
    places = places_of(model[0].auto_model) if hasattr(model[0], "auto_model") else None
    limits = [limit for limit in (own, places, max_tokens) if limit is not None and limit < LONGEST]
    wanted = int(min(limits)) if limits else None
    if wanted is not None:
        check_limit(folder, wanted, special=0)
    if wanted in (None, own):
        return wanted
    if own is not None:
        with suppress(AttributeError):
            model.max_seq_length = wanted
    if model.max_seq_length != wanted or own is None:
        raise EncoderError(
            model=str(folder), problem="it cuts no texts.", fix="Leave `embed.max_tokens` out of shop.yaml."
        )
    return wanted
