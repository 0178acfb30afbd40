from __future__ import annotations

import html
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.validate.offline import offline_page, safe

PAGE = "<html><head><title>t</title></head><body>{}</body></html>"


@given(st.text(st.sampled_from("<>&\"'$ax/")))
def test_a_text_of_the_data_is_shown_as_it_is_and_is_never_markup(text: str) -> None:
    shown = offline_page(PAGE.format(safe(text))).partition("<body>")[2].removesuffix("</body></html>")

    assert html.unescape(shown) == text
    assert not set(shown) & set("<>\"'")


def test_a_text_is_escaped_once_whether_great_expectations_escapes_it_or_spells_it_or_not() -> None:
    text = "<b>R&D</b> for $5"

    for form in (safe(text), html.escape(safe(text)), string.Template("$x").substitute(x=safe(text))):
        assert html.escape(text) in offline_page(PAGE.format(form))
    assert html.escape(text) in offline_page(PAGE.format([safe(text)]))


def test_what_great_expectations_must_read_is_left_to_it() -> None:
    kwargs = {"row_condition": {"operator": "<", "parameter": "<b>"}, "max_value": {"$PARAMETER": "ingested_at"}}

    found = safe(kwargs)

    assert found["row_condition"]["operator"] == "<"
    assert found["row_condition"]["parameter"] != "<b>"
    assert found["max_value"] == kwargs["max_value"]


@pytest.mark.parametrize(
    "markup",
    [
        '<script src="https://x/y.js"></script>',
        "<script>run()</script>",
        '<link rel="shortcut icon" href="../favicon.ico"/>',
        '<img src="https://x/y.png">',
        "<footer>again</footer>",
    ],
)
def test_what_a_page_would_fetch_or_run_is_taken_out(markup: str) -> None:
    assert markup not in offline_page(PAGE.format(markup))


def test_a_page_has_no_handler_and_its_policy_stands_before_all_else() -> None:
    page = offline_page(PAGE.format('<label class="btn" onclick="show()">onclick="show()"</label>'))

    assert '<label class="btn">onclick="show()"</label>' in page
    assert page.index("Content-Security-Policy") < page.index("<title>")
