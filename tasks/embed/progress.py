"""How far encoding has come: a bar in a terminal, a line of the log now and then anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from tqdm import tqdm

EVERY_S: Final = 60.0
"""Seconds between two lines. What is done sooner says nothing."""

LINE: Final = "{desc}: {n_fmt} of {total_fmt} texts, {rate_fmt}, {remaining} left"


def progress(
    total: int, done: int, log: Callable[[str], object], *, is_terminal: bool | None = None, every_s: float = EVERY_S
) -> tqdm[Any]:
    """Return what to tell of each text that is encoded.

    Args:
        total: Texts in all.
        done: Those that need no encoding.
        log: Takes a line, where standard error is no terminal.
        is_terminal: Whether it is one; looked up if not said.
        every_s: Seconds between two lines.
    """
    if sys.stderr.isatty() if is_terminal is None else is_terminal:
        return tqdm(total=total, initial=done, unit=" texts", desc="embed", file=sys.stderr)
    return tqdm(
        total=total,
        initial=done,
        unit=" texts",
        desc="embed",
        file=_Lines(log),
        bar_format=LINE,
        miniters=1,
        mininterval=every_s,
        maxinterval=every_s,
        delay=every_s,
        leave=False,
    )


class _Lines:
    """A file that hands on each line it is given; what only clears a terminal's line is none."""

    def __init__(self, log: Callable[[str], object]) -> None:
        self._log = log

    def write(self, text: str) -> int:
        if line := text.strip():
            self._log(line)
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""
