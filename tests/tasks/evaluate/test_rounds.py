from __future__ import annotations

import pyarrow as pa
import pytest

from tasks.errors import TooLittleDataError
from tasks.evaluate.rounds import round_of
from tests.builders_behaviour import interactions_of

CATALOGUE = pa.array(["a", "b", "c", "d", "e"])


def interactions() -> pa.Table:
    return pa.concat_tables(
        [
            interactions_of([("u", "a"), ("u", "b"), ("v", "a"), ("v", "c"), ("w", "d")]),
            interactions_of([("u", "c"), ("v", "gone"), ("w", "e")], split="validation", first_day=100),
            interactions_of([("u", "d"), ("u", "a"), ("v", "e"), ("w", "a")], split="test", first_day=200),
        ]
    )


def test_validation_knows_training_alone() -> None:
    found = round_of(interactions(), CATALOGUE, "validation", min_history=2, max_users=9)
    assert found.asked.user_ids.tolist() == ["u"], "v's next product is unknown, w's history too short"
    assert found.asked.products.tolist() == [0, 1]
    assert [targets.tolist() for targets in found.targets] == [[2]]


def test_the_test_knows_training_and_validation_and_is_asked_after_every_choice() -> None:
    found = round_of(interactions(), CATALOGUE, "test", min_history=2, max_users=9)
    assert found.asked.user_ids.tolist() == ["u", "v", "w"]
    assert found.fitted_on.products[found.fitted_on.row(0)].tolist() == [0, 1, 2]
    assert [targets.tolist() for targets in found.targets] == [[0, 3], [4], [0]]
    judged = found.judged()
    assert judged.starts.tolist() == [0, 2, 3, 4]
    assert judged.gains.tolist() == [1, 1, 1, 1]


def test_nothing_of_the_test_split_is_fitted_on() -> None:
    found = round_of(interactions(), CATALOGUE, "test", min_history=1, max_users=9)
    assert found.fitted_on.chosen().toarray()[1].tolist() == [1, 0, 1, 0, 0]


def test_a_sample_of_users_is_the_same_every_time_and_is_counted() -> None:
    found = [round_of(interactions(), CATALOGUE, "test", min_history=1, max_users=2) for _ in range(2)]
    assert found[0].asked.user_ids.tolist() == found[1].asked.user_ids.tolist()
    assert len(found[0].asked) == 2
    assert found[0].users == 3


def test_events_that_name_no_product_of_the_catalogue_are_refused() -> None:
    with pytest.raises(TooLittleDataError, match="name products alike"):
        round_of(interactions(), pa.array(["x"]), "test", min_history=1, max_users=9)
