"""What we demand of users: one row per user_id."""

from __future__ import annotations

from typing import Final

from expectations.expectation import Expectation, has_rows, not_in_future, optional, required, unique

SUITE: Final[tuple[Expectation, ...]] = (
    has_rows("block", "Every user would be a stranger."),
    *required({"user_id": "VARCHAR"}, "A portrait that belongs to nobody explains nobody's behaviour."),
    *optional(
        {
            "age": "VARCHAR",
            "gender": "VARCHAR",
            "region": "VARCHAR",
            "signed_up_at": "TIMESTAMP WITH TIME ZONE",
            "attributes": "MAP(VARCHAR, VARCHAR)",
        },
        "Groups of users are formed from these columns, and fall apart on another type.",
    ),
    unique(
        ("user_id",),
        "block",
        "A user with two portraits counts twice in every group of users.",
        "Declare in the settings which row of a user wins, or deliver one row per user.",
    ),
    not_in_future("signed_up_at", "A user who has not signed up yet has no history, so cohorts are wrong."),
)
