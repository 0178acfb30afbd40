"""Every suite, by the table it is about."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from expectations import answers, events, judgments, products, queries, reviews, users
from expectations.expectation import Expectation

SUITES: Final[Mapping[str, tuple[Expectation, ...]]] = MappingProxyType(
    {
        "products": products.SUITE,
        "events": events.SUITE,
        "users": users.SUITE,
        "queries": queries.SUITE,
        "judgments": judgments.SUITE,
        "reviews": reviews.SUITE,
        "answers": answers.SUITE,
    }
)


def parents(table: str) -> tuple[str, ...]:
    """Return the tables that a table's suite looks into, sorted: those without which it judges less, not wrongly."""
    return tuple(sorted({item.parent[0] for item in SUITES.get(table, ()) if item.parent}))
