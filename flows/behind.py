"""What an asset that is behind its inputs is behind of, at the root: a table that has a newer version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tasks.assets.asset import AssetRef


def replaced_keys(stale: Mapping[AssetRef, Sequence[AssetRef]]) -> dict[AssetRef, list[str]]:
    """Return, for what is behind, the keys of which another version is current, tables first.

    Where an input is behind itself, what it is behind of counts. The files of a table are left out where the table, or
    anything else, says it.

    Args:
        stale: What is behind, each with those of its inputs: `behind(current(store, with_shards=True))`.
    """
    return {ref: _told(_roots(ref, stale)) for ref in stale}


def _roots(ref: AssetRef, stale: Mapping[AssetRef, Sequence[AssetRef]]) -> set[str]:
    roots: set[str] = set()
    ahead, seen = [ref], {ref}
    while ahead:
        for item in stale[ahead.pop()]:
            if item not in stale:
                roots.add(item.key)
            elif item not in seen:
                seen.add(item)
                ahead.append(item)
    return roots


def _told(keys: set[str]) -> list[str]:
    named = [key for key in keys if not key.startswith("shards/")] or keys
    return sorted(named, key=lambda key: (not key.startswith("tables/"), key))
