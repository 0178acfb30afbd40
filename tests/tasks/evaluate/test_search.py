from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from tasks.errors import DeviceError
from tasks.evaluate.catalogue import Catalogue
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.contestants import FINETUNED, RAW
from tasks.evaluate.encoding import Contender
from tasks.evaluate.search import SearchTask, search_leakage, search_outcome, search_task
from tasks.finetune.pairs import good_answers
from tasks.retrieval.judged import query_key

WORDS = [f"pen {number}" for number in range(12)]


def test_two_ids_of_one_text_are_never_trained_on_and_measured() -> None:
    texts = [*WORDS, *(text.upper() for text in WORDS)]
    ids = [f"q{number}" for number in range(len(texts))]
    queries = pa.table({"query_id": ids, "query": texts})
    judgments = pa.table({"query_id": ids, "product_id": ["a"] * len(ids), "grade": [3] * len(ids)})
    product_ids = pa.array(["a"])

    measured = search_task(judgments, queries, product_ids)
    trained = good_answers(judgments, queries, product_ids=product_ids, texts=["pen"], min_grade=2)

    assert measured is not None
    assert len(measured.queries) + len(trained) == len(ids)
    assert not {query_key(query) for query in measured.queries} & {query_key(query) for query, _ in trained}


def test_a_query_that_was_trained_on_is_a_leak() -> None:
    task = a_task()
    assert search_leakage(task, {"something else"}).is_clean
    found = search_leakage(task, {query_key(task.queries[0]), "something else"})
    assert not found.is_clean
    assert found.detail == f"1 of {len(task.queries)} test queries were trained on."


class Mute(Contender):
    """An encoder that asks without a device."""

    def asked(self, queries: Sequence[str], config: EvaluateConfig) -> NDArray[np.float32]:
        return np.ones((len(queries), 2), np.float32)


def test_products_are_searched_on_the_device_that_is_asked_for() -> None:
    catalogue = Catalogue(pa.array(["a"]), titles=("pen",), texts=("pen",))
    both = dict.fromkeys((RAW, FINETUNED), Mute("", np.ones((1, 2), np.float32), {}))
    with pytest.raises(DeviceError, match="no device “nowhere”"):
        search_outcome(a_task(), both, catalogue, EvaluateConfig(device="nowhere"))


def a_task() -> SearchTask:
    ids = [f"q{number}" for number in range(len(WORDS))]
    queries = pa.table({"query_id": ids, "query": WORDS})
    judgments = pa.table({"query_id": ids, "product_id": ["a"] * len(ids), "grade": [3] * len(ids)})
    task = search_task(judgments, queries, pa.array(["a"]))
    assert task is not None
    return task
