"""Where bytes lie: a local folder, or an object store through fsspec. Only the store speaks to these.

A lake offers what assets need and no more: publish a folder, create a small file if and only if it is absent, read,
list, delete. Creating is the one atomic step: `link(2)` on a folder, a conditional put on an object store.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Protocol

from tasks.errors import UnavailableError


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


class LocalLake:
    """A folder. Publishing is a rename, creating is a hard link, a lock is `flock(2)`."""

    locks_everybody: ClassVar[bool] = True

    def __init__(self, root: Path) -> None:
        self.root = root.expanduser().resolve()
        self.url = str(self.root)

    def staging(self) -> Path:
        """Return a new folder on the lake's own disk, so that publishing it is a rename."""
        return _staging(self.root)

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
            below[:] = [part for part in below if not part.startswith((".", "data-"))]
            if name in files:
                found.append((Path(folder) / name).relative_to(self.root).as_posix())
        return sorted(found)

    def delete(self, path: str) -> None:
        """Remove a file or a folder, and the folders above it that this leaves empty."""
        _remove(self.root, path)

    def attempts(self) -> list[str]:
        """Return the paths of all data folders, sorted."""
        return _data_folders(self.root)

    def abandoned(self, before: datetime) -> list[str]:
        """Return the paths of such folders in `.staging` and `.scratch`, sorted."""
        return _abandoned(self.root, before)

    def is_written_after(self, path: str, moment: datetime) -> bool:
        """Look at the times of the files."""
        return _is_written_after(self.root / path, moment)

    def lock(
        self, name: str, *, is_shared: bool = False, is_waiting: bool = True
    ) -> contextlib.AbstractContextManager[bool]:
        """Hold `flock(2)` on a file below `.locks`."""
        return _flock(self.root / ".locks" / name, is_shared=is_shared, is_waiting=is_waiting)

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


class ObjectLake:
    """A prefix in an object store. Data never changes, so a local copy of it is good as long as it is named.

    Object stores have no locks: one holds among those who share the cache. Two machines may do the same work; a
    conditional put picks one.
    """

    locks_everybody: ClassVar[bool] = False

    def __init__(self, url: str, cache: Path) -> None:
        self.url = url.rstrip("/")
        self.cache = cache / hashlib.sha256(self.url.encode()).hexdigest()[:12]

    def staging(self) -> Path:
        """Return a new folder in the cache."""
        return _staging(self.cache)

    def scratch(self, name: str) -> Path:
        """Return a folder in the cache that outlives a crash."""
        folder = self.cache / ".scratch" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def publish(self, folder: Path, path: str) -> None:
        """Upload a folder's files, and keep the folder as their local copy."""
        files = [file for file in folder.rglob("*") if file.is_file()]
        with self._reporting():
            self._fs.put(
                [str(file) for file in files],
                [self._at(f"{path}/{file.relative_to(folder).as_posix()}") for file in files],
            )
        copy = self.cache / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(copy)

    def create(self, path: str, content: bytes) -> bool:
        """Put an object on the condition that there is none."""
        with self._reporting():
            try:
                self._fs.pipe_file(self._at(path), content, mode="create")
            except FileExistsError:
                return False
            except OSError as error:
                if "PreconditionFailed" in repr(error) or "At least one of the pre-conditions" in str(error):
                    return False
                raise
        return True

    def replace(self, path: str, content: bytes) -> None:
        """Put an object: the store shows it when it is whole."""
        with self._reporting():
            self._fs.pipe_file(self._at(path), content)

    def read(self, path: str) -> bytes | None:
        """Return an object's bytes, or None."""
        with self._reporting():
            try:
                content: bytes = self._fs.cat_file(self._at(path))
            except FileNotFoundError:
                return None
        return content

    def local(self, path: str) -> Path:
        """Return a local copy, downloaded when it is first asked for."""
        copy = self.cache / path
        if not copy.is_dir():
            folder = self.staging()
            try:
                with self._reporting():
                    self._fs.get(self._at(path) + "/", str(folder) + "/", recursive=True)
                copy.parent.mkdir(parents=True, exist_ok=True)
                with contextlib.suppress(OSError):  # another process was faster; its copy is as good
                    folder.rename(copy)
            except FileNotFoundError:  # whoever reads the copy names what is missing
                return copy
            finally:
                shutil.rmtree(folder, ignore_errors=True)
        return copy

    def forget(self, path: str) -> bool:
        """Remove the local copy."""
        shutil.rmtree(self.cache / path, ignore_errors=True)
        return True

    def find(self, name: str) -> list[str]:
        """Return the paths of all objects of that name, sorted."""
        return sorted(path for path in self._files() if path.rsplit("/", 1)[-1] == name)

    def delete(self, path: str) -> None:
        """Remove an object or everything below a path, and the local copy."""
        with self._reporting(), contextlib.suppress(FileNotFoundError):
            self._fs.rm(self._at(path), recursive=True)
        _remove(self.cache, path)

    def attempts(self) -> list[str]:
        """Return the prefixes of all data folders and the paths of all copies, sorted."""
        parts = [path.split("/") for path in self._files()]
        ends = [(part, next((i for i, word in enumerate(part) if word.startswith("data-")), -1)) for part in parts]
        published = {"/".join(part[: end + 1]) for part, end in ends if end > 0}
        return sorted(published.union(_data_folders(self.cache)))

    def abandoned(self, before: datetime) -> list[str]:
        """Return the paths of such folders in the cache, sorted."""
        return _abandoned(self.cache, before)

    def is_written_after(self, path: str, moment: datetime) -> bool:
        """Look at the times of the objects."""
        files = self._files(path)
        with self._reporting(), contextlib.suppress(FileNotFoundError):  # one that goes meanwhile is not being written
            return any(self._fs.modified(self._at(file)) > moment for file in files)
        return False

    def lock(
        self, name: str, *, is_shared: bool = False, is_waiting: bool = True
    ) -> contextlib.AbstractContextManager[bool]:
        """Hold `flock(2)` on a file in the cache: nobody on another machine sees it."""
        return _flock(self.cache / ".locks" / name, is_shared=is_shared, is_waiting=is_waiting)

    def _files(self, path: str = "") -> list[str]:
        root = self._at("")
        with self._reporting():
            self._fs.invalidate_cache()
            try:
                found: list[str] = self._fs.find(self._at(path))
            except FileNotFoundError:
                return []
        return [file[len(root) :].lstrip("/") for file in found]

    @property
    def _fs(self) -> Any:  # fsspec ships no types
        import fsspec

        return fsspec.core.url_to_fs(self.url)[0]

    def _at(self, path: str) -> str:
        root = self.url.split("://", 1)[1]
        return f"{root}/{path}".rstrip("/")

    @contextlib.contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, FileExistsError):
            raise
        except _failures() as error:
            raise UnavailableError(
                source=self.url,
                problem=f"{type(error).__name__}: {error}",
                fix="Check the address, the credentials and the endpoint of the lake, then run again.",
            ) from error


