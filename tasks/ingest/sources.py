"""Finds the files of a table's sources: local ones, those in packages and object stores, and results of queries."""

from __future__ import annotations

import errno
import functools
import hashlib
import os
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Final

from pydantic import Field

from tasks.assets.recipe import StageConfig
from tasks.assets.store import file_digest
from tasks.errors import MissingSourceError
from tasks.ingest.config import SourceConfig
from tasks.ingest.database import write_result
from tasks.ingest.folders import WILDCARDS, demand_pattern, files_below, files_like
from tasks.ingest.remote import fetch_file, is_remote, remote_files
from tasks.ingest.spool import spooled
from tasks.ingest.unpacking import archive_members, naming_damage

SETTLED_S: Final = 2.0
"""A file's times are as coarse on some file systems."""


class Shard(StageConfig):
    """One file of one source, or one member of an archive.

    `digest` stands for its content: the SHA-256 of its bytes, or an object store's entity tag. `path` is where it lies
    as shop.yaml's reader would say it: from that file's folder. `place` is where it lies on this machine, or its
    address, and `stamp` changes with each writing to it there; neither is part of a recipe.
    """

    name: str
    file: str
    path: str
    digest: str
    member: str | None = None
    source: SourceConfig
    has_siblings: bool = Field(False, json_schema_extra={"recipe": False})
    place: str = Field(json_schema_extra={"recipe": False})
    stamp: str = Field("", json_schema_extra={"recipe": False})

    @property
    def is_one_of_many(self) -> bool:
        """Whether the source is a pattern, a folder or an archive, whose files may differ in their columns."""
        return self.has_siblings or (self.source.query is None and self.path != _plain(self.source.uri))

    @property
    def where(self) -> str:
        """Words that no other file or member has: its path, and its place in its archive."""
        return self.path if self.member is None else f"{self.path}/{self.member}"


@dataclass(frozen=True, slots=True)
class _File:
    """A file: its name below the fixed part of its uri, its path as it is written, and what `Shard` says of it."""

    name: str
    path: str
    place: str
    digest: str
    stamp: str = ""


def find_shards(table: str, sources: Sequence[SourceConfig], base: Path, spool: Path) -> tuple[Shard, ...]:
    """Return the files that a table's sources have now, each with a name that is its own within the table.

    Args:
        table: The table's name.
        sources: Its sources, in order.
        base: The folder that relative uris start from.
        spool: A folder for results of queries, and for files that must be fetched to be known.

    Raises:
        MissingSourceError: No file lies where a source should be.
        CredentialsError: A database or store refused the user or password.
        UnavailableError: A database or store does not answer.
        UsageError: The package that reaches a store is not installed, or no store has such an address.
    """
    found = [item for source in sources for item in _find(table, source, base, spool)]
    return tuple(item.model_copy(update={"name": name}) for item, name in zip(found, _names(found), strict=True))


def read_stamp(path: Path) -> str:
    """Return what changes with each writing to a file; nothing where one just now may be followed by one unseen."""
    found = path.stat()
    if time.time() - max(found.st_mtime, found.st_ctime) < SETTLED_S:
        return ""
    return f"{found.st_ino} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"


def _find(table: str, source: SourceConfig, base: Path, spool: Path) -> Iterator[Shard]:
    is_empty = True
    for file in _files(table, source, base, spool):
        is_empty = False
        members = _members(table, file)
        for member in members:
            yield Shard(
                name="",
                file=file.name,
                path=file.path,
                digest=file.digest,
                member=member,
                has_siblings=len(members) > 1,
                source=source,
                place=file.place,
                stamp=file.stamp,
            )
    if is_empty:
        raise MissingSourceError(
            source=source.uri, table=table, fix=f"Deliver it, or mend `uri`; relative ones start at “{base}”."
        )


def _files(table: str, source: SourceConfig, base: Path, spool: Path) -> Iterator[_File]:
    if source.query is not None:
        return _result(source.uri, source.query, spool)
    return _remote_files(source.uri, spool) if is_remote(source.uri) else _local_files(table, source.uri, base)


