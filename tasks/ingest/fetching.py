"""Brings a shard's file to this machine, where it is not there already."""

from __future__ import annotations

from pathlib import Path

from tasks.assets.file_system import file_system, is_of_a_store
from tasks.errors import UnavailableError
from tasks.ingest.sources import Shard, is_remote


def local_file(shard: Shard, folder: Path) -> Path:
    """Return a local path of a shard's file; one in an object store is copied below `folder` in bounded memory.

    Raises:
        UnavailableError: The store does not answer, or the file is gone.
        UsageError: The package that reaches the store is not installed.
    """
    if not is_remote(shard.place):
        return Path(shard.place)
    target = folder / f"fetched-{Path(shard.file).name}"
    system, path = file_system(shard.place)
    try:
        system.get_file(path, str(target))
    except Exception as error:
        if not is_of_a_store(error):
            raise
        raise UnavailableError(source=shard.place, problem=f"{error}.", fix="Run again when it is there.") from error
    return target
