"""Where bytes lie: a local folder, or an object store through fsspec. Only the store speaks to these.

A lake offers what assets need and no more: publish a folder, create a small file if and only if it is absent, read,
list, delete. Creating is the one atomic step: `link(2)` on a folder, a conditional put on an object store.
"""

from __future__ import annotations

import contextlib
import tempfile
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Protocol

from tasks.assets.local_lake import LocalLake
from tasks.assets.object_lake import ObjectLake


class Lake(Protocol):
    """Bytes at paths relative to the lake's root, parts joined by slashes.

    Args:
        locks_everybody: Its locks hold on every machine, not only on this one.
    """

    url: str
    locks_everybody: ClassVar[bool]

    def staging(self) -> Path:
        """Return a new, empty local folder for work that is not published yet."""
        ...

    def scratch(self, name: str) -> Path:
        """Return a local folder that outlives a crash, for work to be resumed."""
        ...

    def publish(self, folder: Path, path: str) -> None:
        """Move a local folder into the lake."""
        ...

    def create(self, path: str, content: bytes) -> bool:
        """Write a file unless there is one, and return whether this call wrote it. Never leaves half a file."""
        ...

    def replace(self, path: str, content: bytes) -> None:
        """Write a file whether there is one or not. Whoever reads it meanwhile gets the one or the other, whole."""
        ...

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes, or None where there is none."""
        ...

    def local(self, path: str) -> Path:
        """Return the local folder for what lies below a path; it is not there where the lake has nothing there."""
        ...

    def forget(self, path: str) -> bool:
        """Drop the local copy of what lies below a path, and return whether what was read was a copy."""
        ...

    def find(self, name: str) -> list[str]:
        """Return the paths of all files of that name."""
        ...

    def delete(self, path: str) -> None:
        """Remove a file or everything below a path; nothing there is fine."""
        ...

    def attempts(self) -> list[str]:
        """Return the paths of all published data folders, named by a manifest or not, and of local copies of any."""
        ...

    def abandoned(self, before: datetime) -> list[str]:
        """Return the paths of work on this machine that nobody goes on with.

        That is unpublished work whose process is gone, and work to be resumed that was last written before a moment.
        """
        ...

    def sweep(self, before: datetime) -> None:
        """Remove what has no path in the lake: locks that nobody holds, parts of uploads begun before a moment."""
        ...

    def is_written_after(self, path: str, moment: datetime) -> bool:
        """Return whether a file in the lake below a path was written after a moment."""
        ...

    def lock(
        self, name: str, *, is_shared: bool = False, is_waiting: bool = True
    ) -> contextlib.AbstractContextManager[bool]:
        """Hold a lock that a dying process lets go; yields False where it was not to be had without waiting."""
        ...


def open_lake(url: str, cache: Path | None = None) -> Lake:
    """Return the lake at a folder or an fsspec URL (`s3://bucket/prefix`, `gs://…`, `abfs://…`).

    Args:
        url: The folder, absolute or relative to the working directory, or the URL.
        cache: Where copies of remote files lie; the user's temporary folder if not named.
    """
    if "://" in url and not url.startswith("file://"):
        return ObjectLake(url, cache or Path(tempfile.gettempdir()) / "pandian-cache")
    return LocalLake(Path(url.removeprefix("file://")))
