"""The names of things in the inventory: a spec says what an asset is, a reference says which one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

KEY_PATTERN: Final = re.compile(r"[a-z0-9_][a-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)+")
DATA_PATTERN: Final = re.compile(r"data-\d+-[0-9a-f]{32}")
"""The name of an attempt's data folder. Part of a key may begin with `data-` too: it is named after a source's file."""

Format = Literal["parquet", "json", "model", "html"]


@dataclass(frozen=True, slots=True, order=True)
class AssetRef:
    """One version of one asset. The only thing that crosses a stage border.

    `str(ref)` is `tables/products@3f9c12ab77d0`.
    """

    key: str
    version: str

    def __str__(self) -> str:
        return f"{self.key}@{self.version}"


@dataclass(frozen=True, slots=True)
class AssetSpec:
    """What an asset is, before there is any version of it.

    Args:
        key: Its name, `kind/subject`, for instance `tables/products`.
        grain: What one row, or one file, stands for.
        owner: Who answers for it.
        main: The glob of the files that hold its rows; the manifest's rows and schema are theirs.
    """

    key: str
    title: str
    grain: str
    owner: str
    format: Format = "parquet"
    main: str = "*.parquet"

    def __post_init__(self) -> None:
        if not KEY_PATTERN.fullmatch(self.key):
            raise ValueError(f"An asset key is words joined by slashes, not “{self.key}”.")
