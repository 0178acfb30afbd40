"""Ends a run on SIGTERM or Ctrl-C, at once, whatever its stages are doing: what they publish is whole or not there.

Prefect would wait for the stages at work first, which may take minutes. Its temporary server sees the run end.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
PATIENCE_S: Final = 3.0
"""For this long, a Prefect server that does not answer is told that the run has ended."""


class Stopping:
    """While it is entered, a signal ends the process with 128 and the signal's number.

    A thread of its own hears of signals, whoever handles them meanwhile: Prefect puts a handler in place of any other.

    Args:
        tell: Says that the run was stopped.
    """

    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell = tell

    def __enter__(self) -> Self:
        heard, said = os.pipe()
        os.set_blocking(said, False)
        for number in SIGNALS:
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(said, warn_on_full_buffer=False)
        threading.Thread(target=self._wait, args=(heard,), name="stopping", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None and not issubclass(kind, Exception):
            threading.Event().wait(2 * PATIENCE_S)  # what Prefect raises of a signal: the process ends meanwhile

    def _wait(self, heard: int) -> None:
        number = 0
        while number not in SIGNALS:
            (number,) = os.read(heard, 1)
        logging.disable()  # what is cut off here is not the reader's matter
        telling = threading.Thread(target=_tell_prefect, args=(number,), daemon=True)
        telling.start()
        telling.join(PATIENCE_S)
        self._tell()
        os._exit(128 + number)


_going_on: set[str] = set()


def goes_on(run_id: str) -> None:
    """Remember a flow run of this process, which Prefect is told of where the process is stopped."""
    _going_on.add(run_id)


def has_ended(run_id: str) -> None:
    """Forget a flow run."""
    _going_on.discard(run_id)


def _tell_prefect(number: int) -> None:
    if not _going_on:
        return
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.objects import State
    from prefect.states import Crashed

    state: State[object] = Crashed(message=f"The run was stopped by {signal.Signals(number).name}.")
    # Whatever it answers, or does not: the process ends.
    with contextlib.suppress(Exception), get_client(sync_client=True) as client:
        for run_id in tuple(_going_on):
            client.set_flow_run_state(run_id, state, force=True)
