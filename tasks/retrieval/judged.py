"""Which queries are never trained on, so that search can be measured on them."""

from __future__ import annotations

import hashlib
import unicodedata
from typing import Final

HELD_OUT_IN: Final = 3
TRAINED_QUERIES: Final = "trained_queries.parquet"
"""The file beside a fine-tuned encoder that names the judged queries it has learned from."""


def query_key(query: str) -> str:
    """Return what two queries share whose words are the same: case, width and spaces are no difference."""
    return " ".join(unicodedata.normalize("NFKC", query).casefold().split())


def is_held_out(query: str) -> bool:
    """Return whether a query is kept for measuring: one in three, by a digest of its words.

    Two ids of one text are on the same side.
    """
    return hashlib.md5(query_key(query).encode(), usedforsecurity=False).digest()[0] % HELD_OUT_IN == 0
