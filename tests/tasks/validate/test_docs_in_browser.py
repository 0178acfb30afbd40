"""Data Docs of a table whose every text is an attack, in Chromium."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from playwright.sync_api import Browser

from tasks.assets.store import AssetStore
from tasks.validate.offline import POLICY
from tests.browser import browser
from tests.tasks.validate.test_task import run

pytestmark = [pytest.mark.service, pytest.mark.usefixtures("browser")]

__all__ = ["browser"]

ATTACK = '<img src=x onerror=document.title=document.domain+"PWNED">'
CELL = f"cell {ATTACK}"
CONDITION = {"type": "comparison", "column": {"name": "note"}, "operator": "!="}
SUITE = {
    "name": "own",
    "expectations": [
        {"type": type_, "kwargs": {"column": column, **kwargs}, "meta": {"reason": ATTACK}}
        for type_, column, kwargs in (
            ("expect_column_values_to_be_in_set", f"kind {ATTACK}", {"value_set": [f"set {ATTACK}"]}),
            ("expect_column_values_to_match_regex", "note", {"regex": f"(?P<name>regex){ATTACK}"}),
            ("expect_column_most_common_value_to_be_in_set", "note", {"value_set": [f"common {ATTACK}"]}),
            (
                "expect_column_values_to_not_be_in_set",
                "note",
                {"value_set": [CELL], "row_condition": {**CONDITION, "parameter": f"rows {ATTACK}"}},
            ),
        )
    ],
}


@pytest.fixture(scope="module")
def docs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = AssetStore(str(tmp_path_factory.mktemp("docs") / "lake"))
    table = pa.table(
        {f"{ATTACK}_id": list(range(60)), f"kind {ATTACK}": [f"category {ATTACK}"] * 60, "note": [CELL] * 60}
    )
    _, _, folder = run(store, "coupons", table, suite=SUITE)
    return folder / "docs"


def test_no_page_runs_or_fetches_anything_or_is_held_back_by_its_policy(browser: Browser, docs: Path) -> None:
    files = sorted(docs.rglob("*.html"))
    page = browser.new_page()
    said: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: requests.append(request.url))
    for file in files:
        page.goto(file.as_uri())
        assert "PWNED" not in page.title()
        assert page.locator("img, script, [onerror], [onclick]").count() == 0
    assert len(files) == 3
    assert said == []
    assert requests == [file.as_uri() for file in files]
    page.close()


def test_names_and_values_are_read_as_they_are(browser: Browser, docs: Path) -> None:
    page = browser.new_page()
    page.goto(next((docs / "validations").rglob("*.html")).as_uri())
    text = page.inner_text("body")
    page.close()

    for said in (
        f"{ATTACK}_id",
        f"kind {ATTACK}",
        f"category {ATTACK}",
        f"set {ATTACK}",
        CELL,
        f"(?P<name>regex){ATTACK}",
    ):
        assert said in text
    assert "&lt;" not in text
    assert "ufdd" not in text


def test_the_policy_stops_markup_that_slips_in(browser: Browser, docs: Path) -> None:
    page = browser.new_page()
    for file in sorted(docs.rglob("*.html")):
        assert POLICY in file.read_text(encoding="utf-8")
        page.goto(file.as_uri())
        page.evaluate("html => document.body.insertAdjacentHTML('beforeend', html)", ATTACK)
        page.wait_for_timeout(100)
        assert "PWNED" not in page.title()
    page.close()
