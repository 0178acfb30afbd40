"""The stage `register`: log the candidate, ask the gate, make it a version, and say what came of it."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow.parquet as pq

from tasks.assets import specs
from tasks.assets.asset import AssetRef
from tasks.assets.reports import EVALUATION_REPORT, REGISTRATION_REPORT, EvaluationReport
from tasks.register.candidate import Candidate, questions
from tasks.register.card import model_card
from tasks.register.config import RegisterConfig
from tasks.register.gate import decide
from tasks.register.measures import search_warning, search_words
from tasks.register.outcome import PASSED, SEARCH_TAG, gate_tags, identity_tags, registration, said
from tasks.register.presence import is_registered
from tasks.register.registry import CARD, CHALLENGER, CHAMPION, Registry, Version, standing
from tasks.stage import Build, stage


@stage("register", revision=6, produces=lambda **_: (specs.REGISTRATION,), is_kept=is_registered)
def register(
    recommender: AssetRef, evaluation: AssetRef, lineage: list[AssetRef], config: RegisterConfig, build: Build
) -> None:
    """Register a recommender, and put it up for review if the gate lets it pass."""
    registry = Registry(config)
    candidate = _candidate((recommender, evaluation), lineage, build)
    identity = identity_tags(candidate.reviewed, build.recipe.version)
    version = registry.settled({**identity, **PASSED}) or _published(registry, candidate, identity)
    card = registry.card(version.version)
    registry.describe(version.version, card)
    if version.review == "pending":
        registry.set_alias(CHALLENGER, version.version)
    report = registration(registry.version(version.version), tracking_uri=registry.uri)
    with build.draft(specs.REGISTRATION) as draft:
        (draft.path / REGISTRATION_REPORT).write_text(report.model_dump_json(indent=2), encoding="utf-8")
        (draft.path / CARD).write_text(card, encoding="utf-8")
        draft.metrics.update({"version": report.version, "decision": report.decision, **said(candidate)})


def _candidate(assets: tuple[AssetRef, AssetRef], lineage: list[AssetRef], build: Build) -> Candidate:
    recommender, evaluation = map(build.path, assets)
    products = pq.read_table(recommender / specs.RECOMMENDER.main, columns=["product_id", "title"])
    text = (evaluation / EVALUATION_REPORT).read_text(encoding="utf-8")
    return Candidate(
        folder=recommender,
        assets=assets,
        digests={ref: build.manifest(ref).content_digest for ref in sorted({*lineage, *assets})},
        evaluation=EvaluationReport.model_validate_json(text),
        questions=questions(products),
        measures=build.manifest(assets[1]).metrics,
        training=next((build.manifest(ref).metrics for ref in lineage if ref.key == specs.ENCODER.key), {}),
    )


def _published(registry: Registry, candidate: Candidate, identity: Mapping[str, str]) -> Version:
    """Log a candidate and make it a version, unless there is one that the gate said the same of.

    It is asked even where it has refused before: the champion may be another one now. A run that was interrupted, or
    that goes on at the same time, hears the same.
    """
    config, champion = registry.config, registry.by_alias(CHAMPION)
    decision = decide(candidate.evaluation, config, champion=standing(champion, config, candidate.split))
    logged = registry.log(candidate)
    decision = decision.unless(logged.problem).warning(search_warning(candidate.measures))
    card = model_card(config.model_name, candidate, decision, champion=champion)
    same = {**identity, **(PASSED if decision.is_open else gate_tags(decision))}
    if (found := registry.settled(same)) is not None:
        return found
    tags = {**identity, **gate_tags(decision), SEARCH_TAG: search_words(candidate.measures)}
    version = registry.publish(logged, card, tags)
    return registry.settled(same) or version
