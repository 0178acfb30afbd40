"""What a person should hear of while a table is merged, though nothing is wrong with its rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from tasks.assets.asset import AssetRef
from tasks.assets.manifest import Manifest
from tasks.errors import near_miss
from tasks.ingest.stacking import ShardInput
from tasks.schemas import CANONICAL


def notices(
    table: str, inputs: Sequence[ShardInput], shards: Sequence[AssetRef], earlier: Manifest | None
) -> list[str]:
    """Return sentences: names that look misspelt, and files of the version before that are gone.

    Args:
        table: What is merged.
        inputs: Its files.
        shards: The same, in the same order.
        earlier: The version of the table before this one, where there is one.
    """
    return [*_odd_names(table, inputs), *_gone(table, shards, earlier)]


def _odd_names(table: str, inputs: Sequence[ShardInput]) -> Iterator[str]:
    known = CANONICAL.get(table)
    if known is None:
        hint = near_miss(table, CANONICAL)
        if hint:
            yield f"ingest {table}: this is no canonical table, and kept as an extra one. {hint.strip()}"
        return
    sources = [json.loads(item.source) for item in inputs]
    mapped = dict.fromkeys(name for source in sources for name in (*source["columns"], *source["constants"]))
    names = [column.name for column in known.columns]
    for name in mapped:
        hint = "" if name in names else near_miss(name, [column for column in names if column not in mapped])
        if hint:
            yield f"ingest {table}: “{name}” is no canonical column, and kept as an extra one. {hint.strip()}"


def _gone(table: str, shards: Sequence[AssetRef], earlier: Manifest | None) -> Iterator[str]:
    if earlier is None:
        return
    here = {shard.key for shard in shards}
    prefix = f"shards/{table}/"
    keys = (ref.partition("@")[0] for ref in earlier.inputs)
    gone = sorted(key.removeprefix(prefix) for key in keys if key.startswith(prefix) and key not in here)
    if gone:
        files = "1 file" if len(gone) == 1 else f"{len(gone):,} files"
        shown = ", ".join(gone[:3]) + (", …" if len(gone) > 3 else "")
        yield f"ingest {table}: {files} of the version before, and their rows, are gone: {shown}"
