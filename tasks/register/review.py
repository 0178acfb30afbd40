"""The reviewer's decision: approve, reject, promote, roll back; each is kept as an asset, `inventory/review`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from tasks.assets import specs
from tasks.assets.asset import AssetRef
from tasks.assets.recipe import Recipe
from tasks.assets.reports import EVALUATION_REPORT, EvaluationReport
from tasks.assets.store import AssetStore
from tasks.errors import CandidateRefusedError, PandianError, UsageError
from tasks.register.config import RegisterConfig
from tasks.register.gate import decide
from tasks.register.registry import CHALLENGER, CHAMPION, PREVIOUS, Registry, Version, exists, metric_of


@dataclass(frozen=True, slots=True)
class Review:
    """Who decided what about which version, and why."""

    model: str
    decision: Literal["approved", "rejected", "promoted", "rolled back"]
    version: str
    from_version: str | None
    by: str
    reason: str
    at: str


def registered_assets(config: RegisterConfig) -> list[AssetRef]:
    """Return the assets of all versions that have an alias, are under review, or are approved."""
    if not exists(config):
        return []
    versions = Registry(config).versions()
    return [ref for item in versions if item.aliases or item.review in {"pending", "approved"} for ref in item.assets]


def listed(config: RegisterConfig) -> list[Version]:
    """Return all versions, the newest first; none where nothing was ever registered."""
    return Registry(config).versions() if exists(config) else []


def shown(config: RegisterConfig, version: str) -> tuple[Version, str]:
    """Return a version and its card.

    Raises:
        UsageError: There is no such version.
    """
    registry = _registry(config)
    return registry.version(version), registry.card(version)


def judge(  # noqa: PLR0913 - a decision has that many parts
    config: RegisterConfig,
    store: AssetStore,
    version: str,
    decision: Literal["approved", "rejected"],
    *,
    by: str,
    reason: str,
    now: datetime,
) -> Review:
    """Tag a version as approved or rejected, and keep who, why and when.

    Raises:
        UsageError: There is no such version, it has no reason, or the gate refused it.
    """
    if not reason.strip():
        raise UsageError(problem="A decision needs a reason.", fix='Say why with `--reason "…"`.')
    registry = _registry(config)
    found = registry.version(version)
    if decision == "approved" and found.tags.get("gate") != "passed":
        raise UsageError(
            problem=f"The gate refused version {version}: {found.tags.get('gate_reasons', 'it was never asked')}",
            fix="Register a better candidate, or change the gate under `register` in shop.yaml.",
        )
    registry.set_tags(
        version, {"review": decision, "review_reason": reason, "reviewer": by, "reviewed_at": now.isoformat()}
    )
    review = Review(config.model_name, decision, version, None, by, reason, now.isoformat())
    return _kept(store, review, found)


def promote(config: RegisterConfig, store: AssetStore, *, now: datetime) -> Review | None:
    """Move the alias `champion` to the newest approved version, and keep it; None where there is nothing to do.

    The version is checked again first: its evaluation is still in the lake and unchanged, the gate still lets it pass,
    and it still answers. An approval that was given in MLflow's own UI counts: the tag `review` is enough.

    Raises:
        CandidateRefusedError: A check failed; the champion stays.
    """
    if not exists(config):
        return None
    registry = Registry(config)
    champion = registry.by_alias(CHAMPION)
    newest = next((item for item in registry.versions() if item.review == "approved"), None)
    if newest is None or (champion is not None and int(newest.version) <= int(champion.version)):
        return None
    _check_again(registry, store, newest, champion)
    if champion is not None:
        registry.set_alias(PREVIOUS, champion.version)
    registry.set_alias(CHAMPION, newest.version)
    if CHALLENGER in newest.aliases:
        registry.drop_alias(CHALLENGER)
    registry.set_tags(newest.version, {"promoted_at": now.isoformat()})
    review = Review(
        config.model_name,
        "promoted",
        newest.version,
        champion.version if champion else None,
        newest.tags.get("reviewer", "somebody in MLflow"),
        newest.tags.get("review_reason", "no reason was given"),
        now.isoformat(),
    )
    return _kept(store, review, newest)


def roll_back(config: RegisterConfig, store: AssetStore, *, by: str, reason: str, now: datetime) -> Review:
    """Give the alias `champion` back to the version that had it before, and keep who, why and when.

    Raises:
        UsageError: There is no earlier champion, or no reason.
    """
    if not reason.strip():
        raise UsageError(problem="A rollback needs a reason.", fix='Say why with `--reason "…"`.')
    registry = _registry(config)
    champion, previous = registry.by_alias(CHAMPION), registry.by_alias(PREVIOUS)
    if champion is None or previous is None or champion.version == previous.version:
        raise UsageError(
            problem="There is no earlier champion to go back to.", fix="`pandian review list` shows the versions."
        )
    registry.set_tags(
        champion.version, {"review": "rejected", "review_reason": f"rolled back: {reason}", "reviewer": by}
    )
    registry.set_alias(CHAMPION, previous.version)
    registry.drop_alias(PREVIOUS)
    review = Review(config.model_name, "rolled back", previous.version, champion.version, by, reason, now.isoformat())
    return _kept(store, review, previous)


def chosen_files(config: RegisterConfig, version: str | None) -> Path:
    """Return the folder of the champion's recommender, or of the version named.

    Raises:
        UsageError: There is no such version, or no champion yet; the challenger is named.
    """
    registry = _registry(config)
    if version is not None:
        return registry.files(registry.version(version).version)
    champion = registry.by_alias(CHAMPION)
    if champion is not None:
        return registry.files(champion.version)
    challenger = registry.by_alias(CHALLENGER)
    fix = "Run the stocktake to train one."
    if challenger is not None:
        number = challenger.version
        fix = f'Ask the challenger with `--version {number}`, or `pandian review approve {number} --reason "…"`.'
    raise UsageError(problem=f"The model “{config.model_name}” has no champion yet.", fix=fix)


def _registry(config: RegisterConfig) -> Registry:
    if not exists(config):
        raise UsageError(problem="No model was ever registered.", fix="Run the stocktake first.")
    return Registry(config)


def _check_again(registry: Registry, store: AssetStore, candidate: Version, champion: Version | None) -> None:
    name = f"{candidate.name} version {candidate.version}"
    evaluation = next((ref for ref in candidate.assets if ref.key == specs.EVALUATION.key), None)
    if evaluation is None:
        raise CandidateRefusedError(
            model=name, problem="it names no evaluation.", fix="Register it by the stocktake, not by hand."
        )
    try:
        text = (store.path(evaluation) / EVALUATION_REPORT).read_text(encoding="utf-8")
    except PandianError as error:
        raise CandidateRefusedError(
            model=name, problem=f"its evaluation cannot be trusted: {error}", fix="The champion stays."
        ) from error
    report = EvaluationReport.model_validate_json(text)
    decision = decide(report, registry.config, champion=metric_of(champion, registry.config.metric))
    if not decision.is_open:
        raise CandidateRefusedError(model=name, problem=" ".join(decision.reasons), fix="The champion stays.")
    registry.check_served(candidate.version)


def _kept(store: AssetStore, review: Review, version: Version) -> Review:
    facts = {name: getattr(review, name) for name in Review.__dataclass_fields__}
    recipe = Recipe.of("review", 1, {**facts, "assets": list(version.assets)})
    with store.draft(specs.REVIEWS, recipe, run_id="review") as draft:
        (draft.path / specs.REVIEWS.main).write_text(json.dumps(facts, indent=2, ensure_ascii=False), encoding="utf-8")
        draft.metrics.update(facts)
    return review
