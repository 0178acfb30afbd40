"""What happens around reviews that is not the straight way; the straight way is in test_registered."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable
from typing import Any

import pytest

import tasks.register.review as review_module
from tasks.assets import specs
from tasks.assets.gc import collect
from tasks.errors import CandidateRefusedError, UnavailableError, UsageError
from tasks.register.registered import shown
from tasks.register.registry import Registry
from tests.tasks.register.registering import MLFLOW_WARNINGS, Shop, evaluation_of

pytestmark = MLFLOW_WARNINGS


def test_what_the_champion_overtook_does_not_come_back_by_a_rollback(shop: Shop) -> None:
    first = shop.champion(0.12)
    overtaken, newest = shop.registered(0.13), shop.registered(0.14)
    shop.approve(overtaken.version)
    shop.approve(newest.version)
    shop.promote()
    assert shop.alias("champion") == newest.version
    assert shop.registry.version(overtaken.version).review == "superseded"
    shop.roll_back()
    assert shop.promote(minutes=9) is None
    assert shop.alias("champion") == first.version


def test_rolling_back_twice_goes_back_two_champions(shop: Shop) -> None:
    first, second, third = (shop.champion(value) for value in (0.12, 0.13, 0.14))
    assert (shop.alias("champion"), shop.alias("previous")) == (third.version, second.version)
    shop.roll_back(minutes=2)
    assert (shop.alias("champion"), shop.alias("previous")) == (second.version, first.version)
    shop.roll_back(minutes=3)
    assert (shop.alias("champion"), shop.alias("previous")) == (first.version, None)
    assert shop.roll_back(minutes=4).version is None
    assert (shop.alias("champion"), shop.alias("previous")) == (None, None)


def test_a_rollback_that_is_interrupted_anywhere_is_finished_by_giving_it_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = (shop.champion(value) for value in (0.12, 0.13, 0.14))
    for interrupted in itertools.count():
        with monkeypatch.context() as patch:
            take_changes(patch, interrupted)
            with contextlib.suppress(UnavailableError):
                shop.roll_back(minutes=2 + interrupted)
                break
        assert shop.promote(minutes=2 + interrupted, is_asked=False) is None, "the promotion would bring it back"
        assert shop.alias("champion") == third.version
    assert interrupted > 5
    assert (shop.alias("champion"), shop.alias("previous")) == (second.version, first.version)
    assert [item.review for item in shop.registry.versions()] == ["rejected", "approved", "approved"]
    assert (shop.log()[-1]["version"], shop.log()[-1]["from_version"]) == (second.version, third.version)


def take_changes(patch: pytest.MonkeyPatch, most: int) -> None:
    """Let MLflow take so many changes, and none after them."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    left = iter(range(most))

    def ends(change: Callable[..., None]) -> Callable[..., None]:
        def changed(*args: Any) -> None:  # whatever MLflow's client takes
            if next(left, None) is None:
                raise MlflowException("The connection was lost")
            change(*args)

        return changed

    for name in ("set_model_version_tag", "set_registered_model_alias", "delete_registered_model_alias"):
        patch.setattr(MlflowClient, name, ends(getattr(MlflowClient, name)))


def test_a_rollback_passes_over_an_earlier_champion_that_was_rejected(shop: Shop) -> None:
    first, second, third = (shop.champion(value) for value in (0.12, 0.13, 0.14))
    shop.reject(second.version, "it shows recalled products")
    found = shop.roll_back()
    assert (found.version, found.from_version) == (first.version, third.version)
    assert (shop.alias("champion"), shop.alias("previous")) == (first.version, None)


def test_without_an_earlier_champion_that_was_not_rejected_there_is_none_after_a_rollback(shop: Shop) -> None:
    first, second = shop.champion(0.12), shop.champion(0.13)
    shop.reject(first.version)
    assert shown(shop.config, first.version).status[0].endswith("A rollback passes over it, for it is rejected.")
    found = shop.roll_back()
    assert (found.version, found.from_version) == (None, second.version)
    assert (shop.alias("champion"), shop.alias("previous")) == (None, None)


def test_a_rejected_champion_before_is_no_way_back_to_one_that_was_lost(shop: Shop) -> None:
    first, second = shop.champion(0.12), shop.champion(0.13)
    shop.reject(first.version)
    shop.registry.client.delete_model_version(shop.config.model_name, second.version)
    with pytest.raises(UsageError, match="no champion to take out of use"):
        shop.roll_back()
    assert shop.alias("champion") is None


def test_a_version_that_was_rolled_back_can_be_approved_again(shop: Shop) -> None:
    shop.champion(0.12)
    second = shop.champion(0.13)
    shop.roll_back()
    shop.approve(second.version, "it was the weather")
    found = shop.promote(minutes=9)
    assert found is not None
    assert (found.version, found.reason) == (second.version, "it was the weather")
    assert shop.alias("champion") == second.version


