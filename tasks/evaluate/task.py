"""The stage `evaluate`."""

from __future__ import annotations

import shutil
from dataclasses import asdict

import pyarrow.parquet as pq

from tasks.assets import specs
from tasks.assets.asset import AssetRef
from tasks.assets.reports import EVALUATION_REPORT
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.contest import held_contest, refitted, report_of
from tasks.evaluate.contestants import FINETUNED, RAW, CatalogueTexts
from tasks.evaluate.encoding import finetuned
from tasks.evaluate.reading import (
    read_catalogue,
    read_contender,
    read_search_task,
    read_split,
    read_trained_queries,
)
from tasks.evaluate.search import search_leakage, search_outcome
from tasks.evaluate.table import metrics_table
from tasks.retrieval.recommender import ENCODER_FOLDER
from tasks.retrieval.recommender_files import write_bundle
from tasks.retrieval.words import Words
from tasks.stage import Build, stage


@stage("evaluate", revision=7, produces=lambda products, **_: (specs.EVALUATION, specs.RECOMMENDER))
def evaluate(  # noqa: PLR0913 - one reference per input
    products: AssetRef,
    split: AssetRef,
    embeddings: AssetRef,
    encoder: AssetRef,
    judgments: AssetRef | None = None,
    queries: AssetRef | None = None,
    *,
    config: EvaluateConfig,
    build: Build,
) -> None:
    """Rank held-out users' next choices with every model, and fit the combination that is registered."""
    catalogue = read_catalogue(build.path(products))
    interactions, split_report = read_split(build.path(split))
    model = build.path(encoder) / "model"
    raw = read_contender(build.path(embeddings), catalogue.product_ids)
    contenders = {RAW: raw, FINETUNED: finetuned(model, catalogue.texts, raw, config)}
    texts = CatalogueTexts(
        words=Words.fit(catalogue.texts),
        raw=raw.vectors,
        finetuned=contenders[FINETUNED].vectors,
    )
    outcome = held_contest(interactions, catalogue, texts, min_history=split_report.min_history, config=config)
    task = read_search_task(build.path(judgments), build.path(queries), catalogue) if judgments and queries else None
    search = search_outcome(task, contenders, catalogue, config)
    report = report_of(
        outcome,
        split_report,
        products=len(catalogue.titles),
        searched=search.metrics if search else (),
        leakage=(search_leakage(task, read_trained_queries(build.path(encoder))),) if task else (),
    )
    bundle = refitted(interactions, catalogue, texts, weights=outcome.weights, config=config)
    with build.draft(specs.RECOMMENDER) as draft:
        write_bundle(bundle, draft.path)
        shutil.copytree(model, draft.path / ENCODER_FOLDER)
        draft.metrics.update(weights=outcome.weights)
    with build.draft(specs.EVALUATION) as draft:
        (draft.path / EVALUATION_REPORT).write_text(report.model_dump_json(indent=2), encoding="utf-8")
        pq.write_table(metrics_table(report.metrics), draft.path / "metrics.parquet")
        draft.seed = config.seed
        draft.metrics.update(gain=asdict(outcome.gain), reach=outcome.reach, search=search.facts() if search else {})
