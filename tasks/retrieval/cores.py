"""Work shared by whole pieces among the cores."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch


@contextmanager
def one_core_each(workers: int) -> Iterator[ThreadPoolExecutor]:
    """Yield threads in which torch computes on one core: no core ever waits for another within a product.

    Beside other work on the same machine this matters most: a product shared by all cores is as slow as the busiest.
    """
    before = torch.get_num_threads()
    pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,))
    try:
        with pool:
            yield pool
    finally:
        # torch hands the number last set to every new thread: put back what it was.
        torch.set_num_threads(before)
