"""Encodes texts in chunks that survive an interruption, and never a text twice."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.retrieval.encoder import Encoder

Vectors = dict[str, NDArray[np.float32]]
"""Digest of a text to its vector."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """Vectors by the digests of their texts, and where they came from."""

    vectors: Vectors
    resumed: int
    encoded: int


def text_digest(text: str) -> str:
    """Return the first 32 hex digits of a text's SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def encode_missing(
    texts: Mapping[str, str],
    encoder: Encoder,
    *,
    folder: Path,
    chunk: int,
    advance: Callable[[int], object] = lambda count: None,
) -> Encoded:
    """Return a vector for each text, encoding those that an interrupted run has not left in `folder`.

    Args:
        texts: Digest of a text to the text.
        encoder: What encodes them.
        folder: Where each finished chunk is put, whole, as soon as it is done.
        chunk: Texts per chunk.
        advance: Called with the number of texts each time some are done.
    """
    done = _finished(folder, encoder)
    found = {digest: vector for digest, vector in done.items() if digest in texts}
    advance(len(found))
    resumed = len(found)
    # The chunks are those of an uninterrupted run, so that the batches, and every bit of the vectors, are too.
    for whole in chunks_of(sorted(texts, key=lambda digest: (-len(texts[digest]), digest)), chunk):
        digests = [digest for digest in whole if digest not in found]
        if digests:
            matrix = encoder.encode([texts[digest] for digest in digests])
            _keep(folder, encoder, digests, matrix)
            found.update(zip(digests, matrix, strict=True))
            advance(len(digests))
    return Encoded(found, resumed=resumed, encoded=len(texts) - resumed)


def chunks_of(ordered: Sequence[str], most: int) -> list[Sequence[str]]:
    """Return chunks of at most so many, each with its share of every part of the order.

    Of texts in order of length, each chunk is as much work as the next, so the time left is foreseen from the first.
    """
    count = -(-len(ordered) // most)
    return [ordered[start::count] for start in range(count)]


def _finished(folder: Path, encoder: Encoder) -> Vectors:
    found: Vectors = {}
    for file in sorted(folder.glob(f"chunk-{_mark(encoder)}-*.npz")):
        try:
            with file.open("rb") as opened, np.load(opened) as kept:
                found.update(zip(kept["digests"].tolist(), kept["vectors"], strict=True))
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
            file.unlink()  # a machine that lost power can leave half a file: what it held is encoded again
    return found


def _keep(folder: Path, encoder: Encoder, digests: Sequence[str], matrix: NDArray[np.float32]) -> None:
    name = f"chunk-{_mark(encoder)}-{digests[0]}.npz"
    draft = folder / f".{name}-{os.getpid()}"
    with draft.open("wb") as file:
        np.savez(file, digests=np.array(digests), vectors=matrix)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / name)


def _mark(encoder: Encoder) -> str:
    return f"{encoder.digest[:12]}-{encoder.precision}"
