"""The encoders at work: product and query vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.evaluate.config import EvaluateConfig
from tasks.retrieval.encoder import Encoder, open_encoder
from tasks.retrieval.layout import TextKind


@dataclass(frozen=True, slots=True)
class Contender:
    """An encoder that is compared, and what it made of the catalogue.

    Args:
        encoder: Its name or folder.
        vectors: The catalogue's passages.
        prompts: What stands before texts of a kind; what the encoder's folder says where it is not named.
    """

    encoder: str
    vectors: NDArray[np.float32]
    prompts: Mapping[TextKind, str] = field(default_factory=dict)

    def asked(self, queries: Sequence[str], config: EvaluateConfig) -> NDArray[np.float32]:
        """Return unit vectors of queries."""
        return _opened(self.encoder, self.prompts, config).encode(queries, "query")


def finetuned(folder: Path, passages: Sequence[str], config: EvaluateConfig) -> Contender:
    """Return the encoder in a folder, with the vectors that it makes of passages."""
    return Contender(str(folder), _opened(str(folder), {}, config).encode(passages))


def _opened(encoder: str, prompts: Mapping[TextKind, str], config: EvaluateConfig) -> Encoder:
    return open_encoder(
        encoder, device=config.device, precision=config.precision, max_tokens=config.max_tokens, prompts=prompts
    )
