"""What we demand of events: who did what with which product, when; of a known type; of products that exist."""

from __future__ import annotations

from typing import Final

from expectations.expectation import Expectation, has_rows, known, not_in_future, optional, required, unique, within

EVENT_TYPES: Final = (
    "impression",
    "view",
    "click",
    "search",
    "cart",
    "favorite",
    "purchase",
    "rating",
    "return",
)

SUITE: Final[tuple[Expectation, ...]] = (
    has_rows("block", "Without behaviour no recommendation can be learned or measured."),
    *required(
        {
            "user_id": "VARCHAR",
            "product_id": "VARCHAR",
            "event_type": "VARCHAR",
            "timestamp": "TIMESTAMP WITH TIME ZONE",
        },
        "An event without user, product, type or time can be neither learned from nor put before or after the split.",
    ),
    *optional(
        {
            "event_id": "VARCHAR",
            "session_id": "VARCHAR",
            "query": "VARCHAR",
            "position": "BIGINT",
            "quantity": "DOUBLE",
            "price": "DOUBLE",
            "rating": "DOUBLE",
        },
        "Weights and revenue are computed from these columns, and fail or go wrong on another type.",
    ),
    Expectation(
        id="event_type.known",
        type="expect_column_values_to_be_in_set",
        column="event_type",
        kwargs={"value_set": EVENT_TYPES},
        severity="block",
        kind="invalid_category",
        reason="The models weigh behaviour by its type; an unknown type is silently left out of training.",
        action="Map the shop's own word to one of the known types.",
    ),
    known(
        "product_id",
        ("products", "product_id"),
        "Behaviour towards products that are not offered cannot be learned from or shown to a customer.",
    ),
    known(
        "product_id",
        ("products", "product_id"),
        "Fewer than one event in ten has its product: the two tables do not belong together, and a model of them "
        "would recommend nothing that is sold.",
        mostly=0.1,
    ),
    known(
        "user_id",
        ("users", "user_id"),
        "Portraits cannot explain the behaviour of users without a row in users.",
    ),
    unique(
        ("event_id",),
        "warn",
        "One behaviour counts twice, so popular products seem more popular than they are.",
        "Deliver each event once, or do not map a column that repeats to `event_id`.",
    ),
    not_in_future("timestamp", "An event from the future lands in the test split, so measured quality is a fiction."),
    within(
        "timestamp",
        "placeholder_values",
        "Times before online shops existed stand for “unknown” and make a user's history start with a fiction.",
        "Map the placeholder to null, or check the unit (seconds or milliseconds) of `timestamp`.",
        min_value="1990-01-01T00:00:00+00:00",
    ),
    Expectation(
        id="user_id+timestamp.ordered",
        type="expect_compound_columns_to_be_unique",
        columns=("user_id", "timestamp"),
        over=("user_id", "timestamp", "session_id"),
        mostly=0.5,
        severity="warn",
        kind="disordered_time",
        reason="Where most events share their time with another of the same user, no one knows what came next, and "
        "models of the next product learn a made-up order.",
        action="Deliver times to the second, or a `session_id` for what was bought together.",
    ),
    Expectation(
        id="user_id+product_id.one_rating",
        type="expect_compound_columns_to_be_unique",
        columns=("user_id", "product_id"),
        where="event_type = 'rating'",
        uses=("event_type",),
        severity="warn",
        kind="duplicate_keys",
        reason="A user who rates one product several times counts as several users.",
        action="Deliver the last rating of each user and product.",
    ),
    Expectation(
        id="quantity.minimum",
        type="expect_column_values_to_be_between",
        column="quantity",
        kwargs={"min_value": 0},
        where="event_type is distinct from 'return'",
        uses=("event_type",),
        severity="warn",
        kind="impossible_values",
        reason="A negative quantity that is no return lowers sales figures and weights.",
        action="Map such rows to the event type `return`.",
    ),
    Expectation(
        id="price.minimum",
        type="expect_column_values_to_be_between",
        column="price",
        kwargs={"min_value": 0},
        where="event_type is distinct from 'return'",
        uses=("event_type",),
        severity="warn",
        kind="impossible_values",
        reason="A negative price that is no return lowers revenue figures.",
        action="Look at the events listed and at how the price is mapped.",
    ),
    within(
        "rating",
        "impossible_values",
        "A rating outside any scale outweighs all honest ones in a mean.",
        "Map placeholders for “not rated” to null.",
        min_value=0,
        max_value=100,
    ),
    within(
        "position",
        "impossible_values",
        "Clicks cannot be corrected for the position they were shown at.",
        "Count positions from 0 or 1 in the source.",
        min_value=0,
    ),
)
