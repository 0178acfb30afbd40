"""The fine-tuned encoder at work: product and query vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.evaluate.config import EvaluateConfig
from tasks.retrieval.encoder import open_encoder


def encoded(texts: Sequence[str], encoder: str | Path, config: EvaluateConfig) -> NDArray[np.float32]:
    """Return unit vectors of texts by an encoder, named or in a folder."""
    opened = open_encoder(str(encoder), device=config.device, precision=config.precision, max_tokens=config.max_tokens)
    return opened.encode(texts)
