from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tasks.errors import DeviceError
from tasks.retrieval.buy_again import DAY_S, BuyAgain, DueAgain
from tasks.retrieval.histories import Histories, histories_of
from tasks.retrieval.neighbours import Neighbours, ease, item_knn
from tasks.retrieval.passages import Passages
from tasks.retrieval.popularity import Popularity
from tasks.retrieval.ranked import NOTHING, Part
from tasks.retrieval.words import Words, tokens
from tests.builders_behaviour import interactions_of
from tests.builders_encoder import HashEncoder

NAMES = ["pen", "ink", "paper", "pan", "pot", "cup"]
CATALOGUE = pa.array(NAMES)
TITLES = ["blue pen", "blue ink", "white paper", "iron pan", "iron pot", "cup"]


def histories() -> Histories:
    """Four write, three cook; `w0` has no paper yet, `c0` has no pot yet."""
    rows = [(f"w{user}", product) for user in range(4) for product in ("pen", "ink", "paper")]
    rows += [(f"c{user}", product) for user in range(3) for product in ("pan", "pot")]
    return histories_of(
        interactions_of([row for row in rows if row not in {("w0", "paper"), ("c0", "pot")}]), CATALOGUE
    )


def parts() -> list[Part]:
    known = histories()
    return [
        Popularity.fit(known),
        item_knn(known, neighbours=3, min_users=1),
        ease(known, products=6, neighbours=3),
        Words.fit(TITLES),
        Passages("encoder", HashEncoder().encode(TITLES)),
    ]


def ranked_names(part: Part, user: str, k: int = 3) -> list[str]:
    known = histories()
    row = known.user_ids.tolist().index(user)
    found = part.rank(known.take(np.array([row])), k).products[0]
    return [NAMES[position] for position in found if position != NOTHING]


@pytest.mark.parametrize("part", parts(), ids=lambda part: part.name)
def test_no_part_but_buy_again_ranks_what_a_user_has(part: Part) -> None:
    known = histories()
    found = part.rank(known, 6)
    for user in range(len(known)):
        there = found.products[user][found.products[user] != NOTHING]
        assert not set(there.tolist()) & set(known.products[known.row(user)].tolist())
        assert len(set(there.tolist())) == len(there)
        scores = found.scores[user][: len(there)]
        assert (np.diff(scores) <= 0).all()
        assert (found.scores[user][len(there) :] == 0).all()


@pytest.mark.parametrize("fit", [item_knn, ease], ids=["item_knn", "ease"])
def test_neighbours_find_what_similar_users_chose(fit: object) -> None:
    part = (
        item_knn(histories(), neighbours=3, min_users=1)
        if fit is item_knn
        else ease(histories(), products=6, neighbours=3)
    )
    assert ranked_names(part, "w0")[0] == "paper"
    assert ranked_names(part, "c0") == ["pot"]


def test_item_knn_is_the_shrunk_cosine() -> None:
    part = item_knn(histories(), neighbours=3, min_users=1)
    assert part.similarity[0, 2] == pytest.approx(3 / np.sqrt((4 + 10) * (3 + 10)))
    assert part.similarity[0, 0] == 0


def test_item_knn_leaves_out_products_with_too_few_users() -> None:
    part = item_knn(histories(), neighbours=3, min_users=3)
    assert part.similarity[:, [4]].sum() == 0


def test_item_knn_keeps_no_more_neighbours_than_asked() -> None:
    part = item_knn(histories(), neighbours=1, min_users=1)
    assert np.diff(part.similarity.indptr).max() == 1


@pytest.mark.parametrize("threads", [1, 4])
def test_of_many_products_with_the_same_users_as_many_are_neighbours_as_asked_and_none_its_own(threads: int) -> None:
    alike = histories_of(interactions_of([(f"u{user}", name) for user in range(3) for name in NAMES]), CATALOGUE)
    similarity = item_knn(alike, neighbours=2, min_users=1, threads=threads).similarity
    assert np.diff(similarity.indptr).tolist() == [2] * len(NAMES)
    assert not similarity.diagonal().any()
    assert (similarity != item_knn(alike, neighbours=2, min_users=1, threads=2).similarity).nnz == 0


def test_item_knn_is_the_same_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = item_knn(histories(), neighbours=3, min_users=1).similarity.toarray()
    monkeypatch.setattr("tasks.retrieval.neighbours.BLOCK", 2)
    np.testing.assert_allclose(item_knn(histories(), neighbours=3, min_users=1).similarity.toarray(), whole)


