"""The inventory: questions to the manifests of a lake, in SQL over their JSON. There is no second copy of the truth.

Only manifests are read, so the answers are there while a run is going on, and no data is touched. What is current is
decided by the run records (`inventory/run`): the version that the run which began last has made, or found unchanged.
That makes an older version current again when a shop goes back to an older configuration, and keeps what a run read
later current where one that began before it ends after it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import duckdb

from tasks.assets import changes, specs
from tasks.assets.asset import AssetRef
from tasks.assets.changes import Difference, HistoryEntry
from tasks.assets.manifest import Manifest, Verdict
from tasks.assets.store import MANIFEST, AssetStore
from tasks.errors import UnknownAssetError, UsageError, near_miss

MANIFESTS: Final = """
create table manifest as
select
  content->>'$.key' as key,
  content->>'$.version' as version,
  (content->>'$.key') || '@' || (content->>'$.version') as ref,
  (content->>'$.started_at')::timestamp as started_at,
  (content->>'$.finished_at')::timestamp as finished_at,
  from_json(content->'$.inputs', '["varchar"]') as inputs,
  content
from (select unnest($pages)::json as content)
"""

CURRENT: Final = """
with mentioned as (
  select unnest(list_prepend(ref, inputs)) as ref, started_at
  from manifest
  where key = 'inventory/run'
),
seen as (
  select ref, max(started_at) as seen_at
  from mentioned
  group by ref
),
dated as (
  select manifest.key, manifest.version, manifest.finished_at, coalesce(seen.seen_at, manifest.finished_at) as recency
  from manifest left join seen using (ref)
)
select key, version
from dated
where $with_shards or not starts_with(key, 'shards/')
qualify row_number() over (partition by key order by recency desc, finished_at desc, version desc) = 1
order by key
"""

LINEAGE: Final = """
with recursive edge as (
  select unnest(inputs) as origin, ref as made
  from manifest
  where ref = $ref or not starts_with(key, 'inventory/')
),
upward as (
  select $ref as ref
  union
  select edge.origin from edge join upward on edge.made = upward.ref
),
downward as (
  select $ref as ref
  union
  select edge.made from edge join downward on edge.origin = downward.ref
)
select distinct edge.origin, edge.made
from edge
where (edge.made in (select ref from upward)) or (edge.origin in (select ref from downward))
order by all
"""

FINDINGS: Final = """
with found as (
  select
    unnest(from_json(content->'$.findings', '["json"]')) as finding,
    concat_ws('/', $lake, key, version, content->>'$.data') as folder
  from manifest
  where list_contains($refs, ref)
)
select finding, folder || '/' || (finding->>'$.keys') as keys
from found
order by
  list_position(['critical', 'warning', 'info'], finding->>'$.severity'),
  finding->>'$.table',
  finding->>'$.column' nulls first,
  finding->>'$.kind',
  finding->>'$.id',
  folder
