"""What we demand of reviews: a text each; labels that agree where texts are the same."""

from __future__ import annotations

from typing import Final

from expectations.expectation import (
    Expectation,
    clean_text,
    has_rows,
    known,
    matches,
    not_in_future,
    optional,
    required,
    unique,
    within,
)

SUITE: Final[tuple[Expectation, ...]] = (
    has_rows("block", "Without reviews nothing can be learned from customers' words."),
    *required({"text": "VARCHAR"}, "A review without words says nothing."),
    *optional(
        {
            "review_id": "VARCHAR",
            "user_id": "VARCHAR",
            "product_id": "VARCHAR",
            "rating": "DOUBLE",
            "label": "VARCHAR",
            "timestamp": "TIMESTAMP WITH TIME ZONE",
            "language": "VARCHAR",
        },
        "Reviews are joined, ordered and averaged by these columns.",
    ),
    *clean_text("text", "Models of opinion learn from markup and damage instead of words."),
    unique(
        ("review_id",),
        "warn",
        "One opinion counts twice.",
        "Deliver each review once, or do not map a column that repeats to `review_id`.",
    ),
    Expectation(
        id="text.one_label",
        type="expect_column_values_to_be_unique",
        column="text",
        over=("text", "label"),
        uses=("label",),
        severity="warn",
        kind="conflicting_values",
        reason="One text with two labels teaches a model both, and caps how well any model can do.",
        action="Decide on one label for each text listed.",
    ),
    Expectation(
        id="text.unique",
        type="expect_column_values_to_be_unique",
        column="text",
        uses=("label",),
        severity="warn",
        kind="duplicate_keys",
        reason="A labelled text that stands in several rows is learned by heart: where it is both learned from and "
        "measured with, a model of opinion seems better than it is.",
        action="Keep one row of each text listed, or keep all its rows on one side of every split.",
    ),
    known("product_id", ("products", "product_id"), "Customers never see reviews of products that are not offered."),
    known("user_id", ("users", "user_id"), "Portraits cannot explain the opinions of users without a row in users."),
    within(
        "rating",
        "impossible_values",
        "A rating outside any scale outweighs all honest ones in a product's mean.",
        "Map placeholders for “not rated” to null.",
        min_value=0,
        max_value=100,
    ),
    not_in_future("timestamp", "A review from the future stays the newest for ever."),
    matches(
        "language",
        r"^[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*$",
        "Reviews cannot be shown to those who read their language.",
    ),
)
