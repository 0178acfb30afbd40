"""Finds and fetches files of object stores and web servers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tasks.assets.file_system import file_system, is_of_a_store
from tasks.errors import CredentialsError, UnavailableError
from tasks.ingest.folders import WILDCARDS, demand_pattern, has_hidden

TAGS: Final = ("ETag", "etag", "LastModified", "mtime")
"""What stores say of a file's content; of several the first counts.

A web server's `Last-Modified` does not: it knows whole seconds, and some servers write there when they answered.
"""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file: its name, its address, and what stands for its content where the store says something of that."""

    name: str
    address: str
    tag: str | None


def is_remote(uri: str) -> bool:
    """Return whether a uri is an address in an object store or of a web server."""
    return "://" in uri and not uri.startswith(("package://", "file://", "postgresql://", "postgres://"))


def remote_files(uri: str) -> list[RemoteFile]:
    """Return the files that a uri means now, by name; none where nothing is there.

    Raises:
        CredentialsError: The store or server refused.
        UnavailableError: It does not answer.
        UsageError: The package that reaches it is not installed, or nothing has such an address.
    """
    try:
        with _translated(uri):
            found = _listed(uri)
    except FileNotFoundError:
        return []
    files = ((name, info) for name, info in sorted(found.items()) if info["type"] == "file")
    return [RemoteFile(_short(name), _address(uri, name), _tag(info)) for name, info in files]


def read_tag(address: str) -> str | None:
    """Return what stands for a file's content now; nothing where the file is gone.

    Raises:
        CredentialsError, UnavailableError, UsageError: As `remote_files` does.
    """
    try:
        with _translated(address):
            system, path = file_system(address)
            return _tag(system.info(path))
    except FileNotFoundError:
        return None


def fetch_file(address: str, target: Path) -> None:
    """Copy a file to this machine, in bounded memory.

    Raises:
        UnavailableError: The store does not answer, or the file is gone.
        UsageError: The package that reaches the store is not installed.
    """
    system, path = file_system(address)
    try:
        system.get_file(path, str(target))
    except Exception as error:
        if not is_of_a_store(error):
            raise
        raise UnavailableError(source=address, problem=f"{error}.", fix="Run again when it is there.") from error


@contextmanager
def _translated(uri: str) -> Iterator[None]:
    """Tell what a store or server answers; a file that it has not is a FileNotFoundError."""
    try:
        yield
    except FileNotFoundError as error:
        if _is_absent(error):
            raise
        raise _unreachable(uri, error) from error
    except PermissionError as error:
        raise CredentialsError(
            source=uri, problem=f"{error}.", fix="Set the store's credentials in the environment."
        ) from error
    except Exception as error:
        if not is_of_a_store(error):
            raise
        raise UnavailableError(source=uri, problem=f"{error}.", fix="Check the address and the endpoint.") from error


def _listed(uri: str) -> dict[str, Any]:  # what fsspec says of files
    system, path = file_system(uri)
    if "://" in path:  # a web server lists nothing, and its addresses may hold a “?”
        return {path: system.info(path)}
    if WILDCARDS.search(path):
        demand_pattern(path)
        return dict(system.glob(path, detail=True))
    found = system.find(path, detail=True)
    return {name: info for name, info in found.items() if name == path or not has_hidden(name[len(path) :].strip("/"))}


def _short(name: str) -> str:
    return (name.split("?", 1)[0] if "://" in name else name).rsplit("/", 1)[-1]


def _address(uri: str, name: str) -> str:
    """Return the address of a file in the store of a uri, with the account where the uri names one."""
    if "://" in name:
        return name
    scheme, _, rest = uri.partition("://")
    root = rest.partition("/")[0]
    bucket = root.partition("@")[0]
    return f"{scheme}://{root}{name.removeprefix(bucket)}" if name.startswith(f"{bucket}/") else f"{scheme}://{name}"


def _tag(info: dict[str, Any]) -> str | None:  # what fsspec says of a file
    tag = next((info[name] for name in TAGS if info.get(name)), None)
    if tag is None:
        return None
    bare = str(tag).strip('"')  # some stores quote it in answers about one file alone
    return hashlib.sha256(f"{bare}|{info.get('size')}".encode()).hexdigest()


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
