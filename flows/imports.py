"""Imports without the garbage collector, which looks again and again through what only grows."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Collect no garbage within, and never look again at what is there at its end: modules stay for good.

    To be used once in a process, since what nobody needs then is never found either.

    Prefect's server is imported in 1.5 s in place of 2.1 s, the stocktake in 0.9 s in place of 1.1 s.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
