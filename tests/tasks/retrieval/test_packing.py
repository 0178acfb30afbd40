from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tasks.retrieval.packing import distinct, even_budget, pack

LENGTHS = st.lists(st.integers(1, 60), max_size=80).map(lambda lengths: np.array(lengths, np.int64))


@given(LENGTHS, st.integers(1, 200))
def test_every_text_is_in_exactly_one_batch(lengths: np.ndarray, budget: int) -> None:
    batches = pack(lengths, budget)

    assert sorted(int(place) for batch in batches for place in batch) == list(range(len(lengths)))


@given(LENGTHS, st.integers(1, 200))
def test_a_padded_batch_stays_within_the_budget_unless_it_is_one_text(lengths: np.ndarray, budget: int) -> None:
    for batch in pack(lengths, budget):
        assert len(batch) == 1 or len(batch) * lengths[batch].max() <= budget


@given(LENGTHS, st.integers(1, 200))
def test_batches_come_longest_first(lengths: np.ndarray, budget: int) -> None:
    order = np.concatenate([lengths[batch] for batch in pack(lengths, budget)] or [lengths])

    assert (np.diff(order) <= 0).all()


def test_little_of_sorted_batches_is_padding() -> None:
    lengths = np.random.default_rng(1).integers(5, 60, 2000)

    padded = sum(len(batch) * lengths[batch].max() for batch in pack(lengths, 1024))

    assert padded < 1.03 * lengths.sum()


@given(st.lists(st.sampled_from(["pen", "paper", "", "tape"])))
def test_distinct_texts_and_their_positions_give_back_the_list(texts: list[str]) -> None:
    found = distinct(texts)

    assert [found.texts[place] for place in found.positions] == texts
    assert len(set(found.texts)) == len(found.texts)


@given(st.integers(1, 10_000), st.integers(1, 200), st.integers(1, 9))
def test_every_worker_gets_equally_many_batches_of_equal_size(tokens: int, budget: int, workers: int) -> None:
    even = even_budget(tokens, budget, workers)

    batches = pack(np.ones(tokens, np.int64), even)

    assert even <= budget
    assert {len(batch) for batch in batches[:-1]} <= {even}
    assert len(batches) <= workers * -(-tokens // (budget * workers))
