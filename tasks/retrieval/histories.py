"""What users did before, as sparse rows over the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp
from numpy.typing import NDArray

RECENCY_POWER: Final = 0.5
"""How fast a choice loses weight: the n-th latest weighs n to the power of minus this."""


@dataclass(frozen=True, slots=True)
class Histories:
    """One row per user: the products they chose, each with how often, on how many days, first and last when.

    Args:
        user_ids: The rows' users.
        starts: Where each row begins in the arrays below, with the end as its last value.
        products: Catalogue positions, ascending within a row.
        count: Events per user and product.
        days: Distinct days per user and product.
        first_s: The first choice, in seconds since 1970.
        last_s: The latest choice, in seconds since 1970.
        width: Products in the catalogue.
    """

    user_ids: NDArray[Any]  # texts as objects
    starts: NDArray[np.int64]
    products: NDArray[np.int32]
    count: NDArray[np.float32]
    days: NDArray[np.float32]
    first_s: NDArray[np.float64]
    last_s: NDArray[np.float64]
    width: int

    def __len__(self) -> int:
        return len(self.starts) - 1

    def sizes(self) -> NDArray[np.int64]:
        """Return the number of distinct products of each user."""
        return np.diff(self.starts)

    def row_of(self) -> NDArray[np.int64]:
        """Return the row that each entry belongs to."""
        return np.repeat(np.arange(len(self)), self.sizes())

    def row(self, index: int) -> slice:
        """Return where the entries of one user lie."""
        return slice(int(self.starts[index]), int(self.starts[index + 1]))

    def matrix(self, values: NDArray[np.float32]) -> Any:  # scipy.sparse ships no types
        """Return users x products with one value per entry."""
        return sp.csr_array((values.astype(np.float32), self.products, self.starts), shape=(len(self), self.width))

    def chosen(self) -> Any:  # scipy.sparse ships no types
        """Return users x products with 1 where a user chose a product."""
        return self.matrix(np.ones(len(self.products), np.float32))

    def lateness(self) -> NDArray[np.int64]:
        """Return, per entry, how many products of the same user were chosen later than it. Ties share a place."""
        row = self.row_of()
        order = np.lexsort((-self.last_s, row))
        place = np.arange(len(order)) - self.starts[row[order]]
        is_tie = np.zeros(len(order), bool)
        is_tie[1:] = (row[order][1:] == row[order][:-1]) & (self.last_s[order][1:] == self.last_s[order][:-1])
        first_of_tie = np.maximum.accumulate(np.where(is_tie, 0, np.arange(len(order))))
        result = np.empty(len(order), np.int64)
        result[order] = place[first_of_tie]
        return result

    def recency(self) -> NDArray[np.float32]:
        """Return a weight per entry that falls with the products chosen since."""
        return ((1.0 + self.lateness()) ** -RECENCY_POWER).astype(np.float32)

    def take(self, rows: NDArray[np.int64]) -> Histories:
        """Return the histories of some users, in the order asked for."""
        keep = np.concatenate([np.arange(self.starts[r], self.starts[r + 1]) for r in rows] or [np.empty(0, np.int64)])
        sizes = self.sizes()[rows]
        return self._keeping(keep.astype(np.int64), self.user_ids[rows], sizes)

    def latest(self, most: int) -> Histories:
        """Return the histories cut to each user's latest products; a tie at the cut is broken by catalogue position."""
        row = self.row_of()
        order = np.lexsort((self.products, -self.last_s, row))
        place = np.arange(len(order)) - self.starts[row[order]]
        keep = np.sort(order[place < most])
        return self._keeping(keep, self.user_ids, np.minimum(self.sizes(), most))

    def within(self, corpus: NDArray[np.int64]) -> Histories:
        """Return the histories over a part of the catalogue, whose ascending positions are numbered anew."""
        is_inside = np.isin(self.products, corpus)
        sizes = np.bincount(self.row_of()[is_inside], minlength=len(self))
        kept = self._keeping(np.flatnonzero(is_inside), self.user_ids, sizes)
        return replace(kept, products=np.searchsorted(corpus, kept.products).astype(np.int32), width=len(corpus))

    def merged(self, later: Histories) -> Histories:
        """Return one user's history with what they chose later added; both must be of one user."""
        products, place = np.unique(np.concatenate([self.products, later.products]), return_inverse=True)
        count = np.concatenate([self.count, later.count])
        days = np.concatenate([self.days, later.days])
        first_s = np.full(len(products), np.inf)
        last_s = np.full(len(products), -np.inf)
        np.minimum.at(first_s, place, np.concatenate([self.first_s, later.first_s]))
        np.maximum.at(last_s, place, np.concatenate([self.last_s, later.last_s]))
        return replace(
            self,
            starts=np.array([0, len(products)], np.int64),
            products=products.astype(np.int32),
            count=np.bincount(place, count).astype(np.float32),
            days=np.bincount(place, days).astype(np.float32),
            first_s=first_s,
            last_s=last_s,
        )

    def _keeping(self, keep: NDArray[np.int64], user_ids: NDArray[Any], sizes: NDArray[np.int64]) -> Histories:
        return Histories(
            user_ids=user_ids,
            starts=_starts(sizes),
            products=self.products[keep],
            count=self.count[keep],
            days=self.days[keep],
            first_s=self.first_s[keep],
            last_s=self.last_s[keep],
            width=self.width,
        )


