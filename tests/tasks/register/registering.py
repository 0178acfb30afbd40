"""A shop whose recommender is ready to be registered, and evaluations to register it with."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tasks.assets import specs
from tasks.assets.asset import AssetRef
from tasks.assets.recipe import Recipe
from tasks.assets.reports import EVALUATION_REPORT, EvaluationReport, LeakageCheck, MetricValue, Registration
from tasks.assets.store import AssetStore
from tasks.register.config import RegisterConfig
from tasks.register.gate import Decision
from tasks.register.outcome import gate_tags, identity_tags
from tasks.register.registry import CHALLENGER, Logged, Registry, Version
from tasks.register.review import Review, judge, promote, roll_back
from tasks.register.task import register
from tasks.retrieval.encoder import open_encoder
from tasks.retrieval.histories import histories_of
from tasks.retrieval.neighbours import item_knn
from tasks.retrieval.passages import Passages
from tasks.retrieval.popularity import Popularity
from tasks.retrieval.recommender import ENCODER_FOLDER
from tasks.retrieval.recommender_files import Bundle, write_bundle
from tasks.retrieval.words import Words
from tests.builders import save_asset
from tests.builders_behaviour import interactions_of
from tests.builders_encoder import write_encoder

MLFLOW_WARNINGS = [
    # MLflow judges the type hints of its own base class, and calls what it and pandas have deprecated.
    pytest.mark.filterwarnings("ignore:.*type hint:UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning:mlflow.*"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow.*"),
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy"),
    # SQLAlchemy looks at all tables at once, those of Prefect's server too where it runs in the same process.
    pytest.mark.filterwarnings("ignore:.*does not refer to an OperatorClass"),
]
TITLES = {"pen": "blue pen", "ink": "blue ink", "paper": "white paper", "pan": "iron pan"}
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
CLEAN = LeakageCheck(name="nothing of the future is trained on", is_clean=True, detail="0 of 9 events.")
GAIN = {
    "model": "combination",
    "against": "item_knn",
    "metric": "ndcg_at_10",
    "value": 0.02,
    "low": -0.01,
    "high": 0.05,
    "share": 0.2,
}
SEARCH = {
    "measured_by": "known_items",
    "queries": 300,
    "model": "finetuned_encoder",
    "against": "raw_encoder",
    "metric": "known_item_mrr_at_10",
    "value": -0.1,
    "low": -0.15,
    "high": -0.05,
    "share": -0.2,
}
"""What an evaluation's manifest says: no clear gain, and a search that training made worse."""


def write_recommender(folder: Path) -> Path:
    """Three users who buy pen and ink, and an encoder with random weights."""
    rows = [(f"u{user}", product) for user in range(3) for product in ("pen", "ink", "paper")[: 2 + user % 2]]
    ids, titles = list(TITLES), list(TITLES.values())
    histories = histories_of(interactions_of(rows), pa.array(ids))
    folder.mkdir(parents=True)
    encoder = write_encoder(folder / ENCODER_FOLDER)
    vectors = open_encoder(str(encoder), device="cpu", precision="fp32").encode(titles)
    bundle = Bundle(
        product_ids=tuple(ids),
        titles=tuple(titles),
        histories=histories,
        now_s=float(np.max(histories.last_s)),
        weights={"popularity": 0.5, "buy_again": 0.0, "due_again": 0.0, "item_knn": 0.5, "words": 0.0, "encoder": 0.0},
        popularity=Popularity.fit(histories),
        neighbours=(item_knn(histories, neighbours=3, min_users=1),),
        words=Words.fit(titles),
        passages=Passages("encoder", vectors),
    )
    write_bundle(bundle, folder)
    return folder


def measured(model: str, value: float, *, metric: str = "ndcg_at_10", width: float = 0.01) -> MetricValue:
    """A metric on the test split with its interval."""
    return MetricValue(model=model, split="test", metric=metric, value=value, low=value - width, high=value + width)


