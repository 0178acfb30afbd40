"""One round of evaluation: what models are fitted on, who is asked, and what these users chose next."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tasks.errors import TooLittleDataError
from tasks.retrieval.histories import Histories, histories_of
from tasks.retrieval.metrics import Judged

HeldOut = Literal["validation", "test"]
EARLIER: dict[HeldOut, tuple[str, ...]] = {"validation": ("train",), "test": ("train", "validation")}
"""Parts are fitted again on everything before a split: the test round knows the validation choices."""


@dataclass(frozen=True, slots=True)
class Round:
    """A split to rank for.

    Args:
        split: Whose choices are predicted.
        fitted_on: Everybody's earlier choices.
        asked: The earlier choices of the users evaluated.
        targets: Per user asked, the catalogue positions of what they chose next.
        users: Users with an earlier history and a next choice, before any were left out for time.
    """

    split: HeldOut
    fitted_on: Histories
    asked: Histories
    targets: tuple[NDArray[np.int32], ...]
    users: int

    def judged(self) -> Judged:
        """Return the targets as gains of 1."""
        sizes = [len(chosen) for chosen in self.targets]
        return Judged(
            starts=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
            products=np.concatenate(self.targets).astype(np.int64),
            gains=np.ones(sum(sizes)),
        )


def round_of(
    interactions: pa.Table, product_ids: pa.Array, split: HeldOut, *, min_history: int, max_users: int
) -> Round:
    """Return the round of a split.

    Args:
        interactions: All rows of `interactions.parquet`.
        product_ids: The catalogue.
        split: What is predicted.
        min_history: Earlier products a user needs.
        max_users: Most users asked, in the order of a digest of their id.

    Raises:
        TooLittleDataError: No user has both an earlier history and a next choice in the catalogue.
    """
    label = interactions["split"]
    earlier = pa.array(EARLIER[split], pa.string())
    fitted_on = histories_of(interactions.filter(pc.is_in(label, value_set=earlier)), product_ids)
    later = histories_of(interactions.filter(pc.equal(label, split)), product_ids)
    sizes = fitted_on.sizes()
    earlier_row = {user: row for row, user in enumerate(fitted_on.user_ids) if sizes[row] >= min_history}
    later_row = {user: row for row, user in enumerate(later.user_ids)}
    both = sorted(set(earlier_row) & set(later_row), key=_digest)
    if not both:
        raise TooLittleDataError(
            stage="evaluate",
            needed=f"users with {min_history} products before the {split} split and one in it, all in tables/products",
            found="none",
            fix="Check that events and products name products alike, or lower split.min_history in shop.yaml.",
        )
    users = sorted(both[:max_users])
    return Round(
        split=split,
        fitted_on=fitted_on,
        asked=fitted_on.take(np.array([earlier_row[user] for user in users], np.int64)),
        targets=tuple(later.products[later.row(later_row[user])] for user in users),
        users=len(both),
    )


def _digest(text: str) -> bytes:
    return hashlib.md5(text.encode(), usedforsecurity=False).digest()
