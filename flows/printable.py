"""Text out of data, as it may reach a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Return a text with every sign escaped that a terminal would act on: `\x1b[2J` clears no screen."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)