def _failures() -> tuple[type[Exception], ...]:
    """Return what fsspec lets through when a store does not answer; botocore's errors are no OSError."""
    try:
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        return (OSError,)
    return (OSError, BotoCoreError, ClientError)


def _staging(root: Path) -> Path:
    folder = root / ".staging" / f"{os.getpid()}-{uuid.uuid4().hex}"
    folder.mkdir(parents=True)
    return folder


def _data_folders(root: Path) -> list[str]:
    found = []
    for folder, below, _ in os.walk(root):
        found += [(Path(folder) / part).relative_to(root).as_posix() for part in below if part.startswith("data-")]
        below[:] = [part for part in below if not part.startswith((".", "data-"))]
    return sorted(found)


def _remove(root: Path, path: str) -> None:
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


def _abandoned(root: Path, before: datetime) -> list[str]:
    unpublished = (root / ".staging").glob("*-*")
    found = [folder for folder in unpublished if not _is_alive(folder.name.split("-", 1)[0])]
    found += [folder for folder in (root / ".scratch").glob("*") if not _is_written_after(folder, before)]
    return sorted(folder.relative_to(root).as_posix() for folder in found)


def _is_written_after(folder: Path, moment: datetime) -> bool:
    for path in (folder, *folder.rglob("*")):
        with contextlib.suppress(FileNotFoundError):  # one that goes meanwhile is not being written
            if datetime.fromtimestamp(path.stat().st_mtime, UTC) > moment:
                return True
    return False


@contextlib.contextmanager
def _flock(path: Path, *, is_shared: bool, is_waiting: bool) -> Iterator[bool]:
    """Lock a file; the kernel lets it go when the process dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | (0 if is_waiting else fcntl.LOCK_NB)
    with path.open("a") as file:
        try:
            fcntl.flock(file, mode)
        except BlockingIOError:
            yield False
            return
        yield True


def _is_alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True
