"""YAML as people write it: what it says, or why it says nothing."""

from __future__ import annotations

from typing import Any, Final

import yaml

UNREADABLE: Final = (yaml.YAMLError, ValueError, RecursionError)
"""What YAML that cannot be read raises: a day that no month has is a ValueError."""


def read_yaml(text: str) -> Any:  # YAML values of any shape
    """Return what a text says; of two equal keys, and of half a character, nothing is said.

    Raises:
        YAMLError, ValueError, RecursionError: It cannot be read; `why_unreadable` tells why.
    """
    return _joined(yaml.load(text, Loader=_Loader))  # noqa: S506 - a safe loader


def why_unreadable(error: Exception) -> str:
    """Return what kept a text from being read, as a sentence."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply."
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}: {error.problem}."
    return f"{error}."


class _Loader(yaml.SafeLoader):
    """Refuses two equal keys of one mapping, of which YAML would keep the last."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:  # its stubs name another type than it is
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"the key “{key.value}” stands twice", problem_mark=key.start_mark)
            seen.add(str(key.value))
        return node


def _joined(value: Any) -> Any:  # YAML values of any shape
    """Join halves of characters, as JSON escapes an emoji; a half that stands alone is a `ValueError`."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16")
    if isinstance(value, list):
        return [_joined(item) for item in value]
    if isinstance(value, dict):
        return {_joined(name): _joined(item) for name, item in value.items()}
    return value
