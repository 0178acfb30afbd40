from __future__ import annotations

import pyarrow as pa

from tasks.evaluate.search import SearchTask, search_leakage, search_task
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


def a_task() -> SearchTask:
    ids = [f"q{number}" for number in range(len(WORDS))]
    queries = pa.table({"query_id": ids, "query": WORDS})
    judgments = pa.table({"query_id": ids, "product_id": ["a"] * len(ids), "grade": [3] * len(ids)})
    task = search_task(judgments, queries, pa.array(["a"]))
    assert task is not None
    return task
