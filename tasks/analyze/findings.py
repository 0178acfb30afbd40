"""Duplicates as tables, and as a finding with every product."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from tasks.analyze.duplicates import Duplicates
from tasks.assets import specs
from tasks.assets.manifest import Finding


def duplicate_tables(found: Duplicates, product_ids: Sequence[str], titles: Sequence[str]) -> tuple[pa.Table, pa.Table]:
    """Return members (group_id, product_id, title, kind, similarity) and groups (group_id, kind, size, text)."""
    rows = found.products.tolist()
    members = pa.table(
        {
            "group_id": pa.array(found.groups, pa.int64()),
            "product_id": pa.array([product_ids[row] for row in rows], pa.string()),
            "title": pa.array([titles[row] for row in rows], pa.string()),
            "kind": pa.array(found.kinds, pa.string()),
            "similarity": pa.array(found.similarities, pa.float32()),
        }
    )
    first = np.unique(found.groups, return_index=True)[1].tolist()
    sizes = np.bincount(found.groups).tolist() if len(found.groups) else []
    groups = pa.table(
        {
            "group_id": pa.array(range(len(first)), pa.int64()),
            "kind": pa.array([found.kinds[place] for place in first], pa.string()),
            "size": pa.array(sizes, pa.int64()),
            "text": pa.array([titles[rows[place]] for place in first], pa.string()),
        }
    )
    return members, groups


def duplicate_finding(members: pa.Table, groups: pa.Table, *, products: int) -> Iterator[Finding]:
    """Yield what a data owner is told of products that are the same, if there are any."""
    if not members.num_rows:
        return
    exact = members["kind"].to_pylist().count("exact")
    examples = [
        f"{row['size']} × {row['text'][:80]}"
        for row in groups.sort_by([("size", "descending")]).slice(0, 5).to_pylist()
    ]
    yield Finding(
        id="analyze-products-near_duplicate_products",
        table="products",
        column="title",
        kind="near_duplicate_products",
        severity="info",
        dimension="accuracy",
        count=members.num_rows,
        share=members.num_rows / products,
        message=f"{members.num_rows:,} products are in {groups.num_rows:,} groups of the same or nearly the same text; "
        f"{exact:,} of them have equal texts.",
        examples=tuple(examples),
        keys=specs.DUPLICATES.main,
        action="Merge the ids that are one product, or give variants titles that tell them apart.",
    )
