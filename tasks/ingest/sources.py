"""Finds the files of a table's sources: local ones, those in packages and object stores, and results of queries."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import Field

from tasks.assets.recipe import StageConfig
from tasks.assets.store import file_digest
from tasks.errors import CredentialsError, DamagedSourceError, MissingSourceError, UnavailableError
from tasks.ingest.config import SourceConfig
from tasks.ingest.database import spool_query

LOCAL: Final = ""
WILDCARDS: Final = re.compile(r"[*?\[]")


class Shard(StageConfig):
    """One file of one source, or one member of an archive.

    `digest` stands for its content: the SHA-256 of its bytes, or an object store's entity tag. `place` is where it lies
    on this machine, or its address; it is no part of a recipe.
    """

    name: str
    file: str
    digest: str
    member: str | None = None
    source: SourceConfig
    place: str = Field(json_schema_extra={"recipe": False})

    @property
    def is_one_of_many(self) -> bool:
        """Whether the source is a pattern or a folder, whose files may differ in their columns."""
        return bool(WILDCARDS.search(self.source.uri)) or self.file != self.source.uri.rstrip("/").rsplit("/", 1)[-1]


def find_shards(table: str, sources: Sequence[SourceConfig], base: Path, spool: Path) -> tuple[Shard, ...]:
    """Return the files that a table's sources have now, each with a name that is its own within the table.

    Args:
        table: The table's name.
        sources: Its sources, in order.
        base: The folder that relative uris start from.
        spool: A folder for results of queries.

    Raises:
        MissingSourceError: No file lies where a source should be.
        CredentialsError: A database or store refused the user or password.
        UnavailableError: A database or store does not answer.
    """
    found = [item for source in sources for item in _find(table, source, base, spool)]
    counts = Counter(_slug(item.file, item.member) for item in found)
    return tuple(item.model_copy(update={"name": _name(item, counts)}) for item in found)


def is_remote(uri: str) -> bool:
    """Return whether a uri is an address in an object store."""
    return "://" in uri and not uri.startswith(("package://", "file://", "postgresql://", "postgres://"))


def _find(table: str, source: SourceConfig, base: Path, spool: Path) -> Iterator[Shard]:
    if source.query is not None:
        path, digest = spool_query(source.uri, source.query, spool)
        yield Shard(name="", file="query", digest=digest, source=source, place=str(path))
        return
    files = _remote_files(source.uri) if is_remote(source.uri) else _local_files(source.uri, base)
    is_empty = True
    for file, place, digest in files:
        is_empty = False
        for member in _members(table, place):
            yield Shard(name="", file=file, digest=digest, member=member, source=source, place=place)
    if is_empty:
        raise MissingSourceError(
            source=source.uri, table=table, fix=f"Deliver it, or mend `uri`; relative ones start at “{base}”."
        )


def _local_files(uri: str, base: Path) -> Iterator[tuple[str, str, str]]:
    root = _package_path(uri) if uri.startswith("package://") else base / uri.removeprefix("file://")
    if WILDCARDS.search(str(root)):
        anchor = next(parent for parent in root.parents if not WILDCARDS.search(str(parent)))
        paths = sorted(path for path in anchor.glob(str(root.relative_to(anchor))) if path.is_file())
    elif root.is_dir():
        anchor = root
        paths = sorted(path for path in root.rglob("*") if path.is_file() and not path.name.startswith((".", "_")))
    else:
        anchor = root.parent
        paths = [root] if root.is_file() else []
    for path in paths:
        yield path.relative_to(anchor).as_posix(), str(path), f"sha256:{file_digest(path)}"


def _package_path(uri: str) -> Path:
    package, _, inside = uri.removeprefix("package://").partition("/")
    try:
        return Path(str(resources.files(package).joinpath(inside)))
    except ModuleNotFoundError:
        return Path(uri)


def _remote_files(uri: str) -> Iterator[tuple[str, str, str]]:
    import fsspec

    scheme = uri.split("://", 1)[0]
    try:
        system, path = fsspec.core.url_to_fs(uri)
        system.invalidate_cache()
        found = system.glob(path, detail=True) if WILDCARDS.search(path) else system.find(path, detail=True)
    except FileNotFoundError:
        return
    except PermissionError as error:
        raise CredentialsError(
            source=uri, problem=f"{error}.", fix="Set the store's credentials in the environment."
        ) from error
    except Exception as error:
        if isinstance(error, ImportError) or not _is_of_a_client(error):
            raise
        raise UnavailableError(source=uri, problem=f"{error}.", fix="Check the address and the endpoint.") from error
    for name, info in sorted(found.items()):
        if info["type"] == "file":
            yield name.rsplit("/", 1)[-1], f"{scheme}://{name}", f"etag:{_etag(info)}"


def _is_of_a_client(error: Exception) -> bool:
    return isinstance(error, OSError) or type(error).__module__.split(".")[0] in {"botocore", "aiobotocore", "aiohttp"}


def _etag(info: dict[str, Any]) -> str:  # what a store says of an object
    tag = info.get("ETag") or info.get("etag") or info.get("LastModified") or info.get("mtime")
    return hashlib.sha256(f"{tag}|{info.get('size')}".encode()).hexdigest()


def _members(table: str, place: str) -> list[str | None]:
    if urlsplit(place).scheme or not place.endswith(".zip"):
        return [None]
    try:
        with zipfile.ZipFile(place) as archive:
            return [info.filename for info in archive.infolist() if not info.is_dir()]
    except zipfile.BadZipFile as error:
        raise DamagedSourceError(
            source=place, table=table, problem=f"{error}.", fix="Deliver the archive again."
        ) from error


def _slug(file: str, member: str | None) -> str:
    text = file if member is None else f"{file}-{member}"
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-.") or "file"


def _name(shard: Shard, counts: Counter[str]) -> str:
    slug = _slug(shard.file, shard.member)
    if counts[slug] == 1:
        return slug
    identity = f"{shard.source.uri}|{shard.source.query}|{shard.file}|{shard.member}"
    return f"{slug}-{hashlib.sha256(identity.encode()).hexdigest()[:8]}"
