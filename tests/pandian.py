"""Runs the `pandian` command in a process of its own, as a user does."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from flows.server import SERVES
from flows.settings import QUIET
from tests.warm import Fork, fork

ROOT = Path(__file__).parents[1]

TOLD_BY_TESTS = {*QUIET, "HF_HUB_OFFLINE", "PYTHONDONTWRITEBYTECODE"}
"""What keeps libraries from calling home in the tests' own processes, and Python from keeping what it compiled."""

CALL = "from flows.cli import main; main()"
"""What the console script does."""

DIES = """
import contextlib, os, signal
from tasks.assets.local_lake import LocalLake
from tasks.assets.store import AssetStore
def die_at(moment, key):
    if moment == os.environ["DIES_AT"] and key == os.environ["DIES_IN"]:
        os.kill(os.getpid(), signal.SIGKILL)
draft, publish, create = AssetStore.draft, LocalLake.publish, LocalLake.create
@contextlib.contextmanager
def drafting(self, spec, *args, **kwargs):
    with draft(self, spec, *args, **kwargs) as opened:
        die_at("opened", spec.key)
        yield opened
def publishing(self, folder, path):
    die_at("written", path.rsplit("/", 2)[0])
    return publish(self, folder, path)
def creating(self, path, content):
    die_at("published", path.rsplit("/", 2)[0])
    return create(self, path, content)
AssetStore.draft, LocalLake.publish, LocalLake.create = drafting, publishing, creating
from flows.cli import main
main()
"""
"""The same, killed in the making of an asset: its draft is opened, written, or published without its manifest."""


WAITS = """
import os, sys, time
from pathlib import Path
from tasks.assets.local_lake import LocalLake
create = LocalLake.create
def waiting(self, path, content):
    while path.startswith(os.environ["WAITS_BEFORE"]) and not Path(os.environ["WAITS_FOR"]).exists():
        time.sleep(0.01)
    return create(self, path, content)
LocalLake.create = waiting
from flows.cli import main
main()
"""
"""The same, stopped at that moment until a file is there."""


def pandian(
    *args: str,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    before: Sequence[str] = (),
    code: str = CALL,
    is_warm: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run `pandian ARGS` in a folder and return what it printed; `before` stands in front of the command.

    A warm run is forked from a process that has imported the libraries, and has nothing before it. The server of a
    killed run ends a moment after it, and would hold on to a pipe until then: output goes to files, and the whole
    session is ended with the run.
    """
    assert not (is_warm and before)
    command = [*before, sys.executable, "-c", code, *args]
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        process: Fork | subprocess.Popen[str]
        if is_warm:
            process = fork(code, args, cwd=cwd, env=environment(env), stdout=output.fileno(), stderr=errors.fileno())
        else:
            process = subprocess.Popen(
                command, cwd=cwd, env=environment(env), stdout=output, stderr=errors, text=True, start_new_session=True
            )
        try:
            exit_code = process.wait(1200)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        output.seek(0)
        errors.seek(0)
        return subprocess.CompletedProcess(command, exit_code, output.read(), errors.read())


def start(*args: str, cwd: Path, env: Mapping[str, str] | None = None, code: str = CALL) -> subprocess.Popen[str]:
    """Start `pandian ARGS` in a folder without waiting for it."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *args],
        cwd=cwd,
        env=environment(env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answer(
    *args: str,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    expected: Sequence[int] = (0,),
    is_warm: bool = False,
) -> Any:  # JSON values of any shape
    """Run `pandian ARGS --json`, expect one of some exit codes, and return what it printed as JSON values."""
    done = pandian(*args, "--json", cwd=cwd, env=env, is_warm=is_warm)
    assert done.returncode in expected, done.stderr[-4000:]
    return json.loads(done.stdout)


@contextlib.contextmanager
def prefect_server(folder: Path) -> Iterator[dict[str, str]]:
    """Yield what names, in the environment, one Prefect server for several runs, with its database below a folder."""
    with subprocess.Popen(
        [sys.executable, "-c", "from flows.server import serve; serve()"],
        env=environment({**SERVES, "PREFECT_HOME": str(folder), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield {
            "PREFECT_HOME": str(folder),
            "PREFECT_API_URL": f"http://127.0.0.1:{process.stdout.readline().strip()}/api",
        }
        process.stdin.close()


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment, the checkout importable from any folder.

    Without settings of Prefect and of pandian, and without what keeps the tests themselves from calling home: what
    they start must be quiet of its own.
    """
    kept = {name: value for name, value in os.environ.items() if name not in TOLD_BY_TESTS}
    kept = {name: value for name, value in kept.items() if not name.startswith(("PREFECT_", "PANDIAN_"))}
    return {**kept, "PYTHONPATH": str(ROOT), **(extra or {})}