def evaluation_of(combination: float = 0.12, **changes: Any) -> EvaluationReport:  # fields of any type
    """An evaluation where popularity has 0.05, ItemKNN 0.10 and the combination what is asked."""
    values = (measured("popularity", 0.05), measured("item_knn", 0.10), measured("combination", combination))
    report = EvaluationReport(
        models=("popularity", "item_knn", "combination"),
        metrics=values,
        weights={"popularity": 0.25, "item_knn": 0.75},
        leakage=(CLEAN,),
        users={"train": 3, "test": 3, "test_able": 2, "test_asked": 1},
        events={"train": 6, "test": 1},
        products=len(TITLES),
        cutoffs={"test": "2026-01-09"},
    )
    return report.model_copy(update=changes)


@dataclass
class Shop:
    """One model in MLflow, and the lake that its versions come from."""

    store: AssetStore
    config: RegisterConfig
    files: Path
    logged: Logged | None = None

    @property
    def registry(self) -> Registry:
        return Registry(self.config)

    def save_recommender(self, files: Path | None = None) -> AssetRef:
        recipe = Recipe(stage="by-hand", revision=1, arguments={"files": str(files or self.files)})
        ref = AssetRef(specs.RECOMMENDER.key, recipe.version)
        if self.store.find(ref) is None:
            with self.store.draft(specs.RECOMMENDER, recipe, run_id="by-hand") as draft:
                shutil.copytree(files or self.files, draft.path, dirs_exist_ok=True)
        return ref

    def save_evaluation(self, evaluation: EvaluationReport) -> AssetRef:
        return save_asset(self.store, specs.EVALUATION, {}, {EVALUATION_REPORT: evaluation.model_dump_json()})

    def digests(self, *refs: AssetRef) -> dict[AssetRef, str]:
        return {ref: self.store.manifest(ref).content_digest for ref in refs}

    def register(
        self,
        evaluation: EvaluationReport,
        *,
        files: Path | None = None,
        lineage: list[AssetRef] | None = None,
        config: RegisterConfig | None = None,
    ) -> Registration:
        """Register the recommender with an evaluation, and return what the inventory keeps of it."""
        result = register.fn(
            self.save_recommender(files),
            self.save_evaluation(evaluation),
            lineage or [],
            config=config or self.config,
            store=self.store,
        )
        text = (self.store.path(result.primary) / "registration.json").read_text(encoding="utf-8")
        return Registration.model_validate_json(text)

    def registered(self, combination: float = 0.12) -> Version:
        """Make what was logged once a version with an evaluation of its own, and the challenger: that is fast."""
        assert self.logged is not None
        assets = (self.save_recommender(), self.save_evaluation(evaluation_of(combination)))
        version = self.registry.publish(
            self.logged, "# card", {**identity_tags(self.digests(*assets), "by-hand"), **gate_tags(Decision(()))}
        )
        self.registry.set_alias(CHALLENGER, version.version)
        return self.registry.version(version.version)

    def approve(self, version: str, reason: str = "good") -> Review:
        return judge(self.config, self.store, version, "approved", by="ada", reason=reason, now=NOON)

    def reject(self, version: str, reason: str = "bad") -> Review:
        return judge(self.config, self.store, version, "rejected", by="bob", reason=reason, now=NOON)

    def promote(self, *, minutes: int = 1, is_asked: bool = True) -> Review | None:
        return promote(self.config, self.store, now=NOON + timedelta(minutes=minutes), is_asked=is_asked)

    def roll_back(self, reason: str = "clicks fell", *, minutes: int = 2) -> Review:
        return roll_back(self.config, self.store, by="bob", reason=reason, now=NOON + timedelta(minutes=minutes))

    def champion(self, combination: float = 0.12) -> Version:
        """Register, approve and promote a candidate."""
        version = self.registered(combination)
        self.approve(version.version)
        self.promote()
        return self.registry.version(version.version)

    def alias(self, name: str) -> str | None:
        found = self.registry.by_alias(name)
        return None if found is None else found.version

    def log(self) -> list[dict[str, Any]]:
        """The review log, the oldest decision first."""
        found = [manifest.metrics for manifest in self.store.versions(specs.REVIEWS.key)]
        return sorted(found, key=lambda item: str(item["at"]))
