"""Keeps what sources gave, each under the digest of its content, so that no other run changes what this one reads."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tasks.assets.store import file_digest

KEPT_S: Final = 24 * 60 * 60
"""Earlier files of a source are kept as long: another run may read them."""


@dataclass(frozen=True, slots=True)
class Spooled:
    """A file, and its content digest."""

    path: Path
    digest: str


def spooled(folder: Path, source: str, suffix: str, write: Callable[[Path], None]) -> Spooled:
    """Return what a source gave, and remove what it gave long ago.

    Args:
        folder: Where such files are.
        source: What tells the source from others.
        suffix: How the file's name ends.
        write: Writes it to a path.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = hashlib.sha256(source.encode()).hexdigest()[:16]
    draft = folder / f"{stem}-{uuid.uuid4().hex}.part"
    try:
        write(draft)
        digest = file_digest(draft)
        path = draft.replace(folder / f"{stem}-{digest[:16]}{suffix}")
    finally:
        draft.unlink(missing_ok=True)
    for other in folder.glob(f"{stem}-*"):
        if other != path and other.stat().st_mtime < time.time() - KEPT_S:
            other.unlink(missing_ok=True)
    return Spooled(path, f"sha256:{digest}")
