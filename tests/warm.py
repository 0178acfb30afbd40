"""Forks runs from a process that has imported what each of them imports: 17 s of work that is the same every time.

A fork is a process like any other: it has an environment, a folder and a session of its own, can be killed, and ends as
Python ends. What depends on the environment when it is imported (Prefect, pandian itself) is left to each run. Forks
share the seed of their hashes: what must not depend on it is compared with a run that was started anew.
"""

from __future__ import annotations

import atexit
import functools
import importlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

LIBRARIES = (
    "pyarrow.dataset",
    "pyarrow.parquet",
    "duckdb",
    "pandas",
    "great_expectations",
    "torch",
    "transformers.models.bert.modeling_bert",
    "sentence_transformers",
    "peft",
    "mlflow.pyfunc",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.store.model_registry.sqlalchemy_store",
)
"""What takes a whole run long to import; none of it starts a thread, or reads what differs between runs."""

SERVES = "from tests.warm import serve; exec(serve())"
LARGEST_REQUEST = 1 << 17


class Fork:
    """A run that was forked: its process number, and its exit code once it has ended (negative for a signal)."""

    def __init__(self, told: socket.socket) -> None:
        self._socket = told
        self._told = told.makefile("r")
        self.pid = int(self._told.readline())

    def wait(self, timeout: float) -> int:
        """Wait until the run has ended, at most for some seconds, and return its exit code."""
        self._socket.settimeout(timeout)
        with self._socket:
            return int(self._told.readline())


def fork(code: str, args: Sequence[str], *, cwd: Path, env: Mapping[str, str], stdout: int, stderr: int) -> Fork:
    """Run `python -c CODE ARGS` in a session of its own, with two descriptors for its output and its errors."""
    request = json.dumps({"code": code, "args": args, "cwd": str(cwd), "env": dict(env)}).encode()
    assert len(request) < LARGEST_REQUEST
    ours, theirs = socket.socketpair()
    with theirs, _starting:
        socket.send_fds(_server(), [request], [stdout, stderr, theirs.fileno()])
    return Fork(ours)


_starting = threading.Lock()


@functools.cache
def _server() -> socket.socket:
    """What leads to the process that forks for this one, and ends with it."""
    from tests.pandian import ROOT, environment

    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen([sys.executable, "-c", SERVES], cwd=ROOT, env=environment(), stdin=theirs.fileno())

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def serve() -> str:
    """Fork a run for each request until no more can come; in each fork, return the code that it is to run."""
    from flows.settings import quiet_environment

    quiet_environment()
    for name in LIBRARIES:
        importlib.import_module(name)
    assert threading.active_count() == 1, threading.enumerate()
    with socket.socket(fileno=os.dup(0)) as requests:
        while True:
            request, descriptors, *_ = socket.recv_fds(requests, LARGEST_REQUEST, 3)
            if not request:
                return ""
            *streams, told = descriptors
            if os.fork() == 0:
                requests.close()
                run = os.fork()
                if run == 0:
                    os.close(told)
                    return _become(json.loads(request), *streams)
                _tell_how_it_ends(run, told)
            for descriptor in descriptors:
                os.close(descriptor)
            while _is_one_over():
                pass


def _become(request: Mapping[str, Any], stdout: int, stderr: int) -> str:  # JSON values of any shape
    """Turn this fork into the process that was asked for, up to its code, which is returned."""
    os.setsid()
    for stream, target in ((os.open(os.devnull, os.O_RDONLY), 0), (stdout, 1), (stderr, 2)):
        os.dup2(stream, target)
        os.close(stream)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = ["-c", *request["args"]]
    return str(request["code"])


def _tell_how_it_ends(run: int, told: int) -> NoReturn:
    os.write(told, f"{run}\n".encode())
    _, status = os.waitpid(run, 0)
    os.write(told, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _is_one_over() -> bool:
    """Take leave of a process that told how its run ended, if there is one."""
    try:
        return os.waitpid(-1, os.WNOHANG) != (0, 0)
    except ChildProcessError:
        return False
