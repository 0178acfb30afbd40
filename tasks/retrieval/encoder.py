"""Texts to unit vectors: what an encoder is, and how one is opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.retrieval.hardware import Precision, pick_device, pick_precision
from tasks.retrieval.layout import TextKind, read_layout
from tasks.retrieval.weights import DEFAULT_ENCODER, encoder_digest, encoder_folder, hub_commit

if TYPE_CHECKING:
    from tasks.retrieval.opened import OpenedEncoder

TOKEN_BUDGET: Final = 4096
"""Padded tokens per batch: measured best on CPUs, where a core's batch then stays near its cache."""

NO_PROMPTS: Final[Mapping[TextKind, str]] = MappingProxyType({})


class Encoder(Protocol):
    """Turns texts into vectors whose dot product says how near two texts are."""

    @property
    def name(self) -> str:
        """What the encoder was opened as."""
        ...

    @property
    def digest(self) -> str:
        """A digest of the weights and everything else that decides a text's vector."""
        ...

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        ...

    @property
    def precision(self) -> Precision:
        """What the encoder computes in; vectors are float32 in either case."""
        ...

    def encode(self, texts: Sequence[str], kind: TextKind = "passage") -> NDArray[np.float32]:
        """Return one unit row per text, in order. A text without any word is a row of zeros."""
        ...


def open_encoder(
    name_or_path: str = DEFAULT_ENCODER,
    *,
    device: str = "auto",
    precision: Literal["auto", "bf16", "fp32"] = "auto",
    max_tokens: int | None = None,
    token_budget: int = TOKEN_BUDGET,
    prompts: Mapping[TextKind, str] = NO_PROMPTS,
) -> OpenedEncoder:
    """Return a sentence-transformers or transformers model, ready to encode.

    Args:
        name_or_path: `minilm` (packaged, its weights checked), a folder, or a hub name with `@revision` if wanted.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`.
        precision: `auto` is bf16 where the device computes in it, fp32 elsewhere, and wherever a model is left to
            sentence-transformers.
        max_tokens: Longer texts are cut here; the model's own limit if not given, and never more than that.
        token_budget: Padded tokens per batch; each core has its own, and a GPU's are 16 times as large.
        prompts: What to put before each text of a kind; for a kind that is not named, what the model's folder says.

    Raises:
        WeightsDigestError: The packaged weights are not the published ones.
        EncoderError: The folder is missing, broken, or asks for what cannot be honoured.
        DeviceError: The device is not on this machine.
        UnavailableError: A hub name that cannot be reached.
    """
    from tasks.retrieval.loading import load_network
    from tasks.retrieval.opened import Origin
    from tasks.retrieval.sentence_encoder import load_sentence_encoder
    from tasks.retrieval.torch_encoder import TorchEncoder

    folder = encoder_folder(name_or_path)
    layout = read_layout(folder)
    place = pick_device(device)
    origin = Origin(name_or_path, encoder_digest(folder), {**layout.prompts, **prompts}, hub_commit(folder))
    network = load_network(layout, place, pick_precision(precision, place), max_tokens)
    if network is not None:
        return TorchEncoder(network, origin, token_budget=token_budget)
    own_precision: Precision = "bf16" if precision == "bf16" else "fp32"
    return load_sentence_encoder(
        folder, origin, device=place, precision=own_precision, max_tokens=max_tokens, token_budget=token_budget
    )
