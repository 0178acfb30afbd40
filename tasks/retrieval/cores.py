"""Work shared by whole pieces among the cores."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

import torch

STARTING: Final = threading.Lock()


@contextmanager
def one_core_each(workers: int) -> Iterator[ThreadPoolExecutor]:
    """Yield threads in which torch computes on one core: no core ever waits for another within a product.

    Beside other work on the same machine this matters most: a product shared by all cores is as slow as the busiest.
    """
    with _started(workers) as pool:
        yield pool


def _started(workers: int) -> ThreadPoolExecutor:
    """Return threads that have set torch's number of cores already.

    torch hands the number last set to every new thread, so it is put back before any work begins: what other threads
    start meanwhile, or set when they are done, is as if these threads were not there.
    """
    have_set = threading.Barrier(workers + 1)

    def set_one() -> None:
        torch.get_num_threads()  # a thread that has never asked would be handed the common number later on
        torch.set_num_threads(1)
        have_set.wait()

    with STARTING:
        before = torch.get_num_threads()
        pool = ThreadPoolExecutor(workers, initializer=set_one)
        for _ in range(workers):
            pool.submit(int)
        have_set.wait()
        torch.set_num_threads(before)
    return pool
