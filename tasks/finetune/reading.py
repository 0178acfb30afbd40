"""What fine-tuning reads: the catalogue's texts, the training and validation splits, and judgments."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.errors import TooLittleDataError
from tasks.finetune.config import FinetuneConfig
from tasks.finetune.pairs import co_chosen_pairs, good_answers, with_judgments
from tasks.finetune.trainer import Lesson
from tasks.finetune.validation import validation_of
from tasks.retrieval.judged import query_key
from tasks.retrieval.layout import TextKind
from tasks.retrieval.packing import distinct
from tasks.retrieval.texts import product_text

LEAST_PAIRS: Final = 2


def read_lesson(
    products: Path,
    split: Path,
    judged: tuple[Path, Path] | None,
    *,
    prompts: Mapping[TextKind, str],
    config: FinetuneConfig,
) -> Lesson:
    """Return what an encoder is trained on; rows of the test split are not even read into memory.

    Args:
        products: Folder of `tables/products`.
        split: Folder of `splits/behaviour`.
        judged: Folders of `tables/judgments` and `tables/queries`.
        prompts: What stands before every text of a kind, as it will when the encoder is used.
        config: The settings.

    Raises:
        TooLittleDataError: Too few products are chosen together.
    """
    table = pq.read_table(sorted(products.glob("part-*.parquet")))
    product_ids = table["product_id"].combine_chunks()
    texts = [prompts["passage"] + text for text in product_text(table)]
    interactions = pq.read_table(split / "interactions.parquet", filters=[("split", "in", ["train", "validation"])])
    train = interactions.filter(pc.equal(interactions["split"], "train"))
    pairs = co_chosen_pairs(train, product_ids, texts, min_users=config.co_purchase_min_users)
    answers: list[tuple[str, str]] = []
    if judged is not None:
        answers = good_answers(
            _rows(judged[0], ["query_id", "product_id", "grade"]),
            _rows(judged[1], ["query_id", "query"]),
            product_ids=product_ids,
            texts=texts,
            min_grade=config.min_grade,
        )
        pairs = with_judgments(pairs, [(prompts["query"] + query, text) for query, text in answers])
    if len(pairs) < LEAST_PAIRS:
        raise TooLittleDataError(
            stage="finetune",
            needed=f"at least {LEAST_PAIRS} pairs of products that {config.co_purchase_min_users} users chose together",
            found=f"{len(pairs)}",
            fix="Lower finetune.co_purchase_min_users in shop.yaml, or bring more behaviour.",
        )
    validation = validation_of(
        interactions, product_ids, most_users=config.validation_users, most_products=config.validation_products
    )
    return Lesson(
        pairs=pairs,
        validation=validation,
        text_of=distinct(texts).positions,
        queries=tuple(sorted({query_key(query) for query, _ in answers})),
    )


def _rows(folder: Path, columns: list[str]) -> pa.Table:
    return pq.read_table(sorted(folder.glob("part-*.parquet")), columns=columns)
