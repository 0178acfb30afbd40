"""An encoder that was opened from a folder: what decides its vectors, and what every one does with texts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from tasks.retrieval.hardware import Precision
from tasks.retrieval.layout import TextKind
from tasks.retrieval.packing import distinct

if TYPE_CHECKING:
    import torch


CUDA_FACTOR: Final = 16


def factor_of(device: torch.device) -> int:
    """Return how much more a device takes at once than a CPU."""
    return CUDA_FACTOR if device.type == "cuda" else 1


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an encoder came from.

    Args:
        name: What it was opened as.
        digest: Of the files it was loaded from.
        prompts: What is put before each text, by its kind.
        commit: The hub's commit that it was loaded from, where it came from there.
    """

    name: str
    digest: str
    prompts: Mapping[TextKind, str]
    commit: str | None = None


class OpenedEncoder(ABC):
    """Encodes each text once. A text's vector is the same up to rounding, whatever texts stand beside it.

    Args:
        origin: Where it came from.
        dimension: The length of a vector.
        precision: What it computes in.
        max_tokens: Longer texts are cut there; None where it reads texts of any length.
    """

    factor = 1
    """How much more the device takes at once than a CPU."""

    tokens: int | None = None
    """Tokens encoded so far, padding left out; None where they are not counted."""

    def __init__(self, origin: Origin, *, dimension: int, precision: Precision, max_tokens: int | None) -> None:
        self.name = origin.name
        self.digest = origin.digest
        self.prompts = dict(origin.prompts)
        self.commit = origin.commit
        self.dimension = dimension
        self.precision = precision
        self.max_tokens = max_tokens

    @property
    def made_by(self) -> dict[str, str | int | None]:
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
        places = np.array(filled, np.int64)
        for rows, result in self._encoded([found.texts[place] for place in filled], kind):
            vectors[places[rows]] = result
        return vectors[found.positions]

    @abstractmethod
    def _encoded(self, texts: list[str], kind: TextKind) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Yield unit rows of texts, which come longest first and without prompt, and their positions among them."""
