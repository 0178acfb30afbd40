from __future__ import annotations

import numpy as np
import pyarrow as pa

from tasks.finetune.batches import drawn_batch, length_groups
from tasks.finetune.pairs import Pairs, co_chosen_pairs, good_answers, with_judgments
from tests.builders_behaviour import interactions_of

CATALOGUE = pa.array(["pen", "ink", "pan", "pot", "cup"])
TEXTS = ["a pen", "some ink", "a pan", "a pot", "a cup"]


def pen_and_pan_pairs(min_users: int = 2) -> Pairs:
    """Four users take pen and ink, eight take pan and pot, one takes pen and cup."""
    rows = [(f"w{user}", product) for user in range(4) for product in ("pen", "ink")]
    rows += [(f"c{user}", product) for user in range(8) for product in ("pan", "pot")]
    rows += [("x", "pen"), ("x", "cup")]
    return co_chosen_pairs(interactions_of(rows), CATALOGUE, TEXTS, min_users=min_users)


def named(pairs: Pairs) -> set[tuple[str, str]]:
    return {(pairs.texts[a], pairs.texts[b]) for a, b in zip(pairs.anchors, pairs.positives, strict=True)}


def test_pairs_are_products_that_enough_users_chose_together() -> None:
    assert named(pen_and_pan_pairs()) == {
        ("a pen", "some ink"),
        ("some ink", "a pen"),
        ("a pan", "a pot"),
        ("a pot", "a pan"),
    }


def test_one_user_is_enough_where_the_settings_say_so() -> None:
    assert ("a pen", "a cup") in named(pen_and_pan_pairs(min_users=1))


def test_products_that_everybody_has_are_no_pair() -> None:
    rows = [(f"u{user}", product) for user in range(6) for product in ("pen", "pan")]
    assert len(co_chosen_pairs(interactions_of(rows), CATALOGUE, TEXTS, min_users=2)) == 0


def test_products_with_one_text_are_one() -> None:
    rows = [(f"u{user}", product) for user in range(4) for product in ("pen", "ink")]
    rows += [(f"v{user}", "pot") for user in range(9)]
    pairs = co_chosen_pairs(interactions_of(rows), CATALOGUE, ["same", "same", "c", "d", "e"], min_users=2)
    assert pairs.texts == ("same", "c", "d", "e")
    assert len(pairs) == 0, "a text is no positive of itself"


def test_known_positives_and_a_text_itself_are_never_negatives() -> None:
    pairs = pen_and_pan_pairs()
    together = pairs.belong_together(np.arange(5))
    assert together[0].tolist() == [True, True, False, False, True], "one user who took both is reason enough"
    assert together[2].tolist() == [False, False, True, True, False]


def test_judgments_are_half_of_all_draws() -> None:
    pairs = with_judgments(pen_and_pan_pairs(), [("writing", "a pen"), ("cooking", "a pot")])
    assert np.isclose(pairs.weights[-2:].sum(), pairs.weights[:-2].sum())
    assert named(pairs) >= {("writing", "a pen"), ("cooking", "a pot")}
    query, pen = pairs.texts.index("writing"), pairs.texts.index("a pen")
    assert pairs.belong_together(np.array([query, pen])).all()


def test_texts_that_a_judgment_joins_are_never_negatives_whichever_comes_first() -> None:
    pairs = with_judgments(pen_and_pan_pairs(), [("writing", "a pen"), ("a cup", "cooking")])
    writing, cooking = pairs.texts.index("writing"), pairs.texts.index("cooking")
    together = pairs.belong_together(np.array([0, writing, 4, cooking, 2]))
    assert together.tolist() == [
        [True, True, True, False, False],
        [True, True, False, False, False],
        [True, False, True, True, False],
        [False, False, True, True, False],
        [False, False, False, False, True],
    ]


def test_no_judgments_change_nothing() -> None:
    pairs = pen_and_pan_pairs()
    assert with_judgments(pairs, []) is pairs


def test_good_answers_are_judgments_of_known_queries_and_products() -> None:
    judgments = pa.table(
        {
            "query_id": ["q1", "q1", "q1", "q9"],
            "product_id": ["pen", "pan", "gone", "pen"],
            "grade": [3, 1, 3, 3],
        }
    )
    queries = pa.table({"query_id": ["q1"], "query": ["to write with"]})
    found = good_answers(judgments, queries, product_ids=CATALOGUE, texts=TEXTS, min_grade=2)
    assert found == [("to write with", "a pen")]


def test_what_is_drawn_often_has_the_higher_frequency() -> None:
    frequency = pen_and_pan_pairs().log_frequency()
    assert frequency.max() > frequency[4] == frequency.min(), "the cup is in no pair"
    assert np.isfinite(frequency).all()


def test_a_batch_depends_on_seed_and_step_alone() -> None:
    pairs, lengths = pen_and_pan_pairs(), np.array([3, 4, 5, 6, 7])
    first = drawn_batch(pairs, lengths, step=3, seed=1, most_pairs=3, most_tokens=99)
    again = drawn_batch(pairs, lengths, step=3, seed=1, most_pairs=3, most_tokens=99)
    others = [drawn_batch(pairs, lengths, step=step, seed=1, most_pairs=3, most_tokens=99) for step in range(9)]
    assert first.texts.tolist() == again.texts.tolist()
    assert first.anchors.tolist() == again.anchors.tolist()
    assert len({tuple(batch.anchors.tolist()) for batch in others}) > 1


def test_a_batch_encodes_each_text_once_and_masks_every_other_positive() -> None:
    pairs = pen_and_pan_pairs()
    batch = drawn_batch(pairs, np.full(5, 3), step=0, seed=0, most_pairs=4, most_tokens=99)
    assert len(set(batch.texts.tolist())) == len(batch.texts) == 4
    for pair, (anchor, positive) in enumerate(zip(batch.anchors, batch.positives, strict=True)):
        assert batch.is_masked[pair, anchor]
        assert not batch.is_masked[pair, positive]
    assert (~batch.is_masked).sum(axis=1).tolist() == [3, 3, 3, 3], "the positive, and two of another kind"


def test_a_batch_stays_within_its_tokens_but_never_below_two_pairs() -> None:
    pairs, lengths = pen_and_pan_pairs(), np.full(5, 10)
    assert len(drawn_batch(pairs, lengths, step=0, seed=0, most_pairs=4, most_tokens=40).anchors) >= 2
    assert len(drawn_batch(pairs, lengths, step=0, seed=0, most_pairs=4, most_tokens=1).anchors) == 2


def test_length_groups_cover_all_texts_within_the_padded_budget() -> None:
    lengths = np.array([1, 1, 2, 3, 5, 8, 30])
    groups = length_groups(lengths, 16)
    assert [index for group in groups for index in range(group.start, group.stop)] == list(range(7))
    for group in groups[:-1]:
        assert (group.stop - group.start) * lengths[group.stop - 1] <= 16
    assert groups[-1] == slice(6, 7), "a text longer than the budget goes alone"
