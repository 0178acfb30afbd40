"""Prefect's temporary server in a process of its own: it starts while a run is imported, and ends when the run does.

Prefect starts such a server itself where none is named, but only once all of Prefect is imported, and leaves it behind
when the run is killed. Here the run holds one end of a pipe; however the run ends, the server sees the pipe close.
"""

from __future__ import annotations

import atexit
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Final

from flows.imports import uncollected
from tasks.errors import UnavailableError

START_TIMEOUT_S: Final = 180.0
STOP_TIMEOUT_S: Final = 10.0
SERVES: Final = {"PREFECT_UI_ENABLED": "false", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}
"""What Prefect sets for a temporary server: no pages, and only the services that a single run needs."""


def start_temporary_server(home: Path) -> None:
    """Let Prefect of this process talk to a server that keeps its database below `home`, until the process ends.

    To be called before Prefect is imported. The server accepts connections at once and answers when it is ready.

    Raises:
        UnavailableError: It ended before it listened.
    """
    (home / "prefect").mkdir(parents=True, exist_ok=True)
    os.environ["PREFECT_HOME"] = str(home / "prefect")
    process = subprocess.Popen(
        [sys.executable, "-c", "from flows.server import serve; serve()"],
        env={**os.environ, **SERVES, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,  # Ctrl-C is for the run alone: the server would tell at length of what it cuts off
    )
    assert process.stdin is not None
    assert process.stdout is not None
    # Called last, since registered first: Prefect sends its last logs when this process ends.
    atexit.register(process.stdin.close)
    port = process.stdout.readline().strip()
    if not port:
        process.communicate()
        raise _unavailable("", f"it ended with exit code {process.returncode} before it listened.")
    os.environ["PREFECT_API_URL"] = f"http://127.0.0.1:{port}/api"


def wait_until_ready() -> None:
    """Return when the server of `start_temporary_server` answers.

    Raises:
        UnavailableError: It ended, or was not ready in three minutes.
    """
    import httpx

    url = os.environ["PREFECT_API_URL"]
    try:
        httpx.get(f"{url}/health", timeout=START_TIMEOUT_S, trust_env=False).raise_for_status()
    except httpx.HTTPError as error:
        raise _unavailable(f" at {url}", str(error) or type(error).__name__) from error


def _unavailable(place: str, problem: str) -> UnavailableError:
    return UnavailableError(
        source=f"Prefect's temporary server{place}",
        problem=problem,
        fix="Look at what it printed above, or name a running server in PREFECT_API_URL.",
    )


def serve() -> None:
    """Serve Prefect's API on a free port, printed first, until standard input closes."""
    listening = listen()
    print(listening.getsockname()[1], flush=True)  # noqa: T201 - how the run learns of the port
    _stay_on_one_core()

    with uncollected():
        import uvicorn
        from prefect.server.api.server import create_app

    server = uvicorn.Server(uvicorn.Config(create_app, factory=True, log_level="error", lifespan="on"))

    def stop_with_the_run() -> None:
        sys.stdin.read()
        logging.disable()  # the run has told how it ended; what is cut off here is not its matter
        server.should_exit = True
        time.sleep(STOP_TIMEOUT_S)
        os._exit(0)

    threading.Thread(target=stop_with_the_run, daemon=True).start()
    server.run(sockets=[listening])


def listen() -> socket.socket:
    """Return a socket that listens on a free port of this machine, whose answers are sent at once.

    asyncio lets no answer wait for more to be sent where a socket names its protocol, which `socket.create_server` does
    not: each answer in two parts then takes 40 ms (Nagle's algorithm and delayed acknowledgements, RFC 896 and 1122).
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    return listening


def _stay_on_one_core() -> None:
    """Keep this process on one core, where the system can: one thread at a time is all that Python runs.

    The server's loop and its database's thread wait for each other at every statement. Woken on another core each time,
    they need 20 s to make a new database; on one core, 9 s.
    """
    if sys.platform == "linux":
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[os.getpid() % len(cores)]})
