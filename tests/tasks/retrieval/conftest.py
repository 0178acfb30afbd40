"""Fixtures of retrieval's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture
def three_cores() -> Iterator[None]:
    """Let torch compute on three cores, whatever the machine has, and on as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)
