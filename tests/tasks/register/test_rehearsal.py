"""Dry runs of decisions: all checks, and nothing changed."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from tasks.errors import CandidateRefusedError, UsageError
from tasks.register.review import judge, promote, roll_back
from tests.tasks.register.registering import MLFLOW_WARNINGS, NOON, Shop

pytestmark = MLFLOW_WARNINGS
LATER = NOON + timedelta(minutes=5)


def state(shop: Shop) -> object:
    return shop.registry.versions(), shop.log()


def test_a_promotion_is_said_as_it_would_be_kept(shop: Shop) -> None:
    shop.champion(0.12)
    overtaken, newest = shop.registered(0.13), shop.registered(0.14)
    shop.approve(overtaken.version)
    shop.approve(newest.version)
    before = state(shop)
    planned = promote(shop.config, shop.store, now=LATER, is_dry_run=True)
    assert state(shop) == before
    assert planned == promote(shop.config, shop.store, now=LATER)
    assert planned is not None
    assert planned.version == newest.version


def test_a_version_that_would_be_refused_is_not_marked(shop: Shop) -> None:
    version = shop.registered(0.12)
    shop.approve(version.version)
    (evaluation,) = [ref for ref in version.assets if ref.key.startswith("evaluations/")]
    shop.store.discard(evaluation)
    before = state(shop)
    with pytest.raises(CandidateRefusedError, match="Its evaluation cannot be trusted"):
        promote(shop.config, shop.store, now=LATER, is_dry_run=True)
    assert state(shop) == before


def test_an_older_version_would_be_promoted_instead(shop: Shop) -> None:
    older, newest = shop.registered(0.13), shop.registered(0.14)
    shop.approve(older.version)
    shop.approve(newest.version)
    (evaluation,) = [ref for ref in newest.assets if ref.key.startswith("evaluations/")]
    shop.store.discard(evaluation)
    with pytest.raises(CandidateRefusedError, match=f"Version {older.version} would be promoted instead"):
        promote(shop.config, shop.store, now=LATER, is_dry_run=True)
    assert shop.alias("champion") is None


def test_a_rollback_and_a_review_are_checked_and_not_done(shop: Shop) -> None:
    first, second = shop.champion(0.12), shop.champion(0.13)
    before = state(shop)
    planned = roll_back(shop.config, shop.store, by="bob", reason="clicks fell", now=LATER, is_dry_run=True)
    assert (planned.version, planned.from_version) == (first.version, second.version)
    reject = partial(judge, shop.config, shop.store, by="ada", reason="good", now=LATER, is_dry_run=True)
    assert reject(version=first.version, decision="rejected").decision == "rejected"
    with pytest.raises(UsageError, match="is the champion"):
        reject(version=second.version, decision="rejected")
    assert state(shop) == before