"""

RECORDS: Final = frozenset({specs.RUN.key, specs.REVIEWS.key})
"""What tells of the time it was made."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """What an asset was made from, and what was made from it, transitively.

    Args:
        nodes: The asset and all it is linked to, sorted.
        edges: Pairs of an input and what was made from it, sorted.
    """

    nodes: tuple[AssetRef, ...]
    edges: tuple[tuple[AssetRef, AssetRef], ...]


def current(store: AssetStore, *, with_shards: bool = False) -> list[Manifest]:
    """Return the current version of every asset, by key.

    A version counts as of the beginning of the newest run that names it in its record, which is what the run looked at;
    a version that no record names, as of the time it was made.

    Args:
        store: The lake to ask.
        with_shards: Also the source files, one by one, that tables are merged from.
    """
    return current_of(store.manifests(), with_shards=with_shards)


def current_of(manifests: Sequence[Manifest], *, with_shards: bool = False) -> list[Manifest]:
    """Return the same of a lake whose manifests are at hand."""
    known = _by_ref(manifests)
    return [known[f"{key}@{version}"] for key, version in _ask(manifests, CURRENT, {"with_shards": with_shards})]


def has_run(store: AssetStore) -> bool:
    """Return whether a run has ended, and left its record."""
    return bool(store.versions(specs.RUN.key))


def behind(assets: Iterable[Manifest]) -> dict[AssetRef, tuple[AssetRef, ...]]:
    """Return what was made from something that is no longer current, each with those of its inputs.

    An input counts where another version of its key is current, or where it is behind itself. A run record and a
    decision tell of their time, and are never behind; pages are where another version is current of what they show.

    Args:
        assets: One version of each key: `current(store, with_shards=True)`.
    """
    judged = [item for item in assets if item.key not in RECORDS]
    versions = {item.key: item.version for item in judged}
    found: dict[AssetRef, tuple[AssetRef, ...]] = {}
    while True:
        known, found = found, {}
        for item in judged:
            inherited = {} if item.key == specs.CATALOGUE.key else known
            stale = tuple(r for r in item.input_refs if versions.get(r.key, r.version) != r.version or r in inherited)
            if stale:
                found[item.ref] = stale
        if found == known:
            return found


def show(store: AssetStore, key: str) -> Manifest:
    """Return the manifest of an asset: its current version for `key`, the one named for `key@version`.

    Raises:
        UnknownAssetError: There is no such key or version.
        TamperedAssetError: It is there, and its manifest is not a manifest.
    """
    return _named(store, store.manifests(), key)


def history(store: AssetStore, key: str) -> list[HistoryEntry]:
    """Return every version of an asset, the newest first, each with what its recipe changed.

    Raises:
        UnknownAssetError: There is no such key.
        TamperedAssetError: It is there, and its manifest is not a manifest.
    """
    manifests = store.manifests()
    now = _named(store, manifests, key.partition("@")[0])
    return changes.history(_versions(manifests, now.key), now.version, _verdicts(manifests))


def _verdicts(manifests: Iterable[Manifest]) -> dict[AssetRef, Verdict | None]:
    """What the last validation of each version of a table says."""
    validations = (item for item in manifests if item.key.startswith("validations/"))
    return {
        ref: item.verdict
        for item in sorted(validations, key=lambda item: item.finished_at)
        for ref in item.input_refs
        if ref.key.startswith("tables/") and specs.table_of(ref.key) == specs.table_of(item.key)
    }


def difference(store: AssetStore, key: str, old: str | None = None, new: str | None = None) -> Difference:
    """Return what differs between two versions of an asset: those named, or the newest and the one before it.

    Args:
        store: The lake to ask.
        key: The asset.
        old: A version; the one made before `new` if not named.
        new: A version; the newest if not named.

    Raises:
        UnknownAssetError: There is no such key or version.
        UsageError: There is no version before `new`.
        TamperedAssetError: One is there, and its manifest is not a manifest.
    """
    manifests = store.manifests()
    now = _named(store, manifests, key.partition("@")[0])
    versions = _versions(manifests, now.key)
    after = versions[0] if new is None else _named(store, manifests, f"{now.key}@{new}")
    earlier = versions[versions.index(after) + 1 :]
    if old is None and not earlier:
        raise UsageError(
            problem=f"“{now.key}” has no version before {after.version}.",
            fix=f"`pandian inventory history {now.key}` lists its versions.",
        )
    before = earlier[0] if old is None else _named(store, manifests, f"{now.key}@{old}")
    return changes.difference(before, after)


def lineage(store: AssetStore, key: str) -> Lineage:
    """Return what an asset, `key` or `key@version`, was made from and what was made from it.

    Run records and catalogue pages read every asset; they only appear in the lineage of themselves.

    Raises:
        UnknownAssetError: There is no such key or version.
        TamperedAssetError: It is there, and its manifest is not a manifest.
    """
    manifests = store.manifests()
    asset = _named(store, manifests, key).ref
    edges = tuple((_ref(origin), _ref(made)) for origin, made in _ask(manifests, LINEAGE, {"ref": str(asset)}))
    nodes = {asset, *(ref for edge in edges for ref in edge)}
    return Lineage(nodes=tuple(sorted(nodes)), edges=edges)


def findings(store: AssetStore) -> list[dict[str, Any]]:  # JSON values of any shape
    """Return the findings of the current assets as JSON objects, the worst first, then by table, column and kind.

    `keys` is the absolute path, or the URL, of the parquet with every failing key.
    """
    manifests = store.manifests()
    refs = [str(item.ref) for item in current_of(manifests, with_shards=False)]
    rows = _ask(manifests, FINDINGS, {"refs": refs, "lake": store.lake.url})
    return [{**json.loads(finding), "keys": keys} for finding, keys in rows]


def _named(store: AssetStore, manifests: Sequence[Manifest], key: str) -> Manifest:
    known = _by_ref(manifests) if "@" in key else {item.key: item for item in current_of(manifests, with_shards=True)}
    if key in known:
        return known[key]
    _look_for_damaged(store, key)
    name, _, version = key.partition("@")
    versions = sorted(item.version for item in manifests if item.key == name)
    if version and versions:
        fix = f"{near_miss(version, versions)}Its versions are {', '.join(versions)}."
    else:
        fix = f"{near_miss(name, {item.key for item in manifests})}`pandian inventory list --all` names all there are."
    raise UnknownAssetError(lake=store.url, key=key, fix=fix)


def _versions(manifests: Iterable[Manifest], key: str) -> list[Manifest]:
    found = (item for item in manifests if item.key == key)
    return sorted(found, key=lambda item: (item.finished_at, item.version), reverse=True)


def _look_for_damaged(store: AssetStore, key: str) -> None:
    """Read each manifest of a key, or of the version named; one that is not a manifest raises."""
    for path in store.lake.find(MANIFEST):
        name, version, _ = path.rsplit("/", 2)
        if key in {name, f"{name}@{version}"}:
            store.find(AssetRef(name, version))


def _ask(manifests: Sequence[Manifest], sql: str, parameters: dict[str, object]) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")
        connection.execute(MANIFESTS, {"pages": [item.model_dump_json() for item in manifests]})
        return connection.execute(sql, parameters).fetchall()


def _by_ref(manifests: Sequence[Manifest]) -> dict[str, Manifest]:
    return {str(item.ref): item for item in manifests}


def _ref(text: str) -> AssetRef:
    return AssetRef(*text.rsplit("@", 1))