def histories_of(interactions: pa.Table, product_ids: pa.Array) -> Histories:
    """Return the histories in a table of interactions; products outside the catalogue are left out.

    Args:
        interactions: Columns of `interactions.parquet`; several rows of a user and product are merged.
        product_ids: The catalogue, whose order the positions follow.
    """
    position = pc.index_in(interactions["product_id"].combine_chunks(), value_set=product_ids)
    known = interactions.append_column("position", position).filter(pc.is_valid(position))
    merged = known.group_by(["user_id", "position"]).aggregate(
        [("weight", "sum"), ("days", "sum"), ("first_at", "min"), ("timestamp", "max")]
    )
    merged = merged.sort_by([("user_id", "ascending"), ("position", "ascending")])
    users = merged["user_id"].combine_chunks().dictionary_encode()
    return Histories(
        user_ids=np.asarray(users.dictionary.to_pylist(), dtype=object),
        starts=_starts(np.bincount(users.indices.to_numpy(), minlength=len(users.dictionary))),
        products=merged["position"].to_numpy().astype(np.int32),
        count=merged["weight_sum"].to_numpy().astype(np.float32),
        days=merged["days_sum"].to_numpy().astype(np.float32),
        first_s=_seconds(merged["first_at_min"]),
        last_s=_seconds(merged["timestamp_max"]),
        width=len(product_ids),
    )


def history_of_products(positions: Sequence[int], width: int) -> Histories:
    """Return one history from catalogue positions in the order they were chosen, the latest last."""
    last: dict[int, int] = {position: turn for turn, position in enumerate(positions)}
    products = np.array(sorted(last), np.int32)
    turns = np.array([last[int(position)] for position in products], np.float64)
    counts = np.array([positions.count(int(position)) for position in products], np.float32)
    return Histories(
        user_ids=np.array([""], dtype=object),
        starts=np.array([0, len(products)], np.int64),
        products=products,
        count=counts,
        days=counts,
        first_s=turns,
        last_s=turns,
        width=width,
    )


def _starts(sizes: NDArray[Any]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _seconds(column: pa.ChunkedArray) -> NDArray[np.float64]:
    micros = pc.cast(pc.cast(column, pa.timestamp("us", tz="UTC")), pa.int64()).to_numpy()
    seconds: NDArray[np.float64] = micros.astype(np.float64) / 1e6
    return seconds
