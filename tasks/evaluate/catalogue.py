"""The products that are ranked."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The products, in the order that every position follows."""

    product_ids: pa.Array
    titles: tuple[str, ...]
    texts: tuple[str, ...]
