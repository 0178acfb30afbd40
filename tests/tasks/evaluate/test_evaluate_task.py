from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from tasks.assets import specs
from tasks.assets.asset import AssetRef
from tasks.assets.reports import EvaluationReport
from tasks.assets.store import AssetStore
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.encoding import Contender, finetuned
from tasks.evaluate.reading import read_contender
from tasks.evaluate.task import evaluate
from tasks.finetune.config import SplitConfig
from tasks.finetune.task import split_behaviour
from tasks.retrieval.encoder import open_encoder
from tasks.retrieval.judged import TRAINED_QUERIES
from tasks.retrieval.recommender import Recommender
from tasks.retrieval.texts import product_text
from tests.builders import save_asset, save_table
from tests.builders_behaviour import make_tasteful_events, make_tasteful_products
from tests.builders_encoder import write_encoder

MODELS = (
    "popularity",
    "buy_again",
    "due_again",
    "item_knn",
    "ease",
    "words",
    "raw_encoder",
    "finetuned_encoder",
    "combination",
)
SEARCHED = ("words", "raw_encoder", "finetuned_encoder")


def embed_by(store: AssetStore, encoder: Path, products: pa.Table, query_prompt: str = "") -> AssetRef:
    opened = open_encoder(str(encoder), device="cpu", precision="fp32")
    vectors = opened.encode(product_text(products))
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
    table = pa.table({"product_id": products["product_id"], "vector": column})
    made_by = {**opened.made_by, "name": str(encoder), "query_prompt": query_prompt, "commit": None}
    return save_asset(
        store, specs.PRODUCT_EMBEDDINGS, {"vectors-0.parquet": table}, {"encoder.json": json.dumps(made_by)}
    )


def save_encoder(store: AssetStore, encoder: Path) -> AssetRef:
    """Publish an encoder as `models/encoder`, as fine-tuning would."""
    from tasks.assets.recipe import Recipe

    recipe = Recipe(stage="by-hand", revision=1, arguments={"encoder": encoder.name})
    with store.draft(specs.ENCODER, recipe, run_id="by-hand") as draft:
        encoder.rename(draft.path / "model")
        pq.write_table(pa.table({"query": pa.array([], pa.string())}), draft.path / TRAINED_QUERIES)
    return AssetRef(specs.ENCODER.key, recipe.version)


class Shop:
    """A small shop that has been evaluated."""

    def __init__(self, folder: Path) -> None:
        self.store = AssetStore(str(folder / "lake"))
        self.products = make_tasteful_products(12)
        self.table = save_table(self.store, "products", self.products)
        events = save_table(self.store, "events", make_tasteful_events(60, 12))
        self.split = split_behaviour.fn(events, config=SplitConfig(), store=self.store).primary
        self.embeddings = embed_by(self.store, write_encoder(folder / "raw", seed=1), self.products, "pen number ")
        self.encoder = save_encoder(self.store, write_encoder(folder / "tuned", seed=2))

    def evaluated(self, judged: tuple[AssetRef, AssetRef] | None = None) -> tuple[Path, Path]:
        result = evaluate.fn(
            self.table,
            self.split,
            self.embeddings,
            self.encoder,
            *(judged or ()),
            config=EvaluateConfig(bootstrap_samples=100, device="cpu"),
            store=self.store,
        )
        return self.store.path(result.primary), self.store.path(result["models/recommender"])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("shop"))


def test_every_model_has_every_metric_on_both_splits(shop: Shop) -> None:
    folder, _ = shop.evaluated()
    report = EvaluationReport.model_validate_json((folder / "evaluation.json").read_bytes())
    assert report.models == MODELS
    names = {f"{metric}_at_{k}" for metric in ("ndcg", "recall", "mrr") for k in (10, 50)}
    found = {(value.model, value.split, value.metric) for value in report.metrics}
    searched = {(m, "test", n) for m in SEARCHED for n in ("known_item_mrr_at_10", "known_item_recall_at_10")}
    assert found == {(m, s, n) for m in MODELS for s in ("validation", "test") for n in names} | searched
    assert all(value.low <= value.value <= value.high for value in report.metrics)
    assert report.products == len(shop.products)
    assert report.users["test_asked"] == report.users["test_able"] == 60
    assert all(check.is_clean for check in report.leakage)
    assert pq.read_metadata(folder / "metrics.parquet").num_rows == len(report.metrics)


def test_models_that_see_taste_beat_popularity(shop: Shop) -> None:
    folder, _ = shop.evaluated()
    report = EvaluationReport.model_validate_json((folder / "evaluation.json").read_bytes())
    ndcg = {v.model: v.value for v in report.metrics if (v.split, v.metric) == ("test", "ndcg_at_10")}
    assert ndcg["combination"] > 2 * ndcg["popularity"]
    assert "raw_encoder" not in report.weights
    assert sum(report.weights.values()) == pytest.approx(1, abs=1e-3)


def test_the_recommender_knows_everything_up_to_today(shop: Shop) -> None:
    _, folder = shop.evaluated()
    recommender = Recommender.load(folder)
    found = recommender.recommend("u0", k=3)
    assert len(found) == 3
    assert all(item.product_id.startswith("p0-") for item in found), "u0 keeps to one kind"
    assert all(item.reasons for item in found)
    events = pq.read_table(shop.store.path(shop.split) / "interactions.parquet").to_pylist()
    bought = {row["product_id"] for row in events if row["user_id"] == "u0"}
    new = {item.product_id for item in recommender.recommend("u0", k=50)} - bought
    assert new, "products of the test split are part of the history, not of what is new"


