"""Vectors of earlier versions: a text that has not changed is not embedded again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.assets.asset import AssetRef
from tasks.assets.manifest import Manifest
from tasks.embed.encoding import Vectors
from tasks.errors import TamperedAssetError


def earlier_vectors(
    versions: Sequence[Manifest],
    made_by: Mapping[str, object],
    wanted: Set[str],
    read: Callable[[AssetRef], Path],
) -> Vectors:
    """Return vectors of wanted texts from earlier versions that the same encoder made in the same way.

    No version is read any more after one that brings nothing: texts that are new are in none.

    Args:
        versions: Earlier versions, newest first; one whose bytes have changed since is passed over.
        made_by: What decides a text's vector, as the encoder says.
        wanted: Digests of texts.
        read: Gives the folder of an asset, verified.
    """
    found: Vectors = {}
    for manifest in versions:
        if len(found) == len(wanted):
            break
        if any(manifest.metrics.get(name) != value for name, value in made_by.items()):
            continue
        try:
            folder = read(manifest.ref)
        except TamperedAssetError:
            continue
        missing = pa.array(sorted(wanted - found.keys()), pa.string())
        known = len(found)
        for file in sorted(folder.glob(manifest.main)):
            found.update(_vectors(file, missing))
        if len(found) == known:
            break
    return found


def _vectors(file: Path, wanted: pa.Array) -> Vectors:
    table = pq.read_table(file, columns=["text_digest", "vector"])
    kept = table.filter(pc.is_in(table["text_digest"], value_set=wanted))
    if not kept.num_rows:
        return {}
    matrix = kept["vector"].combine_chunks().flatten().to_numpy().reshape(kept.num_rows, -1)
    return dict(zip(kept["text_digest"].to_pylist(), matrix, strict=True))
