"""What a lake keeps on this machine, whatever holds its assets: unpublished work, work to be resumed, copies, locks."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from tasks.assets.asset import DATA_PATTERN


def new_staging(root: Path) -> Path:
    """Return a new folder below `.staging`, named for this process."""
    folder = root / ".staging" / f"{os.getpid()}-{uuid.uuid4().hex}"
    folder.mkdir(parents=True)
    return folder


def data_folders(root: Path) -> list[str]:
    """Return the paths of all data folders, sorted."""
    found = []
    for folder, below, _ in os.walk(root):
        found += [(Path(folder) / part).relative_to(root).as_posix() for part in below if DATA_PATTERN.fullmatch(part)]
        below[:] = [part for part in below if not is_data_or_hidden(part)]
    return sorted(found)


def is_data_or_hidden(name: str) -> bool:
    """Return whether no manifest lies in or below a folder of that name."""
    return name.startswith(".") or DATA_PATTERN.fullmatch(name) is not None


def remove(root: Path, path: str) -> None:
    """Remove a file or a folder, and the folders above it that this leaves empty."""
    target = root / path
    if target.is_dir():
        shutil.rmtree(target, ignore_errors=True)
    else:
        target.unlink(missing_ok=True)
    for parent in target.parents:
        if parent == root:
            break
        with contextlib.suppress(OSError):
            parent.rmdir()


def abandoned(root: Path, before: datetime) -> list[str]:
    """Return the paths of unpublished work whose process is gone, and of work to be resumed not written since."""
    unpublished = (root / ".staging").glob("*-*")
    found = [folder for folder in unpublished if not _is_alive(folder.name.split("-", 1)[0])]
    found += [folder for folder in (root / ".scratch").glob("*") if not is_written_after(folder, before)]
    return sorted(folder.relative_to(root).as_posix() for folder in found)


def is_written_after(folder: Path, moment: datetime) -> bool:
    """Return whether the folder or a file below it was written after a moment."""
    for path in (folder, *folder.rglob("*")):
        with contextlib.suppress(FileNotFoundError):  # one that goes meanwhile is not being written
            if datetime.fromtimestamp(path.stat().st_mtime, UTC) > moment:
                return True
    return False


@contextlib.contextmanager
def flock(path: Path, *, is_shared: bool, is_waiting: bool) -> Iterator[bool]:
    """Lock a file; the kernel lets it go when the process dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | (0 if is_waiting else fcntl.LOCK_NB)
    while True:
        with path.open("a") as file:
            try:
                fcntl.flock(file, mode)
            except BlockingIOError:
                yield False
                return
            if _is_at(path, file.fileno()):  # else it was removed between opening and locking: others lock another
                yield True
                return


def remove_idle_locks(folder: Path) -> None:
    """Remove the lock files that nobody holds: only who holds one may, so it is still the one that others open."""
    for path in folder.glob("*"):
        with flock(path, is_shared=False, is_waiting=False) as is_mine:
            if is_mine:
                path.unlink()


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _is_alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True
