"""Finds the files of a table's sources: local ones, those in packages and object stores, and results of queries."""

from __future__ import annotations

import errno
import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any, Final

from pydantic import Field

from tasks.assets.file_system import file_system, is_of_a_store
from tasks.assets.recipe import StageConfig
from tasks.assets.store import file_digest
from tasks.errors import CredentialsError, MissingSourceError, UnavailableError
from tasks.ingest.config import SourceConfig
from tasks.ingest.database import spool_query
from tasks.ingest.folders import WILDCARDS, demand_pattern, files_below, files_like, has_hidden
from tasks.ingest.texts import archive_members, naming_damage

LOCAL: Final = ""


class Shard(StageConfig):
    """One file of one source, or one member of an archive.

    `digest` stands for its content: the SHA-256 of its bytes, or an object store's entity tag. `place` is where it lies
    on this machine, or its address; it is no part of a recipe. `path` is where it lies as shop.yaml's reader would say
    it: from that file's folder.
    """

    name: str
    file: str
    path: str
    digest: str
    member: str | None = None
    source: SourceConfig
    place: str = Field(json_schema_extra={"recipe": False})

    @property
    def is_one_of_many(self) -> bool:
        """Whether the source is a pattern or a folder, whose files may differ in their columns."""
        return self.source.query is None and self.path != _plain(self.source.uri)

    @property
    def where(self) -> str:
        """Words that no other file or member has: its path, and its place in its archive."""
        return self.path if self.member is None else f"{self.path}/{self.member}"


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
        UsageError: The package that reaches a store is not installed, or no store has such an address.
    """
    found = [item for source in sources for item in _find(table, source, base, spool)]
    return tuple(item.model_copy(update={"name": name}) for item, name in zip(found, _names(found), strict=True))


def is_remote(uri: str) -> bool:
    """Return whether a uri is an address in an object store."""
    return "://" in uri and not uri.startswith(("package://", "file://", "postgresql://", "postgres://"))


def _find(table: str, source: SourceConfig, base: Path, spool: Path) -> Iterator[Shard]:
    if source.query is not None:
        result, digest = spool_query(source.uri, source.query, spool)
        words = f"{source.uri} {' '.join(source.query.split())}"
        yield Shard(name="", file="query", path=words[:120], digest=digest, source=source, place=str(result))
        return
    files = _remote_files(source.uri) if is_remote(source.uri) else _local_files(table, source.uri, base)
    is_empty = True
    for file, path, place, digest in files:
        is_empty = False
        for member in _members(table, path, place):
            yield Shard(name="", file=file, path=path, digest=digest, member=member, source=source, place=place)
    if is_empty:
        raise MissingSourceError(
            source=source.uri, table=table, fix=f"Deliver it, or mend `uri`; relative ones start at “{base}”."
        )


def _local_files(table: str, uri: str, base: Path) -> Iterator[tuple[str, str, str, str]]:
    """Yield the files of a uri: the name below its fixed part, the path as it is written, the place and the digest."""
    written = _plain(uri)
    root = _package_path(uri) if uri.startswith("package://") else base / written
    if _is_there(root) and not root.is_dir():
        yield root.name, written, str(root), f"sha256:{file_digest(root)}"
        return
    if _is_there(root):
        found = files_below(root)
    elif WILDCARDS.search(written):
        fixed, pattern = _split_pattern(written)
        demand_pattern(pattern)
        written, root = fixed, base / fixed
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
        yield file, (PurePosixPath(written) / file).as_posix(), str(path), f"sha256:{file_digest(path)}"


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


def _remote_files(uri: str) -> Iterator[tuple[str, str, str, str]]:
    try:
        system, path = file_system(uri)
        system.invalidate_cache()
        found = _listed(system, path)
    except FileNotFoundError as error:
        if _is_absent(error):
            return
        raise _unreachable(uri, error) from error
    except PermissionError as error:
        raise CredentialsError(
            source=uri, problem=f"{error}.", fix="Set the store's credentials in the environment."
        ) from error
    except Exception as error:
        if not is_of_a_store(error):
            raise
        raise UnavailableError(source=uri, problem=f"{error}.", fix="Check the address and the endpoint.") from error
    for name, info in sorted(found.items()):
        if info["type"] == "file":
            place = _address(uri, name)
            file = name.split("?", 1)[0] if "://" in name else name
            yield file.rsplit("/", 1)[-1], place, place, f"etag:{_etag(info)}"


def _address(uri: str, name: str) -> str:
    """Return the address of a file in the store of a uri, with the account where the uri names one."""
    if "://" in name:
        return name
    scheme, _, rest = uri.partition("://")
    root = rest.partition("/")[0]
    bucket = root.partition("@")[0]
    return f"{scheme}://{root}{name.removeprefix(bucket)}" if name.startswith(f"{bucket}/") else f"{scheme}://{name}"


def _listed(system: Any, path: str) -> dict[str, Any]:  # what fsspec says of files
    if "://" in path:  # a web server lists nothing, and its addresses may hold a “?”
        return {path: system.info(path)}
    if WILDCARDS.search(path):
        demand_pattern(path)
        return dict(system.glob(path, detail=True))
    found = system.find(path, detail=True)
    return {name: info for name, info in found.items() if name == path or not has_hidden(name[len(path) :].strip("/"))}


def _is_absent(error: FileNotFoundError) -> bool:
    """Whether a store or server says that it has no such file; a web server that cannot be reached raises the same."""
    cause = error.__cause__
    return cause is None or getattr(cause, "status", None) in {404, 410}


def _unreachable(uri: str, error: FileNotFoundError) -> CredentialsError | UnavailableError:
    cause = error.__cause__
    status = getattr(cause, "status", None)
    if status in {401, 403}:
        return CredentialsError(source=uri, problem=f"It answers {status}.", fix="Deliver it where it may be read.")
    problem = f"The server cannot be reached: {cause}." if status is None else f"The server answers {status}."
    return UnavailableError(source=uri, problem=problem, fix="Check the address, or run again when the server is up.")


def _etag(info: dict[str, Any]) -> str:  # what a store says of an object
    names = ("ETag", "etag", "LastModified", "Last-Modified", "mtime")
    tag = next((info[name] for name in names if info.get(name)), None)
    return hashlib.sha256(f"{tag}|{info.get('size')}".encode()).hexdigest()


def _members(table: str, path: str, place: str) -> list[str | None]:
    if "://" in place or not place.lower().endswith(".zip"):
        return [None]
    with naming_damage(path, table):
        return list(archive_members(Path(place)))


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
