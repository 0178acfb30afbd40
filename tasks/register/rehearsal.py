"""A registry that is asked and not changed: what a decision would do, with all its checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tasks.register.config import RegisterConfig
from tasks.register.registry import Registry, Version


class Rehearsal(Registry):
    """Keeps the tags that it is given in memory, as if they were set, and moves no alias."""

    def __init__(self, config: RegisterConfig) -> None:
        super().__init__(config)
        self._tags: dict[str, dict[str, str]] = {}

    def set_tags(self, version: str, tags: Mapping[str, str]) -> None:
        """Remember tags."""
        self._tags.setdefault(version, {}).update(tags)

    def set_alias(self, alias: str, version: str) -> None:
        """Leave the alias where it is."""

    def drop_alias(self, alias: str) -> None:
        """Leave the alias where it is."""

    def _version(self, found: Any) -> Version:  # MLflow's ModelVersion
        version = super()._version(found)
        return replace(version, tags={**version.tags, **self._tags.get(version.version, {})})
