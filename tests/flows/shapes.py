"""The shape of what is printed as JSON: names and types instead of values."""

from __future__ import annotations

from typing import Any

OPTIONAL = {"problem", "reviewer", "verdict"}
"""Null in one entry and a text in another."""

FREE_NAMES_FROM = 40
"""Mappings larger than this have names that depend on the data."""


def shape(value: Any, name: str = "") -> Any:  # JSON values of any shape
    """Names and types instead of values; a list by its first entry, a long mapping by its first too."""
    if name in OPTIONAL:
        return "optional"
    if isinstance(value, dict):
        names = list(value) if len(value) <= FREE_NAMES_FROM else [next(iter(value))]
        return {key: shape(value[key], key) for key in names}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__
