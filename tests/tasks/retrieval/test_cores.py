from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from tasks.retrieval.cores import one_core_each

pytestmark = pytest.mark.usefixtures("three_cores")


def counted(pool: ThreadPoolExecutor) -> set[int]:
    """Torch's numbers of threads, asked behind a product that two threads have a part in."""
    together = threading.Barrier(2)

    def count(_: int) -> int:
        together.wait()
        (torch.ones(64, 64) @ torch.ones(64, 64)).sum()
        return torch.get_num_threads()

    return set(pool.map(count, range(2)))


def count_in_a_new_thread() -> int:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(torch.get_num_threads).result()


def test_each_thread_computes_on_one_core() -> None:
    with one_core_each(2) as pool:
        assert counted(pool) == {1}


def test_threads_that_start_meanwhile_have_all_cores() -> None:
    with one_core_each(2) as pool, one_core_each(2) as another:
        assert counted(pool) == counted(another) == {1}
        assert count_in_a_new_thread() == torch.get_num_threads() == 3
        assert counted(pool) == {1}


def test_what_began_meanwhile_and_ends_later_leaves_all_cores_to_the_next() -> None:
    began, may_end = threading.Event(), threading.Event()

    def work() -> None:
        with one_core_each(2) as pool:
            counted(pool)
            began.set()
            may_end.wait()

    with one_core_each(2) as pool:
        counted(pool)
        thread = threading.Thread(target=work)
        thread.start()
        began.wait()
    may_end.set()
    thread.join()
    assert count_in_a_new_thread() == torch.get_num_threads() == 3
