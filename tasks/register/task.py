"""The stage `register`: log the candidate, ask the gate, make it a version, and say what came of it."""

from __future__ import annotations

import pyarrow.parquet as pq

from tasks.assets import specs
from tasks.assets.asset import AssetRef
from tasks.assets.reports import EVALUATION_REPORT, REGISTRATION_REPORT, EvaluationReport
from tasks.register.candidate import Candidate, questions
from tasks.register.card import model_card
from tasks.register.config import RegisterConfig
from tasks.register.gate import decide
from tasks.register.outcome import registration, version_tags
from tasks.register.registry import CARD, CHALLENGER, CHAMPION, Registry, Version, metric_of
from tasks.stage import Build, stage

PUBLISHED = "version.txt"


@stage("register", revision=2, produces=lambda **_: (specs.REGISTRATION,))
def register(
    recommender: AssetRef, evaluation: AssetRef, lineage: list[AssetRef], config: RegisterConfig, build: Build
) -> None:
    """Register a recommender, and put it up for review if the gate lets it pass."""
    registry = Registry(config)
    version = _interrupted(registry, build) or _published(
        registry, _candidate((recommender, evaluation), lineage, build), build
    )
    if version.review == "pending":
        registry.set_alias(CHALLENGER, version.version)
    report = registration(registry.version(version.version), tracking_uri=registry.uri)
    with build.draft(specs.REGISTRATION) as draft:
        (draft.path / REGISTRATION_REPORT).write_text(report.model_dump_json(indent=2), encoding="utf-8")
        (draft.path / CARD).write_text(registry.card(version.version), encoding="utf-8")
        draft.metrics.update({"version": report.version, "decision": report.decision})


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
    )


def _published(registry: Registry, candidate: Candidate, build: Build) -> Version:
    config, champion = registry.config, registry.by_alias(CHAMPION)
    decision = decide(candidate.evaluation, config, champion=metric_of(champion, config.metric))
    logged = registry.log(candidate)
    decision = decision.unless(logged.problem)
    card = model_card(config.model_name, candidate, decision, champion=champion)
    version = registry.publish(logged, card, version_tags(candidate.reviewed, decision))
    (build.scratch() / PUBLISHED).write_text(version.version, encoding="utf-8")
    return version


def _interrupted(registry: Registry, build: Build) -> Version | None:
    """Return the version that this recipe became before a crash, so that it does not become another one."""
    file = build.scratch() / PUBLISHED
    number = file.read_text(encoding="utf-8") if file.is_file() else ""
    return registry.version(number) if number and int(number) in registry.tags() else None
