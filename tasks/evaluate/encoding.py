"""The encoders at work: product and query vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tasks.evaluate.config import EvaluateConfig
from tasks.retrieval.encoder import NO_PROMPTS, open_encoder
from tasks.retrieval.layout import TextKind

if TYPE_CHECKING:
    from tasks.retrieval.opened import OpenedEncoder


@dataclass(frozen=True, slots=True)
class Contender:
    """An encoder that is compared, and what it made of the catalogue.

    Args:
        encoder: Its name or folder.
        vectors: The catalogue's passages.
        made_by: What decided the vectors, as the encoder said, and what else is known of them.
        prompts: What stands before texts of a kind; what the encoder's folder says where it is not named.
    """

    encoder: str
    vectors: NDArray[np.float32]
    made_by: Mapping[str, Any]  # texts and numbers
    prompts: Mapping[TextKind, str] = field(default_factory=dict)

    def asked(self, queries: Sequence[str], config: EvaluateConfig) -> NDArray[np.float32]:
        """Return unit vectors of queries, made as the vectors were."""
        return _opened(self.encoder, self.made_by, config, prompts=self.prompts).encode(queries, "query")


def finetuned(folder: Path, passages: Sequence[str], raw: Contender, config: EvaluateConfig) -> Contender:
    """Return the encoder in a folder, with the vectors that it makes of passages.

    It reads as much of a text as the raw encoder, in the same precision: what tells the two apart is training alone.
    Where that brought nothing it is the raw encoder, and its vectors are those that are there.

    Args:
        folder: Where it lies.
        passages: The catalogue's.
        raw: The encoder as it came.
        config: Where to encode.
    """
    encoder = _opened(str(folder), raw.made_by, config)
    is_raw = encoder.made_by.items() <= raw.made_by.items()
    return Contender(str(folder), raw.vectors if is_raw else encoder.encode(passages), encoder.made_by)


def _opened(
    encoder: str, made_by: Mapping[str, Any], config: EvaluateConfig, *, prompts: Mapping[TextKind, str] = NO_PROMPTS
) -> OpenedEncoder:
    return open_encoder(
        encoder,
        device=config.device,
        precision=made_by["precision"],
        max_tokens=made_by["max_tokens"],
        prompts=prompts,
    )
