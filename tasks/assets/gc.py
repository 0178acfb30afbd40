"""What may go: what no kept run, current asset, registered model or review reaches, and what a crash left behind."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tasks.assets import specs
from tasks.assets.asset import AssetRef
from tasks.assets.inventory import current_of
from tasks.assets.manifest import Manifest
from tasks.assets.store import GRACE, AssetStore
from tasks.errors import UnavailableError


@dataclass(frozen=True, slots=True)
class Collected:
    """What a collection kept and removed.

    Args:
        bytes_freed: Size of the removed assets' data, without what crashes left.
        leftovers: Paths in the lake and its cache that no asset names: see `AssetStore.leftovers`.
    """

    kept: tuple[AssetRef, ...]
    removed: tuple[AssetRef, ...]
    bytes_freed: int
    leftovers: tuple[str, ...]


def collect(
    store: AssetStore,
    *,
    keep: int,
    protected: Iterable[AssetRef] = (),
    tables: Collection[str] | None = None,
    is_dry_run: bool = False,
    grace: timedelta = GRACE,
) -> Collected:
    """Remove what the newest runs do not reach, and return what was kept and what went.

    Reached is what the `keep` newest run records name, what is current, protected assets, all reviews, everything these
    were made from, and what no run record names though it was made after the newest one: it may belong to a run that
    is going on. Where locks hold on this machine only, what was made or uploaded within `grace` may belong to one
    elsewhere. Current is what the inventory shows, pages included: a run of some stages takes nothing from the others.
    The records that say what is current are kept, too, though not what else they name.

    Args:
        store: The lake to clean.
        keep: How many run records to keep.
        protected: Assets to keep in any case, for instance those of registered models.
        tables: The shop's tables; what is of another one is not current. All are the shop's if not named.
        is_dry_run: Only say what would go.
        grace: Also for how long work to be resumed is kept though nobody goes on with it.

    Raises:
        UnavailableError: A run or a review is going on in this lake.
    """
    only_look = contextlib.nullcontext(True)
    with only_look if is_dry_run else store.lake.lock("run", is_waiting=False) as is_mine:
        if not is_mine:
            raise UnavailableError(
                source=store.url,
                problem="a run or a review is going on.",
                fix="Collect again when it has ended, or pass `--dry-run`.",
            )
        manifests = {item.ref: item for item in store.manifests()}
        settled = None if store.lake.locks_everybody else datetime.now(UTC) - grace
        current = _current(tuple(manifests.values()), tables)
        kept = reachable(manifests.values(), keep=keep, protected={*protected, *current}, settled=settled)
        kept |= _saying_so(manifests.values(), current)
        removed = sorted(set(manifests) - kept)
        leftovers = tuple(store.leftovers(grace=grace))
        if not is_dry_run:
            for ref in removed:
                store.discard(ref)
            for path in leftovers:
                store.lake.delete(path)
            store.lake.sweep(datetime.now(UTC) - grace)
    return Collected(
        kept=tuple(sorted(kept)),
        removed=tuple(removed),
        bytes_freed=sum(manifests[ref].bytes for ref in removed),
        leftovers=leftovers,
    )


def reachable(
    manifests: Iterable[Manifest],
    *,
    keep: int,
    protected: Iterable[AssetRef] = (),
    settled: datetime | None = None,
) -> set[AssetRef]:
    """Return the assets to be kept: see `collect`.

    Args:
        manifests: Those of all assets.
        keep: How many run records to keep.
        protected: Assets to keep in any case.
        settled: What was made after this moment may belong to a run that is going on, whatever ended since.
    """
    known = {item.ref: item for item in manifests}
    runs = _runs(known.values())
    named = {ref for run in runs for ref in run.input_refs} | {run.ref for run in runs}
    newest = min(filter(None, (runs[0].finished_at, settled))) if runs else None
    roots = {run.ref for run in runs[:keep]} | set(protected)
    roots |= {ref for ref, item in known.items() if item.key == specs.REVIEWS.key}
    roots |= {ref for ref, item in known.items() if ref not in named and (newest is None or item.finished_at > newest)}
    found: set[AssetRef] = set()
    ahead = [ref for ref in roots if ref in known]
    while ahead:
        ref = ahead.pop()
        if ref not in found:
            found.add(ref)
            ahead += [origin for origin in known[ref].input_refs if origin in known]
    return found


def _current(manifests: Sequence[Manifest], tables: Collection[str] | None) -> set[AssetRef]:
    """Return the current version of each asset of the shop that a record names; files come with their tables."""
    named = {ref for run in _runs(manifests) for ref in run.input_refs}
    shown = {item.ref for item in current_of(manifests) if tables is None or _is_of(item.key, tables)}
    return shown & named


def _saying_so(manifests: Iterable[Manifest], current: Collection[AssetRef]) -> set[AssetRef]:
    """Return of each current asset the run record that makes it current: of those that name it, the last to begin."""
    found: dict[AssetRef, AssetRef] = {}
    for run in sorted(_runs(manifests), key=lambda item: item.started_at, reverse=True):
        for ref in run.input_refs:
            if ref in current:
                found.setdefault(ref, run.ref)
    return set(found.values())


def _is_of(key: str, tables: Collection[str]) -> bool:
    table = specs.table_of(key)
    return table is None or table in tables or key == specs.RELATIONSHIPS.key


def _runs(manifests: Iterable[Manifest]) -> Sequence[Manifest]:
    """The run records, the newest first."""
    found = [item for item in manifests if item.key == specs.RUN.key]
    return sorted(found, key=lambda item: item.finished_at, reverse=True)
