"""What is known of the public data sets, counted by ingest: rows, and the dirt their description lists."""

from pathlib import Path

import pytest

from tasks.assets.store import AssetStore
from tests.tasks.ingest.ingesting import Ingested, ingest_shop

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
    # 49 titles with named entities in lower case, 4 with &#39;, 1 with &Prime;
    assert rules["title.entities"] == 54
    titles = products.column("title")
    assert len(titles) - len(set(titles)) == 15
    assert products.column("brand").count(None) == 5
    assert findings(products, "markup_in_text")["description"] >= 3_087


def test_gift_cards(store: AssetStore) -> None:
    shop = ingest_shop(store, "giftcards")
    products, reviews = shop["products"], shop["reviews"]
    assert products.metrics["rows_read"] == 1_547
    assert sum(products.accounts[1:]) == 1_547
    assert reviews.metrics["rows_read"] == 2_972
    blank = products.column("price").count(None) / products.rows.num_rows
    assert blank == pytest.approx(0.766, abs=0.01)
    assert products.metrics["rules"]["description.markup"] > 0


def test_icecat(store: AssetStore) -> None:
    shop = ingest_shop(store, "icecat")
    assert shop["products"].accounts == (19_406, 19_406, 0, 0)
    assert shop["judgments"].accounts == (3_668, 3_668, 0, 0)
    assert shop["queries"].rows.num_rows == 135
    products = set(shop["products"].column("product_id"))
    assert set(shop["judgments"].column("product_id")) <= products
    assert set(shop["judgments"].column("grade")) == {0, 1, 2, 3}
    assert max(price for price in shop["products"].column("price") if price is not None) < 1_000_000
    attributes = {key for row in shop["products"].column("attributes") if row for key, _ in row}
    assert len(attributes) > 5_000


def test_chinese_reviews(store: AssetStore) -> None:
    reviews = ingest_shop(store, "zh-reviews")["reviews"]
    assert reviews.metrics["rows_read"] == 62_774
    assert reasons(reviews) == {"missing_text": 1}
    assert sum(reviews.accounts[1:]) == 62_774
    assert reviews.metrics["rules"]["text.control_characters"] > 0  # byte order marks inside of texts
    assert findings(reviews, "encoding_damage")["text"] == reviews.metrics["rules"]["text.control_characters"]
    assert findings(reviews, "duplicate_rows") == {None: reviews.metrics["rows_merged"]}


def test_questions_about_appliances(store: AssetStore) -> None:
    answers = ingest_shop(store, "qa-appliances")["answers"]
    assert answers.metrics["rows_read"] == 9_011
    assert sum(answers.accounts[1:]) == 9_011
    assert len(set(answers.column("product_id"))) == 1_153
    assert answers.column("timestamp").count(None) / answers.rows.num_rows == pytest.approx(0.047, abs=0.002)


def test_fashion(store: AssetStore, shared_data: Path) -> None:
    products = ingest_shop(store, "fashion")["products"]
    assert products.metrics["rows_read"] == 2_000
    assert reasons(products) == {"missing_title": 1}
    folder = shared_data / "fashion-images"
    assert all((folder / uri).is_file() for uri in products.column("image_uri"))
