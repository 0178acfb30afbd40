"""A lake in a folder."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from tasks.assets import disk


class LocalLake:
    """A folder. Publishing is a rename, creating is a hard link, a lock is `flock(2)`."""

    locks_everybody: ClassVar[bool] = True

    def __init__(self, root: Path) -> None:
        self.root = root.expanduser().resolve()
        self.url = str(self.root)

    def staging(self) -> Path:
        """Return a new folder on the lake's own disk, so that publishing it is a rename."""
        return disk.new_staging(self.root)

    def scratch(self, name: str) -> Path:
        """Return a folder on the lake's own disk that outlives a crash."""
        folder = self.root / ".scratch" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def publish(self, folder: Path, path: str) -> None:
        """Rename a folder to its place."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(target)

    def create(self, path: str, content: bytes) -> bool:
        """Write a file under another name, then link it to its place unless the place is taken."""
        with self._written(path, content) as draft:
            try:
                os.link(draft, self.root / path)
            except FileExistsError:
                return False
        return True

    def replace(self, path: str, content: bytes) -> None:
        """Write a file under another name, then rename it to its place."""
        with self._written(path, content) as draft:
            draft.replace(self.root / path)

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes, or None."""
        try:
            return (self.root / path).read_bytes()
        except FileNotFoundError:
            return None

    def local(self, path: str) -> Path:
        """Return the folder itself."""
        return self.root / path

    def forget(self, path: str) -> bool:
        """Return False: what is read here is the lake itself."""
        return False

    def find(self, name: str) -> list[str]:
        """Return the paths of all published files of that name, sorted."""
        found = []
        for folder, below, files in os.walk(self.root):
            below[:] = [part for part in below if not disk.is_data_or_hidden(part)]
            if name in files:
                found.append((Path(folder) / name).relative_to(self.root).as_posix())
        return sorted(found)

    def delete(self, path: str) -> None:
        """Remove a file or a folder, and the folders above it that this leaves empty."""
        disk.remove(self.root, path)

    def attempts(self) -> list[str]:
        """Return the paths of all data folders, sorted."""
        return disk.data_folders(self.root)

    def abandoned(self, before: datetime) -> list[str]:
        """Return the paths of such folders in `.staging` and `.scratch`, sorted."""
        return disk.abandoned(self.root, before)

    def sweep(self, before: datetime) -> None:
        """Remove the files of locks that nobody holds."""
        disk.remove_idle_locks(self.root / ".locks")

    def is_written_after(self, path: str, moment: datetime) -> bool:
        """Look at the times of the files."""
        return disk.is_written_after(self.root / path, moment)

    def lock(
        self, name: str, *, is_shared: bool = False, is_waiting: bool = True
    ) -> contextlib.AbstractContextManager[bool]:
        """Hold `flock(2)` on a file below `.locks`."""
        return disk.flock(self.root / ".locks" / name, is_shared=is_shared, is_waiting=is_waiting)

    @contextlib.contextmanager
    def _written(self, path: str, content: bytes) -> Iterator[Path]:
        """Yield a file with that content on the lake's own disk, for the block to give it its place."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        draft = self.staging() / Path(path).name
        try:
            with draft.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            yield draft
        finally:
            shutil.rmtree(draft.parent, ignore_errors=True)
