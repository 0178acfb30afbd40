"""Prefect's temporary server: there for a run, gone with it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from flows.server import listen, start_temporary_server, wait_until_ready
from tasks.errors import UnavailableError
from tests.pandian import environment

STARTS = """
import os, signal, sys
from pathlib import Path
from flows.server import start_temporary_server, wait_until_ready
start_temporary_server(Path(sys.argv[1]))
wait_until_ready()
(server,) = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
print(os.environ["PREFECT_API_URL"], len(os.sched_getaffinity(int(server))), flush=True)
"""
KILLED = STARTS + "os.kill(os.getpid(), signal.SIGKILL)\n"
CTRL_C = STARTS + "signal.signal(signal.SIGINT, signal.default_int_handler)\nos.killpg(0, signal.SIGINT)\n"
"""Python's own answer to Ctrl-C, also where the tests run in the background, with the signal ignored."""


@pytest.mark.service
@pytest.mark.parametrize(
    ("code", "exit_code"),
    [(STARTS, 0), (KILLED, -signal.SIGKILL), (CTRL_C, -signal.SIGINT)],
    ids=["ended", "killed", "stopped"],
)
def test_the_server_ends_with_the_run_even_a_killed_one(tmp_path: Path, code: str, exit_code: int) -> None:
    # The server inherits standard error: it is at its end only when the server is gone too.
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        env=environment({"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as run:
        output, errors = run.communicate(timeout=300)

    assert run.returncode == exit_code, errors
    assert errors.count("Traceback") == (1 if code == CTRL_C else 0), "the server says nothing of what is cut off"
    url, cores = output.split()
    assert url.startswith("http://127.0.0.1:"), errors
    assert cores == "1", "threads that wait for each other stay on one core"
    assert (tmp_path / "prefect" / "prefect.db").is_file()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "PREFECT_API_URL", url)
        with pytest.raises(UnavailableError, match="temporary server"):
            wait_until_ready()


def test_a_server_that_cannot_start_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    monkeypatch.setenv("PREFECT_HOME", "")
    with pytest.raises(UnavailableError, match="exit code 1 before it listened"):
        start_temporary_server(tmp_path)


def test_answers_of_the_server_do_not_wait_for_more_to_be_sent() -> None:
    async def has_no_delay() -> bool:
        found: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted = writer.get_extra_info("socket")
            found.set_result(bool(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))
            writer.close()

        with listen() as listening:
            async with await asyncio.start_server(answer, sock=listening):
                _, writer = await asyncio.open_connection(*listening.getsockname())
                writer.close()
                return await found

    assert asyncio.run(has_no_delay())
