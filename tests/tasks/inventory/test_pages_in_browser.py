from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Dialog, Page

from tasks.assets.store import AssetStore
from tasks.inventory.config import InventoryConfig
from tasks.inventory.task import catalogue
from tests.browser import browser, open_page, take_picture
from tests.tasks.inventory.stock import HOSTILE, Stock

pytestmark = [pytest.mark.service, pytest.mark.usefixtures("browser")]

__all__ = ["browser"]

SCRIPT_OF_THE_DATA = "() => window.hacked || 0"
WIDER = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = AssetStore(str(tmp_path_factory.mktemp("browser") / "lake"))
    stock = Stock(store)
    stock.everything()
    stock.hostile_names()
    config = InventoryConfig(shop="tiny", owners={"extra": HOSTILE})
    return store.path(catalogue.fn(stock.refs, config=config, store=store).primary)


@pytest.fixture
def index(browser: Browser, site: Path) -> Iterator[Page]:
    page = open_page(browser, site / "index.html")
    yield page
    page.context.close()


def test_no_page_runs_what_the_data_says_or_asks_for_anything_else(browser: Browser, site: Path) -> None:
    page = browser.new_page()
    dialogs: list[str] = []
    problems: list[str] = []
    requests: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)
    page.on("console", lambda message: problems.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    files = sorted(site.rglob("*.html"))
    for file in files:
        page.goto(file.as_uri())
        assert page.evaluate(SCRIPT_OF_THE_DATA) == 0, file
    assert dialogs == problems == []
    assert {url for url in requests if not url.startswith("data:")} == {file.as_uri() for file in files}
    page.close()


def test_the_policy_stops_a_script_that_slips_in(index: Page) -> None:
    index.evaluate(
        "() => { const s = document.createElement('script'); s.text = 'window.hacked = 1'; document.body.append(s); }"
    )
    index.evaluate("() => document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.hacked = 1\">')")
    index.wait_for_timeout(100)
    assert index.evaluate(SCRIPT_OF_THE_DATA) == 0


def test_a_hostile_name_is_read_as_text(index: Page) -> None:
    assert HOSTILE in index.locator("#clusters").inner_text()


def test_hostile_columns_reasons_and_decisions_are_read_as_text(browser: Browser, site: Path) -> None:
    page = browser.new_page()
    for key in (
        "tables/extra",
        "quarantine/extra",
        "validations/extra",
        "profiles/extra",
        "splits/behaviour",
        "evaluations/recommender",
        "inventory/review",
    ):
        page.goto((site / "assets" / f"{key}.html").as_uri())
        assert HOSTILE[:40] in (page.locator("main").text_content() or ""), key
    page.close()


def test_a_click_sorts_by_number_and_a_second_click_turns_round(index: Page) -> None:
    rows = index.locator("#asset-table tbody tr td:nth-child(3)")
    header = index.get_by_role("columnheader", name="Rows").last
    header.get_by_role("button").click()
    down = [text for text in rows.all_inner_texts() if text != "–"]
    assert down[:2] == ["160", "61"]
    assert header.get_attribute("aria-sort") == "descending"
    header.get_by_role("button").click()
    assert header.get_attribute("aria-sort") == "ascending"
    assert rows.all_inner_texts()[-1] == "160"


def test_sorting_works_from_the_keyboard(index: Page) -> None:
    button = index.locator("#asset-table").get_by_role("button", name="Asset")
    button.focus()
    index.keyboard.press("Enter")
    index.keyboard.press("Enter")
    assert index.locator("#asset-table tbody th").first.inner_text().startswith("validations/products")


def test_the_filter_keeps_rows_with_all_words_and_counts_them(index: Page) -> None:
    index.keyboard.press("/")
    index.keyboard.type("EVENTS profile")
    assert index.locator("#asset-table tbody tr:visible th").all_inner_texts() == ["profiles/events\nWhat events holds"]
    assert index.locator("output").inner_text() == "1 of 25"


def test_a_picture_of_lineage_leads_from_page_to_page(index: Page) -> None:
    index.get_by_role("link", name="products").first.click()
    index.locator("#lineage a", has_text="clusters").click()
    assert index.title().startswith("analysis/clusters")


def test_the_first_stop_of_the_keyboard_skips_to_the_content(index: Page) -> None:
    index.keyboard.press("Tab")
    assert index.evaluate("() => document.activeElement.getAttribute('href')") == "#main"


def test_no_page_is_wider_than_its_window(browser: Browser, site: Path) -> None:
    for file in sorted(site.rglob("*.html")):
        page = open_page(browser, file)
        for width in (320, 390, 768, 1400):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate(WIDER) <= 0, f"{file.name} at {width}"
        page.context.close()


@pytest.mark.parametrize("width", [320, 390, 768, 1400])
def test_no_word_above_the_tables_is_cut(browser: Browser, site: Path, width: int) -> None:
    for file in (site / "index.html", site / "assets" / "tables" / "products.html"):
        page = open_page(browser, file, width=width)
        page.locator(".shop").evaluate("(e) => { e.textContent = 'complete-journey of one retailer'; }")
        assert page.evaluate(CUT_ABOVE_THE_TABLES) == [], file.name
        page.context.close()


def test_the_stages_are_drawn_where_there_is_room_and_listed_where_there_is_not(index: Page) -> None:
    for width in (390, 768, 1239, 1240, 1400):
        index.set_viewport_size({"width": width, "height": 900})
        picture, stages = index.locator("#pipeline .picture"), index.locator("#pipeline .stages")
        assert picture.is_visible() != stages.is_visible(), width
        assert not picture.is_visible() or picture.evaluate("(e) => e.scrollWidth <= e.clientWidth"), width


def test_what_a_stage_made_fits_into_its_box_however_much_it_is(index: Page) -> None:
    assert index.evaluate(BESIDE_THEIR_BOX) == []
    index.evaluate(MOST_THAT_IS_SAID)
    assert index.evaluate(BESIDE_THEIR_BOX) == []


def test_printing_opens_what_is_folded(index: Page) -> None:
    index.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
    assert index.locator("details:not([open])").count() == 0
    index.evaluate("() => window.dispatchEvent(new Event('afterprint'))")
    assert index.locator("details[open]").count() == 0


def test_text_is_readable_on_light_and_dark(browser: Browser, site: Path) -> None:
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        page = open_page(browser, site / "index.html", scheme=scheme)
        contrast, text = page.evaluate(LOWEST_CONTRAST)
        assert contrast >= 4.5, f"{text} on {scheme}"
        page.context.close()


def test_the_page_is_readable_without_its_script(browser: Browser, site: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((site / "index.html").as_uri())
    assert page.locator("#asset-table tbody tr").count() == 25
    assert not page.locator(".filter").is_visible()
    context.close()


def test_a_picture_of_the_page_can_be_taken(browser: Browser, site: Path, tmp_path: Path) -> None:
    take_picture(browser, site / "index.html", tmp_path / "page.png", width=800, height=600)
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")


MOST_THAT_IS_SAID = """() => { for (const [name, text] of [[".what", "102 clusters, 83.4 k duplicates"],
  [".note", "31 assets, 1,024 files, 12 min 20 s"]])
    document.querySelectorAll("#pipeline .box " + name).forEach((e) => { e.textContent = text; }); }"""

CUT_ABOVE_THE_TABLES = """() => [...document.querySelectorAll(".top a, .top span, .hero *, .tiles *")].filter((e) => {
  if (e.matches(".unseen") || !e.textContent.trim() || e.closest("svg")) return false;
  const box = e.getBoundingClientRect();
  const nav = e.closest("nav"), edge = nav ? nav.getBoundingClientRect().right : innerWidth;
  const is_clipped = getComputedStyle(e).overflow !== "visible" && e.scrollWidth > e.clientWidth + 1;
  return box.left < 0 || box.right > edge + 0.5 || is_clipped;
}).map((e) => e.outerHTML)"""

BESIDE_THEIR_BOX = """() => [...document.querySelectorAll("#pipeline .box text")].filter((e) => {
  const [text, box] = [e.getBoundingClientRect(), e.parentElement.querySelector("rect").getBoundingClientRect()];
  return text.right > box.right - 10 || text.left < box.left + 10; }).map((e) => e.textContent)"""

LOWEST_CONTRAST = """() => {
  const rgb = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
    if (c.length === 3 || c[3] > 0) return c; } return [255, 255, 255]; };
  const texts = [...document.querySelectorAll("main *")].filter((e) => !e.closest("svg") &&
    [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()));
  return texts.map((e) => { const [a, b] = [light(rgb(getComputedStyle(e).color)), light(ground(e))];
    return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.outerHTML.slice(0, 200)]; })
    .sort((a, b) => a[0] - b[0])[0];
}"""
