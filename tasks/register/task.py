"""The stage: describe the candidate, register it, ask the gate, and say what came of it."""

from __future__ import annotations

import pyarrow.parquet as pq

from tasks.assets import specs
from tasks.assets.asset import AssetRef
from tasks.assets.reports import EVALUATION_REPORT, REGISTRATION_REPORT, EvaluationReport, Registration
from tasks.register.card import model_card
from tasks.register.config import RegisterConfig
from tasks.register.gate import Decision, decide
from tasks.register.registry import CHALLENGER, CHAMPION, Candidate, Registry, Version, metric_of
from tasks.stage import Build, stage


@stage("register", revision=1, produces=lambda **_: (specs.REGISTRATION,))
def register(
    recommender: AssetRef, evaluation: AssetRef, lineage: list[AssetRef], config: RegisterConfig, build: Build
) -> None:
    """Register a recommender, and put it up for review if the gate lets it pass."""
    text = (build.path(evaluation) / EVALUATION_REPORT).read_text(encoding="utf-8")
    report = EvaluationReport.model_validate_json(text)
    registry = Registry(config)
    champion = registry.by_alias(CHAMPION)
    decision = decide(report, config, champion=metric_of(champion, config.metric))
    card = model_card(config.model_name, report, lineage, decision, champion=champion.version if champion else None)
    candidate = Candidate(
        folder=build.path(recommender),
        assets=(recommender, evaluation),
        lineage=tuple(lineage),
        digests={str(ref): build.manifest(ref).content_digest for ref in (*lineage, recommender, evaluation)},
        evaluation=report,
        card=card,
        example=_example(recommender, build),
    )
    version = registry.register(candidate)
    _decide(registry, version, decision)
    registration = _registration(registry, version, decision)
    with build.draft(specs.REGISTRATION) as draft:
        (draft.path / REGISTRATION_REPORT).write_text(registration.model_dump_json(indent=2), encoding="utf-8")
        (draft.path / "card.md").write_text(card, encoding="utf-8")
        draft.metrics.update({"version": version.version, "decision": registration.decision})


def _example(recommender: AssetRef, build: Build) -> dict[str, object]:
    products = pq.read_table(build.path(recommender) / specs.RECOMMENDER.main, columns=["product_id"]).slice(0, 1)
    history = f'["{products["product_id"][0].as_py()}"]'
    return {"task": "recommend", "user_id": "", "history": history, "query": "", "k": 3}


def _decide(registry: Registry, version: Version, decision: Decision) -> None:
    if not decision.is_open:
        registry.set_tags(version.version, {"gate": "refused", "gate_reasons": " ".join(decision.reasons)})
        return
    registry.set_tags(version.version, {"gate": "passed", "review": "pending"})
    registry.set_alias(CHALLENGER, version.version)


def _registration(registry: Registry, version: Version, decision: Decision) -> Registration:
    prefix = "test.combination."
    return Registration(
        name=version.name,
        version=version.version,
        alias=CHALLENGER if decision.is_open else None,
        decision="passed" if decision.is_open else "refused",
        reasons=decision.reasons,
        metrics={
            name.removeprefix(prefix): value
            for name, value in sorted(version.metrics.items())
            if name.startswith(prefix) and not name.endswith((".low", ".high"))
        },
        run_id=version.run_id,
        model_uri=f"models:/{version.name}/{version.version}",
        tracking_uri=registry.uri,
    )
