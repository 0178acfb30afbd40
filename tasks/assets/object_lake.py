"""A lake in an object store, through fsspec."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from tasks.assets import disk
from tasks.assets.asset import DATA_PATTERN
from tasks.assets.file_system import demand_driver, file_system, is_of_a_store
from tasks.errors import LakeError, UnavailableError


class ObjectLake:
    """A prefix in an object store. Data never changes, so a local copy of it is good as long as it is named.

    Object stores have no locks: one holds among those who share the cache. Two machines may do the same work; a
    conditional put picks one.

    Raises:
        UsageError: The package that reaches the store is not installed.
    """

    locks_everybody: ClassVar[bool] = False

    def __init__(self, url: str, cache: Path) -> None:
        demand_driver(url)
        self.url = url.rstrip("/")
        self.cache = cache / hashlib.sha256(self.url.encode()).hexdigest()[:12]

    def staging(self) -> Path:
        """Return a new folder in the cache."""
        return disk.new_staging(self.cache)

    def scratch(self, name: str) -> Path:
        """Return a folder in the cache that outlives a crash."""
        folder = self.cache / ".scratch" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def publish(self, folder: Path, path: str) -> None:
        """Upload a folder's files, and keep the folder as their local copy."""
        files = [file for file in folder.rglob("*") if file.is_file()]
        with self._writing():
            self._fs.put(
                [str(file) for file in files],
                [self._at(f"{path}/{file.relative_to(folder).as_posix()}") for file in files],
            )
        copy = self.cache / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(copy)

    def create(self, path: str, content: bytes) -> bool:
        """Put an object on the condition that there is none."""
        with self._writing():
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
        with self._writing():
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
        """Return the paths of all published objects of that name, sorted."""
        named = (path for path in self._files() if path.rsplit("/", 1)[-1] == name)
        return sorted(path for path in named if _data_folder(path) is None)

    def delete(self, path: str) -> None:
        """Remove an object or everything below a path, and the local copy."""
        with self._reporting(), contextlib.suppress(FileNotFoundError):
            self._fs.rm(self._at(path), recursive=True)
        disk.remove(self.cache, path)

    def attempts(self) -> list[str]:
        """Return the prefixes of all data folders and the paths of all copies, sorted."""
        published = {folder for path in self._files() if (folder := _data_folder(path)) is not None}
        return sorted(published.union(disk.data_folders(self.cache)))

    def abandoned(self, before: datetime) -> list[str]:
        """Return the paths of such folders in the cache, sorted."""
        return disk.abandoned(self.cache, before)

    def sweep(self, before: datetime) -> None:
        """Remove the files of locks that nobody holds, and on S3 what was uploaded of files that never became whole.

        Google's and Azure's stores drop such parts by themselves. Where an S3 endpoint does not let us, they stay.
        """
        disk.remove_idle_locks(self.cache / ".locks")
        if self.url.startswith(("s3://", "s3a://")):
            with contextlib.suppress(UnavailableError, FileNotFoundError), self._reporting():
                self._abort_uploads(before)

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
        return disk.flock(self.cache / ".locks" / name, is_shared=is_shared, is_waiting=is_waiting)

    def _abort_uploads(self, before: datetime) -> None:
        bucket, _, prefix = self._at("").partition("/")
        found = self._fs.call_s3("list_multipart_uploads", Bucket=bucket, Prefix=f"{prefix}/".lstrip("/"))
        for upload in found.get("Uploads", []):
            if upload["Initiated"] < before:
                place = {"Key": upload["Key"], "UploadId": upload["UploadId"]}
                self._fs.call_s3("abort_multipart_upload", Bucket=bucket, **place)

    def _files(self, path: str = "") -> list[str]:
        root = self._at("")
        with self._reporting():
            try:
                found: list[str] = self._fs.find(self._at(path))
            except FileNotFoundError:
                return []
        return [file[len(root) :].lstrip("/") for file in found]

    @property
    def _fs(self) -> Any:  # fsspec ships no types
        return file_system(self.url)[0]

    def _at(self, path: str) -> str:
        return f"{file_system(self.url)[1]}/{path}".rstrip("/")

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Report failures; where something cannot be found to write to, that is the bucket."""
        try:
            with self._reporting():
                yield
        except FileNotFoundError as error:
            raise LakeError(
                lake=self.url, problem="there is no such bucket.", fix="Make it, or mend `lake` in shop.yaml."
            ) from error

    @contextlib.contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, FileExistsError):
            raise
        except Exception as error:
            if not is_of_a_store(error):
                raise
            raise UnavailableError(
                source=self.url,
                problem=f"{type(error).__name__}: {str(error).rstrip('.')}.",
                fix="Check the address, the credentials and the endpoint of the lake, then run again.",
            ) from error


def _data_folder(path: str) -> str | None:
    """The data folder that an object lies in; None for a manifest."""
    folders = path.split("/")[:-1]
    return next(
        ("/".join(folders[: end + 1]) for end, name in enumerate(folders) if DATA_PATTERN.fullmatch(name)), None
    )
