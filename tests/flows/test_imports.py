"""Imports without the garbage collector."""

from __future__ import annotations

import subprocess
import sys

import pytest

OF_ITS_OWN = """
import gc
from flows.imports import uncollected
{before}
frozen, was_enabled = gc.get_freeze_count(), gc.isenabled()
try:
    with uncollected():
        assert not gc.isenabled()
        many = [[] for _ in range(100_000)]
        {within}
except KeyError:
    pass
assert gc.isenabled() == was_enabled
assert gc.get_freeze_count() >= frozen + 100_000
"""


@pytest.mark.parametrize("before", ["", "gc.disable()"])
@pytest.mark.parametrize("within", ["", "raise KeyError"])
def test_what_is_made_within_is_never_looked_at_again(before: str, within: str) -> None:
    subprocess.run([sys.executable, "-c", OF_ITS_OWN.format(before=before, within=within)], check=True)
