"""What we demand of queries: one row per query text and language, under one query_id."""

from __future__ import annotations

from typing import Final

from expectations.expectation import Expectation, clean_text, has_rows, matches, optional, required, unique, within

SUITE: Final[tuple[Expectation, ...]] = (
    has_rows("block", "Without queries search cannot be measured."),
    *required({"query_id": "VARCHAR", "query": "VARCHAR"}, "A query without text or id cannot be searched or judged."),
    *optional({"language": "VARCHAR", "count": "BIGINT"}, "Queries are told apart and weighed by these columns."),
    unique(
        ("query_id",),
        "block",
        "Judgments of one id would count for several texts.",
        "Deliver one row per query_id.",
    ),
    Expectation(
        id="query+language.unique",
        type="expect_compound_columns_to_be_unique",
        columns=("query", "language"),
        severity="warn",
        kind="duplicate_keys",
        reason="Judgments of one text are spread over several ids, so each seems less judged than it is.",
        action="Give one text in one language one query_id.",
    ),
    *clean_text("query", "Search is measured with words nobody typed."),
    matches(
        "language",
        r"^[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*$",
        "Search is measured for the wrong language.",
    ),
    within(
        "count",
        "impossible_values",
        "Frequent queries weigh more in the measures; a negative count turns the measure round.",
        "Look at how `count` is mapped.",
        min_value=0,
    ),
)
