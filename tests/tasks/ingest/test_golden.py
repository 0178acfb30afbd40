"""What is known of the public data sets, counted by ingest: rows, and the dirt their description lists."""

from pathlib import Path

import pytest

from tasks.assets.reports import RELATIONSHIPS_REPORT, VALIDATION_REPORT, Relationships, ValidationReport
from tasks.assets.store import AssetStore
from tasks.profile.config import ProfileConfig
from tasks.profile.task import profile, relate
from tasks.validate.config import ValidateConfig
from tasks.validate.task import validate
from tests.pandian import ROOT
from tests.tasks.ingest.ingesting import Ingested, ingest, ingest_shop

pytestmark = pytest.mark.usefixtures("shared_data")


def findings(found: Ingested, kind: str) -> dict[str | None, int]:
    counts: dict[str | None, int] = {}
    for item in found.manifest.findings:
        if item.kind == kind:
            counts[item.column] = counts.get(item.column, 0) + item.count
    return counts


def reasons(found: Ingested) -> dict[str, int]:
    names = found.quarantine["reason"].to_pylist()
    return {name: names.count(name) for name in set(names)}


def test_office(store: AssetStore) -> None:
    shop = ingest_shop(store, "office")
    events, products = shop["events"], shop["products"]
    assert events.accounts == (21_297, 21_297, 0, 0)
    assert len(set(events.column("user_id"))) == 3_231
    pairs = list(zip(events.column("user_id"), events.column("product_id"), strict=True))
    assert len(pairs) - len(set(pairs)) == 109
    assert products.accounts == (3_317, 3_317, 0, 0)
    rules = products.metrics["rules"]
    assert rules["description.list_literal"] == 3_087  # 93 %
    assert rules["title.entities"] == 54 == 49 + 4 + 1  # with named entities in lower case, with &#39;, with &Prime;
    titles = products.column("title")
    assert len(titles) - len(set(titles)) == 15
    assert products.column("brand").count(None) == 5
    assert findings(products, "markup_in_text") == {"title": 54, "description": 3_087 + 3 + 4, "brand": 1}


def test_gift_cards(store: AssetStore) -> None:
    shop = ingest_shop(store, "giftcards")
    products, reviews = shop["products"], shop["reviews"]
    assert products.metrics["rows_read"] == 1_547
    assert sum(products.accounts[1:]) == 1_547
    assert reviews.metrics["rows_read"] == 2_972
    # 76.6 % have none; of the others four hold a page's script instead, which is told of as well
    assert products.column("price").count(None) == 1_185 + 4
    assert findings(products, "invalid_type") == {"price": 4}
    assert round(1_185 / 1_547, 3) == 0.766
    assert products.metrics["rules"]["description.markup"] == 87
    assert reasons(reviews) == {"missing_text": 6}


def test_icecat(store: AssetStore) -> None:
    shop = ingest_shop(store, "icecat")
    assert shop["products"].accounts == (19_406, 19_406, 0, 0)
    assert shop["judgments"].accounts == (3_668, 3_668, 0, 0)
    assert shop["queries"].rows.num_rows == 135
    products = set(shop["products"].column("product_id"))
    assert set(shop["judgments"].column("product_id")) <= products
    assert set(shop["judgments"].column("grade")) == {0, 1, 2, 3}
    rules = shop["products"].metrics["rules"]
    assert rules["price.price_scale"] == 19_406  # cents
    assert max(shop["products"].column("price")) == 43_519.95
    assert rules["description.markup"] == 460
    attributes = {key for row in shop["products"].column("attributes") for key, _ in row}
    assert len([name for name in attributes if name.startswith("attr_")]) == 5_354
    assert shop["ratings"].accounts == (3_188, 3_188, 0, 0)
    assert [name for name in shop["ratings"].rows.column_names if name.startswith("agent_")] == [
        f"agent_{rater}_rating" for rater in (1, 2, 3)
    ]
    assert other_catalogue(store, shop["products"]) == {
        "product_id.known_in_products": (163, 207),
        "match_rate": (207 - 163, 207),
    }


def other_catalogue(store: AssetStore, products: Ingested) -> dict[str, tuple[int, int]]:
    """What validation finds in a rating file of which 21 % belong to the catalogue, and what its profile says."""
    source = {
        "table": "judgments",
        "uri": "../../../shared/data/chorus-icecat/Chorus_Electronics_basic.csv",
        "columns": {"query_id": "query", "product_id": "docid", "grade": "rating"},
    }
    judgments = ingest(store, ROOT / "tests" / "shops", source).manifest.ref
    tables = {"judgments": judgments, "products": products.manifest.ref}
    judged = validate.fn("judgments", judgments, tables, None, config=ValidateConfig(), store=store).primary
    profiles = {
        name: profile.fn(name, ref, config=ProfileConfig(), store=store).primary for name, ref in tables.items()
    }
    folder = store.path(relate.fn(tables, profiles, config=ProfileConfig(), store=store).primary)
    (link,) = Relationships.model_validate_json((folder / RELATIONSHIPS_REPORT).read_bytes()).relationships
    assert link.match_rate == round(44 / 207, 6) == 0.21256
    report = ValidationReport.model_validate_json((store.path(judged) / VALIDATION_REPORT).read_bytes())
    counts = {item.id: (item.failed, item.checked) for item in report.results if not item.is_met}
    assert store.manifest(judged).verdict == "warned"
    return {**counts, "match_rate": (link.matched_rows, link.rows)}


def test_chinese_reviews(store: AssetStore) -> None:
    reviews = ingest_shop(store, "zh-reviews")["reviews"]
    assert reviews.metrics["rows_read"] == 62_774
    assert reasons(reviews) == {"missing_text": 1}
    # the two that are merged differ by a byte order mark alone
    assert reviews.accounts == (62_774, 62_772, 1, 1)
    assert findings(reviews, "duplicate_rows") == {None: 1}
    # 20 texts with byte order marks inside, one with another control character
    assert reviews.metrics["rules"]["text.control_characters"] == 20 + 1
    assert findings(reviews, "encoding_damage") == {"text": 21}


def test_questions_about_appliances(store: AssetStore) -> None:
    answers = ingest_shop(store, "qa-appliances")["answers"]
    assert answers.accounts == (9_011, 9_008, 3, 0)
    assert findings(answers, "duplicate_rows") == {None: 3}
    assert len(set(answers.column("product_id"))) == 1_153
    assert answers.column("timestamp").count(None) == 421
    assert round(421 / 9_011, 3) == 0.047


def test_fashion(store: AssetStore, shared_data: Path) -> None:
    products = ingest_shop(store, "fashion")["products"]
    assert products.accounts == (2_000, 1_999, 0, 1)
    assert reasons(products) == {"missing_title": 1}
    folder = shared_data / "fashion-images"
    assert all((folder / uri).is_file() for uri in products.column("image_uri"))
    assert len(list((folder / "images").iterdir())) == 2_000
