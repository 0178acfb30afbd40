"""A shop's own suite: what in it cannot be used is wrong usage."""

import json

import pytest

from tasks.errors import SuiteError
from tasks.validate.suite_json import parse_suite

REGULAR = "expect_column_values_to_match_regex"


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"mostly": "x"}, "mostly"),
        ({"mostly": True}, "mostly"),
        ({"mostly": 2}, "mostly"),
        ({"column": ["title"]}, "column"),
        ({"column_A": 1, "column_B": "title"}, "column_A"),
        ({"column_list": 5}, "column_list"),
        ({"column_list": ["title", 5]}, "column_list"),
        ({"regex": "(("}, "regex"),
        ({"regex": 5}, "regex"),
        ({"regex_list": ["a", "(("]}, "regex_list"),
    ],
)
def test_an_argument_that_cannot_be_used_is_named(more: dict[str, object], name: str) -> None:
    with pytest.raises(SuiteError, match=f"cannot have the `{name}`") as caught:
        parse_suite(
            suite({"column": "title", "regex": "a", **more}), table="products", types={REGULAR}, columns={"title"}
        )
    assert caught.value.exit_code == 2


def test_arguments_that_can_be_used_are_kept() -> None:
    text = suite({"column": "title", "regex": "(a|b)", "mostly": 1})
    (found,) = parse_suite(text, table="products", types={REGULAR}, columns={"title"})
    assert (found.column, dict(found.kwargs), found.mostly) == ("title", {"regex": "(a|b)"}, 1.0)


def suite(kwargs: dict[str, object]) -> str:
    return json.dumps({"name": "own", "expectations": [{"type": REGULAR, "kwargs": kwargs}]})