def measures(shop: Shop, folder: Path) -> dict[str, Any]:  # JSON values of any shape
    version = folder.parent.name
    return shop.store.manifest(AssetRef(specs.EVALUATION.key, version)).metrics


def test_the_manifest_of_the_evaluation_names_its_seed(shop: Shop) -> None:
    version = shop.evaluated()[0].parent.name
    assert shop.store.manifest(AssetRef(specs.EVALUATION.key, version)).seed == EvaluateConfig().seed


def test_the_manifest_says_how_far_the_combination_is_above_the_best_part_pair_by_pair(shop: Shop) -> None:
    folder, _ = shop.evaluated()
    report = EvaluationReport.model_validate_json((folder / "evaluation.json").read_bytes())
    ndcg = {v.model: v.value for v in report.metrics if (v.split, v.metric) == ("test", "ndcg_at_10")}
    gain = measures(shop, folder)["gain"]
    best = max((value, model) for model, value in ndcg.items() if model != "combination")
    assert (gain["model"], gain["metric"]) == ("combination", "ndcg_at_10")
    assert ndcg[gain["against"]] == best[0]
    assert gain["value"] == pytest.approx(ndcg["combination"] - best[0])
    assert gain["share"] == pytest.approx(ndcg["combination"] / best[0] - 1)
    assert gain["low"] <= gain["value"] <= gain["high"]


def test_the_manifest_says_for_how_many_users_a_part_ranks_anything(shop: Shop) -> None:
    reach = measures(shop, shop.evaluated()[0])["reach"]
    assert set(reach) == set(MODELS)
    assert reach["popularity"] == reach["combination"] == 1
    assert reach["due_again"] < 1, "most users have bought nothing twice"


def test_without_judgments_products_are_searched_for_by_words_of_their_titles(shop: Shop) -> None:
    search = measures(shop, shop.evaluated()[0])["search"]
    assert (search["measured_by"], search["queries"]) == ("known_items", len(shop.products))
    assert (search["model"], search["against"]) == ("finetuned_encoder", "raw_encoder")
    assert search["metric"] == "known_item_mrr_at_10"
    assert search["low"] <= search["value"] <= search["high"]


def test_search_is_measured_on_queries_that_were_not_trained_on(shop: Shop) -> None:
    ids = [f"q{i}" for i in range(12)]
    queries = save_table(shop.store, "queries", pa.table({"query_id": ids, "query": [f"{i}" for i in range(12)]}))
    graded = pa.table({"query_id": ids, "product_id": [f"p0-{i}" for i in range(12)], "grade": [3] * 12})
    folder, _ = shop.evaluated((save_table(shop.store, "judgments", graded), queries))
    report = EvaluationReport.model_validate_json((folder / "evaluation.json").read_bytes())
    search = {value.model: value.value for value in report.metrics if value.metric == "search_ndcg_at_10"}
    assert set(search) == {"raw_encoder", "finetuned_encoder"}
    assert search["raw_encoder"] > 0.9, "the query is a title behind the encoder's prompt"
    found = measures(shop, folder)["search"]
    assert (found["measured_by"], found["metric"]) == ("judgments", "search_ndcg_at_10")
    assert found["value"] == pytest.approx(search["finetuned_encoder"] - search["raw_encoder"])
    check = report.leakage[-1]
    assert (check.name, check.is_clean) == ("no_judged_query_is_in_training_and_test", True)


def test_a_hub_model_is_compared_at_the_commit_that_made_the_vectors(shop: Shop, tmp_path: Path) -> None:
    shutil.copytree(shop.store.path(shop.embeddings), tmp_path / "vectors")
    beside = tmp_path / "vectors" / "encoder.json"
    made_by = json.loads(beside.read_text(encoding="utf-8"))
    beside.write_text(json.dumps({**made_by, "name": "some/model@main", "commit": "abc123"}), encoding="utf-8")
    found = read_contender(tmp_path / "vectors", shop.products["product_id"].combine_chunks())
    assert found.encoder == "some/model@abc123"


def contender(folder: Path, there: NDArray[np.float32], **settings: Any) -> Contender:
    """An encoder as `embed` would have found it in a folder, with any vectors."""
    encoder = open_encoder(str(folder), device="cpu", **settings)
    return Contender(str(folder), there, {**encoder.made_by, "query_prompt": "", "commit": None})


@pytest.mark.parametrize("settings", [{}, {"max_tokens": 8, "precision": "bf16"}, {"precision": "fp32"}], ids=str)
def test_an_encoder_that_is_still_the_raw_one_has_the_vectors_that_are_there(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    folder, there = write_encoder(tmp_path / "tiny"), np.full((2, 32), 0.5, np.float32)
    raw = contender(folder, there, **settings)
    assert finetuned(folder, ["red pen", "blue pen"], raw, EvaluateConfig(device="cpu")).vectors is there


@pytest.mark.parametrize("other", [{"digest": "another"}, {"prompt": "product: "}], ids=str)
def test_another_encoder_reads_as_much_of_a_text_in_the_same_precision_as_the_raw_one(
    tmp_path: Path, other: dict[str, str]
) -> None:
    folder, there = write_encoder(tmp_path / "tiny"), np.full((1, 32), 0.5, np.float32)
    raw = contender(folder, there, max_tokens=8, precision="fp32")
    text, config = ["pen " * 7 + "red"], EvaluateConfig(device="cpu")
    expected = open_encoder(str(folder), device="cpu", max_tokens=8, precision="fp32").encode(text)
    found = finetuned(folder, text, replace(raw, made_by={**raw.made_by, **other}), config)
    np.testing.assert_array_equal(found.vectors, expected)
    np.testing.assert_array_equal(found.asked(text, config), expected)
    np.testing.assert_array_equal(raw.asked(text, config), expected)
