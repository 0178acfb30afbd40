"""What stands around a value and does not belong to it: spaces, control characters, byte order marks."""

from __future__ import annotations

from typing import Final

from tasks.schemas import literal

PADDING: Final = literal(r"^[\s\p{Z}\p{Cc}\p{Cf}]+|[\s\p{Z}\p{Cc}\p{Cf}]+$").replace("{", "{{").replace("}", "}}")

IS_PADDED: Final = f"regexp_matches({{x}}, {PADDING})"
BARE: Final = f"regexp_replace({{x}}, {PADDING}, '', 'g')"
"""SQL of whether a text is padded, and of what is left of it."""


def bare(text: str) -> str:
    """Return SQL of a text without its padding."""
    return BARE.format(x=text)
