"""What we demand of judgments: one grade from 0 to 3 per query and product, both of them known."""

from __future__ import annotations

from typing import Final

from expectations.expectation import Expectation, has_rows, known, required, unique

SUITE: Final[tuple[Expectation, ...]] = (
    has_rows("block", "Without judgments search quality is a matter of taste."),
    *required(
        {"query_id": "VARCHAR", "product_id": "VARCHAR", "grade": "BIGINT"},
        "A judgment without query, product or grade cannot count, and quality would be measured on what is left.",
    ),
    unique(
        ("query_id", "product_id"),
        "block",
        "Two grades for one pair make the measure depend on which is read first.",
        "Merge the raters' grades into one per query and product.",
    ),
    Expectation(
        id="grade.range",
        type="expect_column_values_to_be_between",
        column="grade",
        kwargs={"min_value": 0, "max_value": 3},
        severity="block",
        kind="invalid_category",
        reason="The gain of a grade is defined from 0 to 3; any other makes NDCG meaningless.",
        action="Map the raters' scale to 0, 1, 2, 3.",
    ),
    known("query_id", ("queries", "query_id"), "A judgment of an unknown query has no text to search with."),
    known("product_id", ("products", "product_id"), "A judged product that is not offered can never be found."),
    known(
        "product_id",
        ("products", "product_id"),
        "Fewer than one judgment in ten has its product: they were made for another catalogue, and would measure it.",
        mostly=0.1,
    ),
)
