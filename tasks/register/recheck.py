"""What is looked at once more before a version becomes the champion."""

from __future__ import annotations

from tasks.assets import specs
from tasks.assets.asset import AssetRef
from tasks.assets.recipe import Recipe
from tasks.assets.reports import EVALUATION_REPORT, EvaluationReport
from tasks.assets.store import AssetStore
from tasks.errors import TamperedAssetError, UnknownAssetError
from tasks.register.gate import decide
from tasks.register.registry import Registry, Version, standing


def reason_against(registry: Registry, store: AssetStore, version: Version, champion: Version | None) -> str | None:
    """Return why a version must not become the champion, in words, or None.

    Its evaluation lies in the lake as it was when the version was registered, the gate lets it pass beside today's
    champion, and it answers.
    """
    evaluation = _evaluation(version)
    if evaluation is None:
        return "It names no evaluation: only what the stocktake registers can become the champion."
    try:
        text = (store.path(evaluation) / EVALUATION_REPORT).read_text(encoding="utf-8")
    except (TamperedAssetError, UnknownAssetError) as error:
        return f"Its evaluation cannot be trusted. {error}"
    if store.manifest(evaluation).content_digest != version.digest(evaluation):
        return "Its evaluation is not the one it was registered with: it was made again since, and holds other content."
    report = EvaluationReport.model_validate_json(text)
    decision = decide(report, registry.config, champion=standing(champion, registry.config, version.split))
    return " ".join(decision.reasons) or registry.problem_of(version.version)


def basis_of(registry: Registry, store: AssetStore, version: Version, champion: Version | None) -> str:
    """Return a digest of what the second look rests on: while it stays, looking again finds the same."""
    evaluation = _evaluation(version)
    facts = {
        "config": registry.config,
        "code": store.code_revision,
        "champion": None if champion is None else champion.version,
        "approval": version.tags.get("reviewed_at"),
        "evaluation": None if evaluation is None else _made_at(store, evaluation),
    }
    return Recipe.of("promotion", 1, facts).version


def _evaluation(version: Version) -> AssetRef | None:
    return next((ref for ref in version.assets if ref.key == specs.EVALUATION.key), None)


def _made_at(store: AssetStore, ref: AssetRef) -> str | None:
    try:
        manifest = store.find(ref)
    except TamperedAssetError:
        return None
    return None if manifest is None else manifest.finished_at.isoformat()
