from __future__ import annotations

import pyarrow as pa

from tasks.assets import specs
from tasks.assets.store import AssetStore
from tasks.finetune.config import FinetuneConfig
from tasks.finetune.reading import read_lesson
from tests.builders import save_asset, save_table
from tests.builders_behaviour import interactions_of

PRODUCTS = pa.table({"product_id": ["pen", "ink", "pan", "pot", "cup", "tea"]})


def chosen_together(*products: str, users: int = 4) -> list[tuple[str, str]]:
    return [(f"{products[0]}{user}", product) for user in range(users) for product in products]


def test_only_what_is_chosen_together_in_training_makes_pairs(store: AssetStore) -> None:
    interactions = pa.concat_tables(
        [
            interactions_of([*chosen_together("pen", "ink"), *chosen_together("pan"), *chosen_together("cup")]),
            interactions_of(chosen_together("pan", "pot"), split="validation", first_day=100),
            interactions_of(chosen_together("cup", "tea"), split="test", first_day=200),
        ]
    )
    lesson = read_lesson(
        store.path(save_table(store, "products", PRODUCTS.append_column("title", PRODUCTS["product_id"]))),
        store.path(save_asset(store, specs.SPLIT, {"interactions.parquet": interactions})),
        None,
        prompts={"passage": "", "query": ""},
        config=FinetuneConfig(),
    )
    found, texts = lesson.pairs, lesson.pairs.texts
    together = {(texts[a], texts[b]) for a, b in zip(found.anchors, found.positives, strict=True)}
    assert together == {("pen", "ink"), ("ink", "pen")}
    assert sorted(lesson.validation.histories.user_ids) == ["pan0", "pan1", "pan2", "pan3"]
