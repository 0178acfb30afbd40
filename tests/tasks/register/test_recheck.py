"""What is looked at once more before a version becomes the champion."""

from __future__ import annotations

import pytest

from tasks.assets import specs
from tasks.assets.recipe import Recipe
from tasks.assets.reports import EVALUATION_REPORT, EvaluationReport
from tasks.assets.store import AssetStore
from tasks.errors import CandidateRefusedError
from tasks.register.registry import Version
from tests.tasks.register.registering import MLFLOW_WARNINGS, Shop, evaluation_of

pytestmark = MLFLOW_WARNINGS


def remake_evaluation(shop: Shop, version: Version, evaluation: EvaluationReport) -> None:
    """Make the evaluation of a version again under its own recipe, as `--refresh` does."""
    ref = next(ref for ref in version.assets if ref.key == specs.EVALUATION.key)
    manifest = shop.store.manifest(ref)
    recipe = Recipe(manifest.stage, manifest.recipe_revision, manifest.arguments)
    assert recipe.version == ref.version
    shop.store.discard(ref)
    with shop.store.draft(specs.EVALUATION, recipe, run_id="again") as draft:
        (draft.path / EVALUATION_REPORT).write_text(evaluation.model_dump_json(), encoding="utf-8")


def test_an_evaluation_that_was_made_again_with_other_numbers_is_refused(shop: Shop) -> None:
    version = shop.registered(0.12)
    shop.approve(version.version)
    remake_evaluation(shop, version, evaluation_of(0.50))
    shop.store = AssetStore(shop.store.url)
    with pytest.raises(CandidateRefusedError, match="Its evaluation is not the one it was registered with"):
        shop.promote()
    assert shop.alias("champion") is None


def test_an_evaluation_that_was_made_again_with_the_same_numbers_is_promoted(shop: Shop) -> None:
    version = shop.registered(0.12)
    shop.approve(version.version)
    remake_evaluation(shop, version, evaluation_of(0.12))
    shop.store = AssetStore(shop.store.url)
    shop.promote()
    assert shop.alias("champion") == version.version
