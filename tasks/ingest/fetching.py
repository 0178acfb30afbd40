"""Brings a shard's file to this machine, where it is not there already, and sees that it stays the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tasks.assets.store import file_digest
from tasks.errors import PandianError, UnavailableError
from tasks.ingest.remote import fetch_file, is_remote, read_tag
from tasks.ingest.sources import Shard, read_stamp


def local_file(shard: Shard, folder: Path) -> Path:
    """Return a local path of a shard's file; one in an object store is copied below `folder` in bounded memory.

    Raises:
        UnavailableError: The store does not answer, or the file is gone.
        UsageError: The package that reaches the store is not installed.
    """
    if not is_remote(shard.place):
        return Path(shard.place)
    target = folder / f"fetched-{Path(shard.file).name}"
    fetch_file(shard.place, target)
    return target


@contextmanager
def unchanged(shard: Shard) -> Iterator[None]:
    """Read a shard's file within: what comes of one that changes meanwhile, be it an error, is not to be used.

    Raises:
        UnavailableError: It has changed, as `demand_unchanged` says.
    """
    try:
        yield
    except PandianError:
        demand_unchanged(shard)
        raise
    demand_unchanged(shard)


def demand_unchanged(shard: Shard) -> None:
    """Return if a shard's file still is what its digest was taken of.

    Raises:
        UnavailableError: It has changed or gone, or its store does not answer.
    """
    if not _is_unchanged(shard):
        raise UnavailableError(
            source=shard.where,
            problem="It has changed since this run looked for it.",
            fix="Run again when it is delivered whole.",
        )


def _is_unchanged(shard: Shard) -> bool:
    if is_remote(shard.place):
        return shard.digest == f"etag:{read_tag(shard.place)}"
    path = Path(shard.place)
    try:
        is_untouched = bool(shard.stamp) and read_stamp(path) == shard.stamp
        return is_untouched or shard.digest == f"sha256:{file_digest(path)}"
    except FileNotFoundError:
        return False
