"""Duplicates as tables, and as a finding with every product."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from tasks.analyze.duplicates import Duplicates
from tasks.assets import specs
from tasks.assets.manifest import Finding

COARSE_SHARE: Final = 0.2
COARSE_SIZE: Final = 4
"""From this share of products in groups of this mean size on, titles name kinds of products, not products."""

COARSE: Final = (
    "Give products titles that tell them apart, with name, variety and size: search and recommendation cannot choose "
    "between products of one title."
)
MERGE: Final = "Merge the ids that are one product, or give variants titles that tell them apart."
LOOK: Final = "Look whether these are one product."


def brands_of(products: pa.Table) -> list[str | None]:
    """Return the brand of each product, None where it has none."""
    if "brand" not in products.column_names:
        return [None] * products.num_rows
    brands: list[str | None] = products["brand"].to_pylist()
    return brands


def duplicate_tables(found: Duplicates, product_ids: Sequence[str], titles: Sequence[str]) -> tuple[pa.Table, pa.Table]:
    """Return members (group_id, product_id, title, kind, similarity) and groups (group_id, kind, size, text).

    A group is `exact` where all its titles are equal; its text is the title of its first product.
    """
    rows = found.products.tolist()
    members = pa.table(
        {
            "group_id": pa.array(found.groups, pa.int64()),
            "product_id": pa.array([product_ids[row] for row in rows], pa.string()),
            "title": pa.array([titles[row] for row in rows], pa.string()),
            "kind": pa.array(found.kinds, pa.string()),
            "similarity": pa.array(found.similarities, pa.float32(), from_pandas=True),
        }
    )
    first, sizes = np.unique(found.groups, return_index=True, return_counts=True)[1:]
    texts = found.texts
    is_one = [len(set(texts[start : start + size].tolist())) == 1 for start, size in zip(first, sizes, strict=True)]
    groups = pa.table(
        {
            "group_id": pa.array(range(len(first)), pa.int64()),
            "kind": pa.array(["exact" if one else "near" for one in is_one], pa.string()),
            "size": pa.array(sizes, pa.int64()),
            "text": pa.array([titles[rows[place]] for place in first.tolist()], pa.string()),
        }
    )
    return members, groups


def duplicate_finding(members: pa.Table, groups: pa.Table, *, products: int) -> Iterator[Finding]:
    """Yield what a data owner is told of products that are the same, if there are any.

    Args:
        members: From `duplicate_tables`.
        groups: From `duplicate_tables`.
        products: All products, in a group or not.
    """
    if not members.num_rows:
        return
    exact = members["kind"].to_pylist().count("exact")
    is_coarse = exact > COARSE_SHARE * products and members.num_rows >= COARSE_SIZE * groups.num_rows
    yield Finding(
        id="analyze-products-title-near_duplicate_products",
        table="products",
        column="title",
        kind="near_duplicate_products",
        severity="info" if is_coarse else "warning",
        dimension="accuracy",
        count=members.num_rows,
        share=members.num_rows / products,
        message=_coarse(members, groups, exact) if is_coarse else _twice(members, groups, exact),
        examples=tuple(f"{row['size']:,} × {row['text'][:80]}" for row in groups.slice(0, 5).to_pylist()),
        keys=specs.DUPLICATES.main,
        action=COARSE if is_coarse else _action(members.num_rows, exact),
    )


def _action(members: int, exact: int) -> str:
    if not exact:
        return LOOK
    return MERGE if exact == members else f"{MERGE} Where titles are only nearly equal: {LOOK[0].lower()}{LOOK[1:]}"


def _coarse(members: pa.Table, groups: pa.Table, exact: int) -> str:
    return (
        f"{exact:,} products have a title that others have too, so titles name kinds of products, not products: "
        f"{members.num_rows:,} products share {groups.num_rows:,} titles, equal or nearly so, up to "
        f"{groups['size'][0].as_py():,} products one title."
    )


def _twice(members: pa.Table, groups: pa.Table, exact: int) -> str:
    near = members.num_rows - exact
    return (
        f"{members.num_rows:,} products stand in {groups.num_rows:,} groups of titles that are the same, or nearly: "
        f"{exact:,} have the title of another, {near:,} nearly."
    )