def test_ease_is_stecks_closed_form() -> None:
    chosen = histories().chosen().toarray()[:, :5].astype(float)
    inverse = np.linalg.inv(chosen.T @ chosen + 100 * np.eye(5))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    found = ease(histories(), products=6, neighbours=6).similarity.toarray()[:5, :5]
    np.testing.assert_allclose(found, np.maximum(weights, 0), atol=1e-6)


def test_nobody_has_neighbours_where_no_product_has_enough_users() -> None:
    part = item_knn(histories(), neighbours=3, min_users=50)
    assert isinstance(part, Neighbours)
    assert ranked_names(part, "w0") == []


def test_popularity_counts_users() -> None:
    assert ranked_names(Popularity.fit(histories()), "c0", k=2) == ["pen", "ink"]


def test_buy_again_ranks_own_products_by_days_fading_with_time() -> None:
    rows = [("u", "pen")] * 4 + [("u", "ink")] * 2 + [("u", "pan")]
    known = histories_of(interactions_of(rows), CATALOGUE)
    found = BuyAgain(float(known.last_s.max())).rank(known, 5)
    assert [NAMES[p] for p in found.products[0] if p != NOTHING] == ["pen", "ink", "pan"]
    late = BuyAgain(float(known.last_s.max()) + 60 * 86_400).rank(known, 5)
    np.testing.assert_allclose(late.scores[0][:3], found.scores[0][:3] / np.e, rtol=1e-5)


def test_due_again_asks_whether_the_interval_has_passed() -> None:
    rows = [("u", product) for product in ("pen", "cup", "ink", "ink", "pen", "pan", "ink")]
    known = histories_of(interactions_of(rows), CATALOGUE)  # pen on days 0 and 4, ink on 2, 3 and 6, the rest once
    now = float(known.last_s.max())

    def ranked(now_s: float) -> list[str]:
        return [NAMES[p] for p in DueAgain(now_s).rank(known, 5).products[0] if p != NOTHING]

    assert ranked(now) == ["pen"], "ink was chosen just now, pan and cup have no interval"
    assert ranked(now + DAY_S) == ["pen", "ink"]
    assert ranked(now + 2 * DAY_S) == ["ink", "pen"], "ink is due after two days"


def test_words_find_titles_that_share_telling_words() -> None:
    assert ranked_names(Words.fit(TITLES), "c0", k=1) == ["pot"]


def test_words_score_equal_texts_equally_and_once() -> None:
    part = Words.fit(["red pen", "red ink", "red ink", "red pen", "a", "b"])
    assert part.terms.shape[0] == 4
    assert part.text_of[1] == part.text_of[2]


def test_a_word_in_one_product_or_in_most_tells_nothing() -> None:
    texts = [f"thing number{i} of{i % 2}" for i in range(12)]
    assert Words.fit(texts).terms.shape[1] == 0


def test_tokens_are_words_and_pairs_of_characters_where_there_are_no_spaces() -> None:
    assert list(tokens("Blue-Pen 2x 红色钢笔")) == ["blue", "pen", "2x", "红色", "色钢", "钢笔"]


@pytest.mark.parametrize(
    "part",
    [Words.fit([*TITLES[:5], "solitaire"]), Passages("encoder", HashEncoder().encode([*TITLES[:5], ""]))],
    ids=lambda part: part.name,
)
def test_who_chose_only_what_says_nothing_is_ranked_nothing(part: Part) -> None:
    known = histories_of(interactions_of([("u", "cup"), ("v", "pan")]), CATALOGUE)
    found = part.rank(known, 3)
    assert found.products[0].tolist() == [NOTHING] * 3
    assert not found.scores[0].any()
    assert NAMES[found.products[1][0]] == "pot"


def test_words_rank_no_product_that_shares_none() -> None:
    assert ranked_names(Words.fit(TITLES), "c0", k=6) == ["pot"]


def test_passages_are_compared_on_the_device_that_is_asked_for() -> None:
    with pytest.raises(DeviceError, match="no device “nowhere”"):
        Passages("encoder", np.eye(6, dtype=np.float32), device="nowhere").rank(histories(), 2)


def test_passages_follow_the_latest_choice_most() -> None:
    vectors = np.eye(6, dtype=np.float32)
    vectors[4] = vectors[3]
    vectors[2] = vectors[1]
    rows = [("u", "ink"), ("u", "pan")]
    known = histories_of(interactions_of(rows), CATALOGUE)
    found = Passages("encoder", vectors).rank(known, 2).products[0]
    assert [NAMES[p] for p in found] == ["pot", "paper"]
