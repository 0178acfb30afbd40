"""What we demand of answers: a question and an answer each, in words."""

from __future__ import annotations

from typing import Final

from expectations.expectation import (
    Expectation,
    clean_text,
    has_rows,
    known,
    not_in_future,
    not_null,
    optional,
    required,
)

SUITE: Final[tuple[Expectation, ...]] = (
    has_rows("block", "Without answers no question of a customer can be answered."),
    *required({"question": "VARCHAR", "answer": "VARCHAR"}, "Half a pair answers nobody."),
    *optional(
        {"product_id": "VARCHAR", "intent": "VARCHAR", "timestamp": "TIMESTAMP WITH TIME ZONE"},
        "Answers are joined and ordered by these columns.",
    ),
    *clean_text("question", "Customers' questions are compared with markup and damage instead of words."),
    *clean_text("answer", "Customers would read markup and damage."),
    Expectation(
        id="question.one_answer",
        type="expect_column_values_to_be_unique",
        column="question",
        severity="warn",
        kind="conflicting_values",
        reason="Whoever looks up a question with several answers must pick one, and may tell a customer the wrong one.",
        action="Keep the answers that hold for every product, or let the question name its product.",
    ),
    not_null("timestamp", "warn", "An answer of unknown age may tell a customer what no longer holds."),
    known("product_id", ("products", "product_id"), "Customers never see answers about products that are not offered."),
    not_in_future("timestamp", "An answer from the future stays the newest for ever."),
)
