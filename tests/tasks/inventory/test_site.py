from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from posixpath import dirname, join, normpath
from urllib.parse import unquote

import pyarrow as pa
import pytest

from tasks.assets import specs
from tasks.assets.asset import AssetRef
from tasks.assets.recipe import Recipe
from tasks.assets.reports import REGISTRATION_REPORT, EvaluationReport, MetricValue, Registration, TimeProfile
from tasks.assets.store import AssetStore
from tasks.inventory.config import InventoryConfig
from tasks.inventory.sections import extent, named_rows, shown_value, top_values, training_lines
from tasks.inventory.site import page_of, with_code
from tasks.inventory.tables import cluster_rows, comparison, metric_names, users_ranked_for
from tasks.inventory.task import catalogue
from tests.tasks.inventory.stock import HOSTILE, MODEL, Stock, column, numeric

CONFIG = InventoryConfig(shop="tiny")


class Page(HTMLParser):
    """Collects what a browser would act on."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def attributes(self, name: str) -> list[str]:
        return [value or "" for _, attrs in self.tags for key, value in attrs.items() if key == name]

    @property
    def ids(self) -> list[str]:
        return self.attributes("id")


def write(store: AssetStore, refs: list[AssetRef], config: InventoryConfig = CONFIG) -> dict[str, str]:
    result = catalogue.fn(refs, config=config, store=store)
    folder = store.path(result.primary)
    return {file.relative_to(folder).as_posix(): file.read_text(encoding="utf-8") for file in folder.rglob("*.html")}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    store = AssetStore(str(tmp_path_factory.mktemp("site") / "lake"))
    return write(store, Stock(store).everything())


@pytest.fixture(scope="module")
def parsed(pages: dict[str, str]) -> dict[str, Page]:
    return {path: Page(text) for path, text in pages.items()}


def test_every_asset_but_shards_has_a_page(pages: dict[str, str]) -> None:
    assert "assets/tables/products.html" in pages
    assert "assets/registrations/recommender.html" in pages
    assert not [path for path in pages if "shards" in path]
    assert len(pages) == 21


def test_every_link_leads_to_a_page_or_a_place_on_one(parsed: dict[str, Page]) -> None:
    for path, page in parsed.items():
        for link in page.attributes("href"):
            if link == "data:," or "/docs/" in link or link.startswith("#i-"):
                continue
            target, _, anchor = link.partition("#")
            place = normpath(join(dirname(path), unquote(target))) if target else path
            assert place in parsed, f"{path} links to {link}"
            assert not anchor or anchor in parsed[place].ids or anchor in {"model"}, f"{path} links to {link}"


def test_data_docs_are_linked_where_they_lie_in_the_lake(pages: dict[str, str]) -> None:
    link = re.search(r'href="([^"]+/docs/index.html)"', pages["assets/validations/products.html"])
    assert link is not None
    assert link.group(1).startswith("../../../../../../validations/products/")


def test_no_page_asks_for_anything_from_elsewhere(parsed: dict[str, Page]) -> None:
    for page in parsed.values():
        addresses = [*page.attributes("href"), *page.attributes("src"), *page.attributes("action")]
        assert not [address for address in addresses if re.match(r"(?i)\s*([a-z]+:)?//|https?:|javascript:", address)]
        assert {"iframe", "object", "embed", "img", "form", "base"}.isdisjoint(tag for tag, _ in page.tags)


def test_names_from_the_data_make_no_elements_and_no_handlers(parsed: dict[str, Page]) -> None:
    for path, page in parsed.items():
        assert [tag for tag, _ in page.tags].count("script") == 1, path
        assert [tag for tag, _ in page.tags].count("style") == 1, path
        names = {name for _, attrs in page.tags for name in attrs}
        assert not {name for name in names if name.startswith("on")} | ({"style"} & names), path


def test_hostile_names_are_shown_as_they_are(parsed: dict[str, Page]) -> None:
    for path in (
        "index.html",
        "assets/tables/products.html",
        "assets/profiles/products.html",
        "assets/validations/products.html",
        "assets/analysis/clusters.html",
        "assets/analysis/duplicates.html",
        "assets/analysis/associations.html",
        "assets/registrations/recommender.html",
    ):
        assert HOSTILE[:40] in "".join(parsed[path].texts), path
    assert HOSTILE in parsed["assets/profiles/products.html"].attributes("title")


def test_templates_in_the_data_are_not_evaluated(pages: dict[str, str]) -> None:
    assert "{{7*7}}" in pages["assets/analysis/clusters.html"]


def test_the_policy_allows_our_script_and_style_by_digest_alone(pages: dict[str, str], parsed: dict[str, Page]) -> None:
    for path, text in pages.items():
        (policy,) = [a["content"] or "" for tag, a in parsed[path].tags if a.get("http-equiv")]
        for name in ("script", "style"):
            (body,) = re.findall(rf"<{name}>(.*?)</{name}>", text, re.DOTALL)
            digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
            assert f"{name}-src 'sha256-{digest}'" in policy
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy


def test_the_same_assets_give_the_same_pages_in_whatever_order(tmp_path: Path) -> None:
    store = AssetStore(str(tmp_path / "lake"))
    refs = Stock(store).everything()
    assert write(store, refs) == write(store, refs[::-1])


def test_ids_are_unique(parsed: dict[str, Page]) -> None:
    for path, page in parsed.items():
        assert len(page.ids) == len(set(page.ids)), path


def test_every_heading_follows_its_level(parsed: dict[str, Page]) -> None:
    for path, page in parsed.items():
        levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
        assert levels.count(1) == 1, path
        assert all(after - before <= 1 for before, after in pairwise(levels)), path


def test_the_first_page_tells_the_headlines(parsed: dict[str, Page]) -> None:
    words = " ".join(" ".join(parsed["index.html"].texts).split())
    for expected in ("tiny", "223", "in 3 tables", "0 critical, 1 warning, 1 info", "challenger, waiting for review"):
        assert expected in words
    assert "+25 % against the best part, ItemKNN" in words


def test_what_an_interval_does_not_tell_apart_is_no_gain(tmp_path: Path) -> None:
    store = AssetStore(str(tmp_path / "lake"))
    text = write(store, Stock(store, gain_low=-0.01).everything())["index.html"]
    assert "not distinguishable from the best part, ItemKNN" in text
    assert "+25" not in text


def test_a_registration_tells_what_search_was_measured_by(parsed: dict[str, Page]) -> None:
    words = " ".join(" ".join(parsed["assets/registrations/recommender.html"].texts).split())
    assert "Search was not measured." in words
    assert "Training made search worse." in words


def test_a_table_tells_where_every_row_went(parsed: dict[str, Page]) -> None:
    words = " ".join(" ".join(parsed["assets/tables/products.html"].texts).split())
    assert "64 rows read = 61 kept + 2 merged + 1 quarantined." in words
    assert "title HTML entities replaced by their characters 49" in words
    assert "missing title 1" in words


def test_a_run_without_a_model_says_so(tmp_path: Path) -> None:
    store = AssetStore(str(tmp_path / "lake"))
    stock = Stock(store)
    stock.products()
    words = " ".join(write(store, stock.refs)["index.html"].split())
    assert "No model. This stocktake has neither evaluated nor registered one." in words
    assert "not validated" in words


def test_a_blocked_table_says_what_that_means(tmp_path: Path) -> None:
    store = AssetStore(str(tmp_path / "lake"))
    stock = Stock(store)
    table = stock.products()
    stock.validation("products", "blocked", table)
    page = write(store, stock.refs)["assets/tables/products.html"]
    assert "The suite blocked this table" in page
    assert "This table has not been profiled" in page


def test_a_model_that_was_registered_without_evaluation_has_a_page(tmp_path: Path) -> None:
    store = AssetStore(str(tmp_path / "lake"))
    stock = Stock(store)
    stock.everything()
    refs = [ref for ref in stock.refs if ref.key in {"registrations/recommender", "models/recommender"}]
    assert "Registered as tiny-recommender, version 3." in write(store, refs)["index.html"]


def test_an_evaluation_without_registration_says_so(tmp_path: Path) -> None:
    store = AssetStore(str(tmp_path / "lake"))
    refs = [ref for ref in Stock(store).everything() if ref.key != "registrations/recommender"]
    assert "evaluated, not registered" in write(store, refs)["index.html"]


def test_no_assets_at_all_is_a_page_too(tmp_path: Path) -> None:
    assert "There are no assets yet." in write(AssetStore(str(tmp_path / "lake")), [])["index.html"]


def test_findings_beyond_the_first_page_are_counted(tmp_path: Path) -> None:
    store = AssetStore(str(tmp_path / "lake"))
    refs = Stock(store).everything()
    text = write(store, refs, InventoryConfig(shop="tiny", overview_findings=1))["index.html"]
    assert "1 more stand on the pages of their tables." in text


def test_a_table_with_odd_column_names_and_no_rows_has_a_page(tmp_path: Path) -> None:
    store = AssetStore(str(tmp_path / "lake"))
    stock = Stock(store)
    rows = pa.table({HOSTILE: pa.array([], pa.string()), '价格 "¥"': pa.array([], pa.float64())})
    stock.publish(specs.table("extra"), tables={"part-0.parquet": rows})
    text = write(store, stock.refs)["assets/tables/extra.html"]
    assert "价格 &#34;¥&#34;" in text
    assert "<script>window" not in text


def test_long_lists_are_cut_and_say_how_much_is_left(tmp_path: Path) -> None:
    store = AssetStore(str(tmp_path / "lake"))
    stock = Stock(store)
    rows = {"rows_read": 1, "rows_kept": 1, "rows_merged": 0, "rows_quarantined": 0}
    days = {f"day-{day}": rows for day in range(30)}
    metrics = {**rows, "sources": days, "rules": {}, "files": {name: {"encoding": "utf-8"} for name in days}}
    stock.publish(specs.table("events"), tables={"part-0.parquet": pa.table({"a": [1]})}, metrics=metrics)
    text = write(store, stock.refs, InventoryConfig(listed_files=20))["assets/tables/events.html"]
    assert text.count("10 more are in its manifest.json.") == 2
    assert "day-19" in text
    assert "day-9" not in text


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("`brand` is <b>", "<code>brand</code> is &lt;b&gt;"),
        ("like `<script>`.", "like <code>&lt;script&gt;</code>."),
        ("an odd ` alone & more", "an odd ` alone &amp; more"),
        ("plain", "plain"),
    ],
)
def test_backticks_become_code_and_nothing_else_becomes_html(text: str, html: str) -> None:
    assert str(with_code(text)) == html


def test_the_path_of_a_page_is_its_key() -> None:
    assert page_of("tables/products") == "assets/tables/products.html"


def test_training_lines_skip_steps_without_a_value() -> None:
    history: dict[str, list[float | None]] = {
        "step": [0, 1, 2, 3],
        "loss": [2.0, 1.0, None, 0.5],
        "rare": [None, None, 1.0, None],
    }
    assert [(line.name, line.points.count(",")) for line in training_lines(history)] == [("loss", 3)]
    assert training_lines({"loss": [1.0, 2.0]}) == []


def test_the_extent_of_numbers_is_read_as_numbers_and_of_ids_as_text() -> None:
    assert extent(numeric("price", 3, 1.0), 30) == "0.25 … 99.5"
    assert (
        extent(column("product_id", "VARCHAR", distinct=3, minimum="000123", maximum="98765"), 30) == "000123 … 98765"
    )
    assert extent(column("flag", "VARCHAR", distinct=1, minimum="a", maximum="a"), 30) == "a"
    assert extent(column("none", "VARCHAR", distinct=0, minimum=None, maximum=None), 30) == ""


def test_times_are_told_without_what_is_zero() -> None:
    time = TimeProfile(first="", last="", days_in_span=1, days_with_rows=1, longest_gap_days=0, by_month=())
    at = column("at", "TIMESTAMP WITH TIME ZONE", distinct=2, time=time)
    assert shown_value(at, "2018-04-19 00:00:00+00", 30) == "2018-04-19"
    assert shown_value(at, "2018-04-19 12:30:00+00", 30) == "2018-04-19 12:30:00"
    assert shown_value(numeric("odd", 3, 1.0), "not a number", 5) == "not…"


def test_values_that_each_stand_once_are_not_frequent() -> None:
    assert top_values(column("id", "VARCHAR", distinct=2, top=(("a", 1), ("b", 1))), 8) == ()
    assert [item.value for item in top_values(column("b", "VARCHAR", distinct=2, top=(("a", 2), ("b", 1))), 1)] == ["a"]


def test_only_a_mapping_of_mappings_is_a_table_of_sources() -> None:
    assert named_rows({"b": {"rows_read": 1}, "a": {"rows_read": 2}, "c": 3}) == [
        ("a", {"rows_read": 2}),
        ("b", {"rows_read": 1}),
    ]
    assert named_rows(None) == named_rows(["x"]) == []


def test_the_comparison_marks_the_best_and_leaves_gaps() -> None:
    values = [
        MetricValue(model=model, split="test", metric=metric, value=value, low=value, high=value)
        for model, metric, value in (
            ("a", "ndcg_at_10", 0.1),
            ("b", "ndcg_at_10", 0.2),
            ("b", "search_ndcg_at_10", 0.3),
        )
    ]
    report = EvaluationReport(
        models=("a", "b"),
        metrics=(*values, values[0].model_copy(update={"split": "validation", "value": 0.9, "metric": "mrr_at_10"})),
        weights={},
        leakage=(),
        users={},
        events={},
        products=2,
        cutoffs={},
    )
    assert metric_names(report) == ["ndcg_at_10", "search_ndcg_at_10"]
    first, second = comparison(report)
    assert [cell.is_best for cell in first.cells] == [False, False]
    assert [cell.is_best for cell in second.cells] == [True, True]
    assert first.cells[1].value is None


def test_the_users_of_the_comparison_are_those_who_were_asked(pages: dict[str, str]) -> None:
    for path in (
        "index.html",
        "assets/models/recommender.html",
        "assets/evaluations/recommender.html",
        "assets/registrations/recommender.html",
    ):
        assert "for each of 37 users, all 61 products are ranked" in pages[path]


def test_an_evaluation_that_does_not_say_whom_it_asked_asked_all() -> None:
    report = EvaluationReport(
        models=(), metrics=(), weights={}, leakage=(), users={"test": 40}, events={}, products=2, cutoffs={}
    )
    assert users_ranked_for(report) == 40


def test_source_files_are_counted_where_an_asset_says_what_it_was_made_from(store: AssetStore) -> None:
    stock = Stock(store)
    stock.everything()
    inputs = [ref for ref in stock.refs if ref.key.startswith("shards/events/") or ref.key == "tables/products"]
    stock.publish(specs.ASSOCIATIONS, *inputs, stage="register")
    found = write(store, stock.refs)
    (table,) = (ref for ref in inputs if ref.key == "tables/products")
    made_from = found["assets/analysis/associations.html"].split("<dt>Made from</dt>")[1].split("</dd>")[0]
    assert Page(made_from).texts == [str(table), "4 source files"]
    assert "<dt>Made from</dt><dd>4 source files</dd>" in found["assets/tables/events.html"]
    assert "<dt>Made from</dt><dd>–</dd>" in found["assets/tables/coupons.html"]


def test_a_recommender_says_which_version_it_is_what_became_of_it_and_what_it_gains(store: AssetStore) -> None:
    stock = Stock(store)
    refs = stock.everything()
    facts = {"decision": "promoted", "version": "3", "from_version": None, "by": "Ada", "reason": "try it"}
    stock.publish(specs.REVIEWS, refs[0], stage="review", metrics={"model": MODEL, **facts})
    found = write(store, stock.refs)["assets/models/recommender.html"]
    standing = Page(found[found.index('id="standing"') : found.index('id="comparison"')]).texts
    words = " ".join(" ".join(standing).split())
    assert "Registered as tiny-recommender, version 3. champion by Ada: try it +25 % against ItemKNN." in words
    assert words.endswith("Version 3 Alias champion")
    assert len(re.findall(r"\b0\.6\b", found)) == 1, "the weights stand there once"


def test_a_recommender_that_was_not_registered_has_no_version(store: AssetStore) -> None:
    stock = Stock(store)
    stock.everything()
    stock.refs.remove(next(ref for ref in stock.refs if ref.key == "models/recommender"))
    stock.publish(specs.RECOMMENDER, stage="evaluate", texts={"recommender.json": "{}"})
    assert 'id="standing"' not in write(store, stock.refs)["assets/models/recommender.html"]


def test_a_profile_tells_the_size_of_the_table_before_its_own(store: AssetStore) -> None:
    stock = Stock(store)
    table = {"columns.parquet": pa.table({"column": ["a", "b"], "nulls": [0, 1], "distinct": [2, 2]})}
    stock.profile("products", stock.products(), stock.product_columns(), tables=table)
    page = write(store, stock.refs)["assets/profiles/products.html"]
    facts = page[page.index('class="facts"') :].split("</ul>")[0]
    own = "<li>2 rows and 3 columns in the profile&#39;s own table</li>"
    assert facts.index("<li>61 rows and 7 columns in the table</li>") < facts.index(own)
    assert facts.count(" rows") == 2


def decision_page(store: AssetStore, kind: str, version: str | None, from_version: str | None, *of: AssetRef) -> str:
    facts = {"decision": kind, "version": version, "from_version": from_version, "by": "Ada", "reason": HOSTILE}
    when = {"at": "2026-11-24T12:05:00+00:00", "model": "tiny"}
    stock = Stock(store)
    stock.publish(specs.REVIEWS, *of, stage="review", metrics={**facts, **when})
    return write(store, stock.refs)["assets/inventory/review.html"]


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        (("promoted", "3", "2"), "Promoted Version 3 Champion before Version 2 Who Ada"),
        (("rolled back", "2", "3"), "Rolled back Taken out of use Version 3 Champion again Version 2 Who Ada"),
        (("rolled back", None, "3"), "Rolled back Taken out of use Version 3 Champion again No champion Who Ada"),
    ],
)
def test_a_decision_stands_first_on_its_page(
    store: AssetStore, decision: tuple[str, str | None, str | None], words: str
) -> None:
    page = decision_page(store, *decision)
    said = page[page.index('id="decision"') : page.index('id="lineage"')]
    told = " ".join(" ".join(Page(said).texts).split())
    assert f"{words} Reason {HOSTILE} When 2026-11-24 12:05 UTC Model tiny" in told
    assert "<h3>Measures</h3>" not in page, "nothing is said twice"


def test_a_picture_of_nothing_but_the_asset_itself_says_why(store: AssetStore) -> None:
    older = AssetRef("models/recommender", "0123456789ab")
    assert "is current any more" in decision_page(store, "promoted", "1", None, older)
    assert 'class="graph"' not in decision_page(store, "promoted", "1", None, older)
    assert 'class="graph"' in decision_page(store, "promoted", "2", None)


def test_there_is_no_table_of_no_clusters() -> None:
    assert cluster_rows(None, 5) is None


@pytest.mark.parametrize(("version", "from_version", "words"), [("3", "2", "champion"), ("2", "3", "champion before")])
def test_the_last_decision_stands_beside_the_model(
    store: AssetStore, version: str, from_version: str, words: str
) -> None:
    stock = Stock(store)
    refs = stock.everything()
    decision = {
        "model": MODEL,
        "decision": "promoted",
        "version": version,
        "from_version": from_version,
        "by": "Ada",
        "reason": HOSTILE,
    }
    refs.append(stock.publish(specs.REVIEWS, refs[-1], stage="review", texts={"review.json": "{}"}, metrics=decision))
    index = Page(write(store, refs)["index.html"])
    assert words in index.texts
    assert f"by Ada: {HOSTILE}" in index.texts


def test_the_shops_owner_stands_on_the_pages_of_a_table_and_beside_its_findings(store: AssetStore) -> None:
    refs = Stock(store).everything()
    text = write(store, refs, InventoryConfig(shop="tiny", owners={"products": "王小明 <b>"}))
    owner = '<span class="sub">王小明 &lt;b&gt;</span>'
    assert "</span>王小明 &lt;b&gt;</li>" in text["assets/tables/products.html"]
    assert "<dd>王小明 &lt;b&gt;</dd>" in text["assets/validations/products.html"]
    assert text["index.html"].count(owner) == text["assets/tables/products.html"].count(owner) == 2
    assert "王小明" not in text["assets/tables/events.html"]


def test_a_quarantine_names_its_parquet_and_shows_rows_with_file_and_line(store: AssetStore) -> None:
    refs = Stock(store).everything()
    ref = next(ref for ref in refs if ref.key == "quarantine/products")
    page = Page(write(store, refs)["assets/quarantine/products.html"])
    words = " ".join(" ".join(page.texts).split())
    assert str(store.path(ref) / "part-0.parquet") in words
    assert f'items.csv 4 title is empty {{"id": "{HOSTILE[:60]}' in words


def test_rows_of_a_reason_beyond_the_first_are_counted(store: AssetStore) -> None:
    stock = Stock(store)
    rows = {"reason": ["bad"] * 3, "detail": ["d"] * 3, "source": ["a.csv"] * 3, "line": [1, 2, 3]}
    stock.publish(
        specs.quarantine("events"), tables={"part-0.parquet": pa.table({**rows, "row": ["x" * 1000, "2", "3"]})}
    )
    config = InventoryConfig(quarantine_rows=2, preview_characters=100)
    text = write(store, stock.refs, config)["assets/quarantine/events.html"]
    assert "The first 2 of 3 rows." in text
    assert text.count("<code>a.csv</code>") == 2
    assert f"<code>{'x' * 199}…</code>" in text


def test_what_is_behind_its_inputs_is_marked_on_every_page_that_tells_of_it(store: AssetStore) -> None:
    stock = Stock(store)
    stock.everything()
    assert "behind" not in Page(write(store, stock.refs)["index.html"]).texts
    stock.refs.remove(next(ref for ref in stock.refs if ref.key == "tables/events"))
    stock.publish(specs.table("events"), tables={"part-0.parquet": pa.table({"a": [1]})})
    found = write(store, stock.refs)
    note = "Made from an older version of tables/events. <code>pandian run</code> makes it again."
    assert note in found["assets/profiles/events.html"]
    assert note in found["assets/tables/events.html"]
    assert note not in found["assets/tables/products.html"]
    index = Page(found["index.html"])
    (count,) = re.findall(r"(\d+) assets were made from older versions", " ".join(index.texts))
    assert index.texts.count("behind") == int(count) + 1, "once beside each asset, once beside the table's verdict"


def test_the_model_tile_names_the_champion_first_and_then_the_newest_version(store: AssetStore) -> None:
    stock = Stock(store)
    refs = stock.everything()
    assert "No champion Version 3 challenger, waiting for review" in tile(write(store, refs)["index.html"])
    told = {"model": MODEL, "from_version": None, "by": "Ada"}
    for facts in (
        {"decision": "promoted", "version": "1", "reason": "it is good", **told},
        {"decision": "rejected", "version": "3", "reason": "it is not", **told},
    ):
        stock.publish(specs.REVIEWS, refs[0], stage=f"review {facts['version']}", metrics=facts)
    words = tile(write(store, stock.refs)["index.html"])
    assert "Champion: version 1 by Ada: it is good Version 3 rejected by a reviewer by Ada: it is not" in words


def test_after_a_rollback_each_version_stands_with_its_own_reason(store: AssetStore) -> None:
    stock = Stock(store)
    refs = stock.everything()
    facts = {"decision": "rolled back", "version": "1", "from_version": "3", "by": "Bob", "reason": "clicks fell"}
    own = {"model": MODEL, "champion_by": "Ada", "champion_reason": "try it"}
    stock.publish(specs.REVIEWS, refs[0], stage="review", metrics={**facts, **own})
    found = write(store, stock.refs)
    words = tile(found["index.html"])
    assert "Champion: version 1, again by Ada: try it Version 3 rolled back, rejected by Bob: clicks fell" in words
    assert "version 3, rolled back" in Page(found["index.html"]).texts
    assert "rolled back, rejected" in Page(found["assets/registrations/recommender.html"]).texts
    assert "Version 1, approved by Ada: try it" in Page(found["assets/inventory/review.html"]).texts


def test_only_what_was_decided_for_has_a_tick(store: AssetStore) -> None:
    stock = Stock(store)
    refs = stock.everything()
    waiting = 'is-info" aria-hidden="true" focusable="false"><use href="#i-info"/></svg>challenger, waiting for review'
    found = write(store, refs)
    assert waiting in found["index.html"]
    assert waiting in found["assets/registrations/recommender.html"]


def test_rules_are_told_in_words_and_only_a_broken_one_says_what_that_does(pages: dict[str, str]) -> None:
    page = pages["assets/validations/products.html"]
    assert "<code>title</code> must never be empty" in page
    assert "<code>price</code> must be 0 or more" in page
    assert page.count("A product that cannot be named cannot be shown.") == 1


def test_a_finding_tells_the_rule_that_it_names(store: AssetStore) -> None:
    stock = Stock(store)
    rule = "price_expect_column_values_to_be_between"
    stock.validation("products", "warned", stock.products(), note=f"`price` fails “{rule}” in 3 of 61 rows.")
    page = write(store, stock.refs)["assets/validations/products.html"]
    assert "<code>price</code> breaks the rule “must be 0 or more” in 3 of 61 rows." in page


def test_numbers_of_a_list_say_that_they_count_its_elements(pages: dict[str, str]) -> None:
    page = pages["assets/profiles/products.html"]
    assert page.count("how many elements a value has") == 1
    assert "<dd>2 … 7 elements</dd>" in page


def tile(text: str) -> str:
    words = " ".join(" ".join(Page(text).texts).split())
    return words[words.index(" Model ", words.index("Quality")) : words.index("How it was made")]


def test_what_ingest_changed_is_told_by_column_in_words_with_the_rules_name_beside(pages: dict[str, str]) -> None:
    page = pages["assets/tables/products.html"]
    assert '<tr title="title.entities"><th scope="row"><code>title</code></th><td>HTML entities replaced' in page
    assert "<code>brand.of</code></th><td>Spaces around the value dropped</td>" in page


def test_a_histogram_says_what_lies_beyond_its_axis(pages: dict[str, str]) -> None:
    page = pages["assets/profiles/products.html"]
    assert "Paler, not to scale: 3 of 100 or more, up to 5,000,000." in page
    assert page.count('<rect class="tail"') == 1


def test_pages_are_made_again_where_the_model_was_registered_again(store: AssetStore) -> None:
    table, recipe = Stock(store).products(), Recipe(stage="register", revision=1, arguments={})
    statuses = []
    for version in ("3", "3", "4"):
        told = Registration(
            name="pens", version=version, alias="challenger", decision="passed", reasons=(), metrics={},
            run_id="abc", model_uri=f"models:/pens/{version}", tracking_uri="sqlite:///mlflow.db",
        )  # fmt: skip
        with store.draft(specs.REGISTRATION, recipe, run_id="by-hand", is_refresh=True) as draft:
            (draft.path / REGISTRATION_REPORT).write_text(told.model_dump_json(), encoding="utf-8")
        refs = [table, AssetRef(specs.REGISTRATION.key, recipe.version)]
        result = catalogue.fn(refs, config=CONFIG, store=store)
        statuses.append(result.status)
    assert statuses == ["run", "skipped", "run"]
    assert "Version 4" in (store.path(result.primary) / "index.html").read_text(encoding="utf-8")
