"""Real services, started by the tests that need them."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True)
class S3:
    """An S3 endpoint with one empty bucket."""

    endpoint: str
    bucket: str

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}"


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def s3_endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    """A moto server, named in the environment the way AWS clients read it."""
    import boto3
    from moto.server import ThreadedMotoServer
    from s3fs import S3FileSystem

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    S3FileSystem.clear_instance_cache()  # it keeps clients of earlier endpoints
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    bucket = f"bucket-{port}"
    boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket=bucket)
    try:
        yield S3(endpoint, bucket)
    finally:
        server.stop()
        S3FileSystem.clear_instance_cache()


@dataclass(frozen=True, slots=True)
class Postgres:
    """A PostgreSQL server on loopback, with a database `shop` and a user `shop` whose password is `secret`."""

    port: int

    @property
    def url(self) -> str:
        return f"postgresql://shop@127.0.0.1:{self.port}/shop"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """PostgreSQL from the system's package, in a folder of its own that its user may reach."""
    with (
        tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as folder,
        _postgres(Path(folder)) as server,
    ):
        yield server


@contextmanager
def _postgres(folder: Path) -> Iterator[Postgres]:
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    assert binaries, "PostgreSQL is not installed: apt-get install postgresql"
    port, data = free_port(), folder / "data"
    password = folder / "password"
    password.write_text("secret\n")
    folder.chmod(0o755)
    _give_away(folder)
    _as_postgres(binaries[-1] / "initdb", "-D", data, "-U", "shop", "--auth=scram-sha-256", f"--pwfile={password}")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    _as_postgres(binaries[-1] / "pg_ctl", "-D", data, "-l", folder / "log", "-o", options, "-w", "start")
    try:
        _execute(port, "postgres", "create database shop")
        yield Postgres(port)
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):  # it has died by itself, which the tests have noticed
            _as_postgres(binaries[-1] / "pg_ctl", "-D", data, "-m", "immediate", "stop")


def _execute(port: int, database: str, statement: str) -> None:
    import psycopg2

    connection = psycopg2.connect(host="127.0.0.1", port=port, user="shop", password="secret", dbname=database)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


def _give_away(folder: Path) -> None:
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, "postgres", "postgres")


def _as_postgres(*command: object) -> None:
    """PostgreSQL refuses to run as root, so root becomes its user."""
    user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
    identity = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid}
    subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL, cwd="/", **identity)  # type: ignore[call-overload]  # user and group are ints
