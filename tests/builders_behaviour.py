"""Interactions for tests of the model stages: rows of `interactions.parquet`, written by hand or grown from taste."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pyarrow as pa

from tests.builders import FIRST

KINDS = ("pen", "paper", "stapler", "marker")


def interactions_of(rows: Sequence[tuple[str, str]], split: str = "train", first_day: int = 0) -> pa.Table:
    """One choice a day, in the order of the (user, product) rows; a repeated pair is one row."""
    days: dict[tuple[str, str], list[int]] = {}
    for day, row in enumerate(rows, first_day):
        days.setdefault(row, []).append(day)
    when = pa.timestamp("us", tz="UTC")
    return pa.table(
        {
            "user_id": [user for user, _ in days],
            "product_id": [product for _, product in days],
            "timestamp": pa.array([FIRST + timedelta(days=found[-1]) for found in days.values()], when),
            "weight": [float(len(found)) for found in days.values()],
            "split": [split] * len(days),
            "first_at": pa.array([FIRST + timedelta(days=found[0]) for found in days.values()], when),
            "days": [len(found) for found in days.values()],
        }
    )


def make_tasteful_events(users: int, per_kind: int, per_user: int = 7, seed: int = 0) -> pa.Table:
    """Users who keep to one kind of product: user i buys, one a day, among the products `p<kind>-<j>` of kind i % 4."""
    rng = np.random.default_rng(seed)
    rows = [
        {
            "user_id": f"u{user}",
            "product_id": f"p{user % len(KINDS)}-{product}",
            "event_type": "purchase",
            "timestamp": FIRST + timedelta(days=day, minutes=user),
        }
        for user in range(users)
        for day, product in enumerate(rng.choice(per_kind, per_user, replace=False))
    ]
    schema = {"user_id": pa.string(), "product_id": pa.string(), "event_type": pa.string()}
    return pa.Table.from_pylist(rows, schema=pa.schema({**schema, "timestamp": pa.timestamp("us", tz="UTC")}))


def make_tasteful_products(per_kind: int) -> pa.Table:
    """The products that `make_tasteful_events` are about; the title of a product says its kind."""
    return pa.table(
        {
            "product_id": [f"p{kind}-{j}" for kind in range(len(KINDS)) for j in range(per_kind)],
            "title": [f"{word} number {j}" for word in KINDS for j in range(per_kind)],
        }
    )
