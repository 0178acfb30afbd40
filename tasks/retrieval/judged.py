"""Which queries are never trained on, so that search can be measured on them."""

from __future__ import annotations

import hashlib
from typing import Final

HELD_OUT_IN: Final = 3


def is_held_out(query_id: str) -> bool:
    """Return whether a query is kept for measuring: one in three, by a digest of its id."""
    return hashlib.md5(query_id.encode(), usedforsecurity=False).digest()[0] % HELD_OUT_IN == 0
