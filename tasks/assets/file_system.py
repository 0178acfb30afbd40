"""Opens what fsspec reaches, and tells its failures from bugs. The only module that imports fsspec."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any, Final

from tasks.errors import UsageError, near_miss

DRIVERS: Final = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "az": "adlfs",
    "http": "aiohttp",
    "https": "aiohttp",
}
"""Scheme of an address to the package that reaches it."""
EXTRAS: Final = {"gcsfs": "gcs", "adlfs": "azure"}
"""Package to pandian's extra that brings it."""
CLIENTS: Final = frozenset({"botocore", "aiobotocore", "aiohttp", "gcsfs", "google", "azure"})
"""Libraries that stores are spoken to with; most of their errors are no OSError."""


def file_system(url: str) -> tuple[Any, str]:  # fsspec ships no types
    """Return fsspec's file system for an address, and the path of the address in it.

    Raises:
        UsageError: The package for such addresses is not installed, there is none, or it lacks what it needs to begin.
    """
    demand_driver(url)
    import fsspec

    try:
        # Whatever others write is there at once: a listing that is kept would hide it.
        system, path = fsspec.core.url_to_fs(url, use_listings_cache=False)
    except ImportError as error:
        raise _unusable(url, f"{error}.", "Install that where pandian is.") from error
    except ValueError as error:
        raise _unusable(url, _sentence(error), _fix(url)) from error
    return system, path


def demand_driver(url: str) -> None:
    """Return if the package that reaches an address is installed, or if it is not known which one that is.

    Raises:
        UsageError: It is not installed; how to get it is said.
    """
    package = missing_driver(url)
    if package is not None:
        raise _unusable(url, f"the package {package} is not installed.", how_to_install(package))


def missing_driver(url: str) -> str | None:
    """Return the name of the package that reaches an address where it is not installed, or None."""
    package = DRIVERS.get(_scheme(url))
    return package if package is not None and find_spec(package) is None else None


def how_to_install(package: str) -> str:
    """Return how a package that reaches a store is installed, in a sentence."""
    extra = f"; it is pandian's extra “{EXTRAS[package]}”" if package in EXTRAS else ""
    return f"Install it: `{sys.executable} -m pip install {package}`{extra}."


def is_of_a_store(error: BaseException) -> bool:
    """Return whether an error is what a store, or the way to it, made of a request; any other is a bug."""
    return isinstance(error, OSError) or type(error).__module__.split(".")[0] in CLIENTS


def _unusable(url: str, problem: str, fix: str) -> UsageError:
    return UsageError(problem=f"“{url}” cannot be opened: {problem}", fix=fix)


def _fix(url: str) -> str:
    if _scheme(url) in DRIVERS:
        return "Mend the address, or set the store's credentials in the environment."
    return f"{near_miss(_scheme(url), DRIVERS)}Name a folder, or an address with one of {', '.join(DRIVERS)}."


def _scheme(url: str) -> str:
    return url.partition("://")[0]


def _sentence(error: ValueError) -> str:
    first = next(iter(str(error).splitlines()), type(error).__name__)
    return f"{first.rstrip('.!')}."
