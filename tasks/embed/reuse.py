"""Vectors of earlier versions: a text that has not changed is not embedded again."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from pathlib import Path

import pyarrow.parquet as pq

from tasks.assets.asset import AssetRef
from tasks.assets.manifest import Manifest
from tasks.embed.encoding import Vectors

MADE_BY = ("digest", "precision", "max_tokens", "prompt")
"""What decides a text's vector: only vectors that agree in all of it may stand side by side."""


def earlier_vectors(
    versions: Sequence[Manifest],
    made_by: dict[str, object],
    wanted: Set[str],
    read: Callable[[AssetRef], Path],
) -> Vectors:
    """Return vectors of wanted texts from earlier versions that the same encoder made in the same way.

    Args:
        versions: Earlier versions, newest first.
        made_by: The encoder's digest, precision, limit and prompt.
        wanted: Digests of texts.
        read: Gives the folder of an asset.
    """
    found: Vectors = {}
    for manifest in versions:
        if any(manifest.metrics.get(name) != made_by[name] for name in MADE_BY):
            continue
        for file in sorted(read(manifest.ref).glob(manifest.main)):
            table = pq.read_table(file, columns=["text_digest", "vector"])
            matrix = table["vector"].combine_chunks()
            rows = matrix.flatten().to_numpy().reshape(len(matrix), -1)
            digests = table["text_digest"].to_pylist()
            found.update((digest, rows[i]) for i, digest in enumerate(digests) if digest in wanted)
        if len(found) == len(wanted):
            break
    return found