def test_a_champion_that_does_not_answer_any_more_is_not_rolled_back_to(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.champion(0.12)
    second = shop.champion(0.13)
    monkeypatch.setattr(Registry, "problem_of", lambda self, version: "It cannot be served: it is gone.")
    with pytest.raises(CandidateRefusedError, match="it is gone"):
        shop.roll_back()
    assert shop.alias("champion") == second.version


def test_an_approved_version_whose_files_are_gone_is_refused_in_words(shop: Shop) -> None:
    first = shop.champion(0.12)
    second = shop.register(evaluation_of(0.13))
    shop.approve(second.version)
    (shop.registry.files(second.version) / "recommender.json").unlink()
    with pytest.raises(CandidateRefusedError, match="It cannot be served: FileNotFoundError"):
        shop.promote()
    assert shop.alias("champion") == first.version
    assert shop.registry.version(second.version).tags["promotion"].startswith("refused: It cannot be served")


def test_a_refused_version_does_not_hide_an_older_approved_one(shop: Shop) -> None:
    older, newer = shop.registered(0.12), shop.registered(0.13)
    shop.approve(older.version)
    shop.approve(newer.version)
    shop.store.discard(next(ref for ref in newer.assets if ref.key == specs.EVALUATION.key))
    with pytest.raises(CandidateRefusedError, match=rf"version {newer.version}.*Version {older.version} was promoted"):
        shop.promote()
    assert shop.alias("champion") == older.version
    assert [item["decision"] for item in shop.log()] == ["approved", "approved", "promoted"]


def test_a_refused_version_is_left_alone_until_a_person_asks_or_something_changes(shop: Shop) -> None:
    version = shop.registered(0.12)
    shop.approve(version.version)
    shop.store.discard(next(ref for ref in version.assets if ref.key == specs.EVALUATION.key))
    for is_asked in (False, True):
        with pytest.raises(CandidateRefusedError, match="Its evaluation cannot be trusted"):
            shop.promote(is_asked=is_asked)
        assert shop.promote(is_asked=False) is None
    shop.config = shop.config.model_copy(update={"min_value": 0.01})
    with pytest.raises(CandidateRefusedError, match="Its evaluation cannot be trusted"):
        shop.promote(is_asked=False)


def test_a_champion_that_was_moved_by_hand_is_recorded_beside_a_refused_version(shop: Shop) -> None:
    by_hand, refused = shop.registered(0.12), shop.registered(0.13)
    shop.registry.set_alias("champion", by_hand.version)
    shop.approve(refused.version)
    shop.store.discard(next(ref for ref in refused.assets if ref.key == specs.EVALUATION.key))
    with pytest.raises(CandidateRefusedError, match="The champion stays as it is"):
        shop.promote()
    assert [(item["decision"], item["version"]) for item in shop.log()][-1] == ("promoted", by_hand.version)


def test_a_promotion_that_was_interrupted_before_its_record_is_recorded_later(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = shop.registered()
    shop.approve(version.version)

    def dies(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(review_module, "_kept", dies)
        with pytest.raises(KeyboardInterrupt):
            shop.promote()
    assert shop.alias("champion") == version.version
    assert [item["decision"] for item in shop.log()] == ["approved"]
    assert shop.promote(minutes=5) is not None
    assert shop.promote(minutes=6) is None
    assert [(item["decision"], item["by"]) for item in shop.log()] == [("approved", "ada"), ("promoted", "ada")]


def test_a_second_promotion_of_a_version_is_recorded_later_too(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.champion(0.12)
    second = shop.champion(0.13)
    shop.roll_back()
    shop.approve(second.version, "it was the weather")

    def dies(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(review_module, "_kept", dies)
        with pytest.raises(KeyboardInterrupt):
            shop.promote(minutes=5)
    found = shop.promote(minutes=6)
    assert found is not None
    assert (found.decision, found.version, found.reason) == ("promoted", second.version, "it was the weather")


def test_an_alias_that_was_moved_by_hand_is_recorded(shop: Shop) -> None:
    version = shop.registered()
    shop.registry.set_alias("champion", version.version)
    found = shop.promote()
    assert found is not None
    assert (found.version, found.by, found.reason) == ("1", "somebody in MLflow", "no reason was given")
    assert shop.promote(minutes=5) is None


def test_a_champion_deleted_in_mlflow_is_followed_by_the_one_before(shop: Shop) -> None:
    first, second = shop.champion(0.12), shop.champion(0.13)
    shop.registry.client.delete_model_version(shop.config.model_name, second.version)
    assert shop.alias("champion") is None
    found = shop.promote(minutes=5)
    assert found is not None
    assert shop.alias("champion") == first.version


def test_a_lost_champion_is_found_again_by_a_rollback(shop: Shop) -> None:
    first, second = shop.champion(0.12), shop.champion(0.13)
    shop.registry.client.delete_model_version(shop.config.model_name, second.version)
    found = shop.roll_back()
    assert (found.version, found.from_version) == (first.version, None)
    assert shop.alias("champion") == first.version


def test_nothing_is_collected_while_a_decision_is_taken(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    keep = review_module._kept
    decisions = []

    def kept_beside_a_collection(*args: Any, **beside: Any) -> review_module.Review:  # what the original takes
        with pytest.raises(UnavailableError, match="going on"):
            collect(shop.store, keep=1)
        review = keep(*args, **beside)
        decisions.append(review.decision)
        return review

    shop.champion(0.12)
    monkeypatch.setattr(review_module, "_kept", kept_beside_a_collection)
    shop.champion(0.13)
    shop.roll_back()
    assert decisions == ["approved", "promoted", "rolled back"]
