"""The views of Data Docs, with templates that are compiled once: Great Expectations compiles them for every site."""

from __future__ import annotations

from collections.abc import Mapping
from types import CodeType
from typing import Any, Final

from great_expectations.render.view import DefaultJinjaIndexPageView, DefaultJinjaPageView
from jinja2.bccache import Bucket, BytecodeCache


class _InMemory(BytecodeCache):
    """Compiled templates by name and by what stands in them, for as long as the process lives."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        assert bucket.code is not None
        self._codes[bucket.key, bucket.checksum] = bucket.code


_compiled: Final = _InMemory()


class PageView(DefaultJinjaPageView):  # type: ignore[misc]  # Great Expectations ships no types
    """A page of a suite or of results."""

    def __init__(self, **directories: str | None) -> None:
        super().__init__(**directories)
        self.env.bytecode_cache = _compiled


class IndexPageView(DefaultJinjaIndexPageView):  # type: ignore[misc]  # Great Expectations ships no types
    """The page that lists the others."""

    def __init__(self, **directories: str | None) -> None:
        super().__init__(**directories)
        self.env.bytecode_cache = _compiled


def view(cls: type) -> Mapping[str, Any]:  # a configuration of Great Expectations
    """Return how a view is named in the configuration of a site."""
    return {"module_name": cls.__module__, "class_name": cls.__name__}