def _result(uri: str, query: str, spool: Path) -> Iterator[_File]:
    result = spooled(spool, f"{uri}|{query}", ".parquet", functools.partial(write_result, uri, query))
    words = f"{uri} {' '.join(query.split())}"
    yield _File("query", words[:120], str(result.path), result.digest)


def _remote_files(uri: str, spool: Path) -> Iterator[_File]:
    """Yield the files of a uri; one that nothing stands for is fetched now, and its content looked at."""
    for file in remote_files(uri):
        if file.tag is not None:
            yield _File(file.name, file.address, file.address, f"etag:{file.tag}")
            continue
        suffix = "".join(PurePosixPath(file.name).suffixes[-2:])
        content = spooled(spool, file.address, suffix, functools.partial(fetch_file, file.address))
        yield _File(file.name, file.address, str(content.path), content.digest)


def _local_files(table: str, uri: str, base: Path) -> Iterator[_File]:
    written = _plain(uri)
    root = _package_path(uri) if uri.startswith("package://") else _below(base, written)
    if _is_there(root) and not root.is_dir():
        yield _local(root.name, written, root)
        return
    if _is_there(root):
        found = files_below(root)
    elif WILDCARDS.search(written):
        fixed, pattern = _split_pattern(written)
        demand_pattern(pattern)
        written, root = fixed, _below(base, fixed)
        found = files_like(root, pattern) if _is_there(root) else iter(())
    else:
        return
    try:
        places = sorted(set(found))
    except FileNotFoundError as error:
        place = str(error.filename)
        raise MissingSourceError(source=place, table=table, fix=f"{error.strerror} Mend it, or remove it.") from error
    for path in places:
        file = path.relative_to(root).as_posix()
        yield _local(file, (PurePosixPath(written) / file).as_posix(), path)


def _below(base: Path, written: str) -> Path:
    """A path below a folder, or below a user's home where it begins with `~`."""
    return base / os.path.expanduser(written)  # noqa: PTH111 - a folder that is called `~x`, as no user is, stays one


def _local(name: str, written: str, path: Path) -> _File:
    stamp = read_stamp(path)
    return _File(name, written, str(path), f"sha256:{file_digest(path)}", stamp)


def _is_there(path: Path) -> bool:
    """Whether a file or a folder lies at a path; a name longer than any can be is of none."""
    try:
        return path.is_file() or path.is_dir()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return False
        raise


def _split_pattern(uri: str) -> tuple[str, str]:
    """Return the folders before the first wildcard, and the pattern below them."""
    parts = PurePosixPath(uri).parts
    first = next(position for position, part in enumerate(parts) if WILDCARDS.search(part))
    return str(PurePosixPath(*parts[:first])), str(PurePosixPath(*parts[first:]))


def _plain(uri: str) -> str:
    return uri.removeprefix("file://").rstrip("/") or "/"


def _package_path(uri: str) -> Path:
    package, _, inside = uri.removeprefix("package://").partition("/")
    try:
        return Path(str(resources.files(package).joinpath(inside)))
    except (ImportError, TypeError, ValueError):  # it is not installed, is a single module, or has no name
        return Path(uri)


def _members(table: str, file: _File) -> list[str | None]:
    if is_remote(file.place) or not file.place.lower().endswith(".zip"):
        return [None]
    with naming_damage(file.path, table):
        return list(archive_members(Path(file.place)))


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-.") or "file"


def _names(shards: Sequence[Shard]) -> list[str]:
    """Short names where they tell files apart, else paths, else names with a digest; one file has one name."""
    files = {_identity(item): item for item in shards}
    counts = Counter(_short(item) for item in files.values())
    paths = Counter(_slug(item.where) for item in files.values())
    names = []
    for item in shards:
        name, path = _short(item), _slug(item.where)
        if counts[name] > 1:
            name = path if paths[path] == 1 and path not in counts else f"{name}-{_digest(item)}"
        names.append(name)
    return names


def _short(shard: Shard) -> str:
    return _slug(shard.file if shard.member is None else f"{shard.file}-{shard.member}")


def _identity(shard: Shard) -> str:
    return f"{shard.source.query}|{shard.where}"


def _digest(shard: Shard) -> str:
    return hashlib.sha256(_identity(shard).encode()).hexdigest()[:8]
