"""What we demand of products: one row per product_id, each with a title."""

from __future__ import annotations

from typing import Final

from expectations.expectation import (
    Expectation,
    clean_text,
    has_rows,
    matches,
    not_in_future,
    not_null,
    optional,
    required,
    unique,
    within,
)

SUITE: Final[tuple[Expectation, ...]] = (
    has_rows("block", "Without products there is nothing to search or to recommend."),
    *required(
        {"product_id": "VARCHAR", "title": "VARCHAR"},
        "Search and recommendation can neither name nor describe the product to a customer.",
    ),
    *optional(
        {
            "description": "VARCHAR",
            "brand": "VARCHAR",
            "category": "VARCHAR[]",
            "price": "DOUBLE",
            "currency": "VARCHAR",
            "image_uri": "VARCHAR",
            "language": "VARCHAR",
            "attributes": "MAP(VARCHAR, VARCHAR)",
            "updated_at": "TIMESTAMP WITH TIME ZONE",
        },
        "Whoever reads the table by its published types gets an error, or a text where a number should be.",
    ),
    unique(
        ("product_id",),
        "block",
        "Events are counted once per matching product row, so every figure of that product is too high.",
        "Declare in the settings which row of a product wins, or deliver one row per product.",
    ),
    *clean_text("title", "Customers read the title in every result, and the encoder reads it as words."),
    *clean_text("description", "The encoder takes markup and damage for words of the product."),
    not_null("description", "warn", "The encoder knows the product by its title alone."),
    not_null("brand", "warn", "Customers who filter or search by brand do not see the product."),
    not_null("category", "warn", "The product is missing from category pages and from the categories' figures."),
    not_null("price", "warn", "Price filters and revenue figures leave the product out."),
    within(
        "price",
        "impossible_values",
        "A customer would be shown a price below nothing, and revenue would be too low.",
        "Look at the products listed and at how the price is mapped.",
        min_value=0,
    ),
    matches("currency", r"^[A-Z]{3}$", "Prices in unknown currencies are compared as if they were one."),
    matches(
        "language",
        r"^[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*$",
        "Texts cannot be told apart by language, so customers get results they cannot read.",
    ),
    not_in_future("updated_at", "The newest row of a product wins, so a row from the future wins for ever."),
)
