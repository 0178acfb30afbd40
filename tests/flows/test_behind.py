"""What an asset that is behind its inputs is said to be behind of."""

from __future__ import annotations

from flows.behind import replaced_keys
from tasks.assets.asset import AssetRef

OLD_FILE, OLD_TABLE = AssetRef("shards/events/day0.csv", "1" * 12), AssetRef("tables/events", "1" * 12)
OLD_VECTORS = AssetRef("embeddings/products", "1" * 12)
SPLIT, MODEL = AssetRef("splits/behaviour", "1" * 12), AssetRef("models/recommender", "1" * 12)


def test_what_is_behind_by_way_of_others_names_the_table_that_was_replaced() -> None:
    stale = {SPLIT: (OLD_TABLE,), MODEL: (SPLIT, OLD_VECTORS, OLD_FILE)}
    assert replaced_keys(stale) == {SPLIT: ["tables/events"], MODEL: ["tables/events", "embeddings/products"]}


def test_a_table_whose_file_was_replaced_names_the_file() -> None:
    assert replaced_keys({SPLIT: (OLD_FILE,)}) == {SPLIT: ["shards/events/day0.csv"]}
