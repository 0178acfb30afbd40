"""The whole way on real behaviour: split, fine-tune, evaluate."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from tasks.assets import specs
from tasks.assets.reports import EvaluationReport
from tasks.assets.store import AssetStore
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.task import evaluate
from tasks.finetune.config import FinetuneConfig, SplitConfig
from tasks.finetune.task import finetune, split_behaviour
from tasks.retrieval.encoder import open_encoder
from tasks.retrieval.texts import product_text
from tests.builders import save_asset, save_table

TOKENS = 24  # titles carry most of what is measured here, and a third of the time

PRODUCTS = "select asin as product_id, title, brand from read_csv('{}/items.csv', all_varchar=true) order by asin"
EVENTS = """
select user_id, asin as product_id, 'rating' as event_type, to_timestamp("timestamp"::bigint) as timestamp,
  rating::double as rating
from read_csv('{}/events.csv') order by all
"""


@pytest.fixture(scope="module")
def report(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> EvaluationReport:
    store = AssetStore(str(tmp_path_factory.mktemp("office") / "lake"))
    folder = shared_data / "amazon-office"
    table = _table(PRODUCTS.format(folder))
    products = save_table(store, "products", table)
    events = save_table(store, "events", _table(EVENTS.format(folder)))
    vectors = open_encoder("minilm", max_tokens=TOKENS).encode(product_text(table))
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
    embeddings = save_asset(
        store,
        specs.PRODUCT_EMBEDDINGS,
        {"vectors-0.parquet": pa.table({"product_id": table["product_id"], "vector": column})},
        {"encoder.json": json.dumps({"name": "minilm", "prompt": "", "query_prompt": "", "commit": None})},
    )
    split = split_behaviour.fn(events, config=SplitConfig(), store=store)
    settings = FinetuneConfig(max_steps=20, evaluate_every=10, max_tokens=TOKENS, validation_products=600)
    encoder = finetune.fn(products, split, None, None, config=settings, store=store)
    result = evaluate.fn(products, split, embeddings, encoder, config=EvaluateConfig(max_tokens=TOKENS), store=store)
    return EvaluationReport.model_validate_json((store.path(result.primary) / "evaluation.json").read_bytes())


def _table(query: str) -> pa.Table:
    found = duckdb.sql(query)
    assert found is not None
    return found.to_arrow_table()


def on_test(report: EvaluationReport) -> dict[str, float]:
    return {v.model: v.value for v in report.metrics if (v.split, v.metric) == ("test", "ndcg_at_10")}


@pytest.mark.filterwarnings(
    # peft 0.21 asks transformers 5 for a name that it renamed
    "ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"
)
def test_the_combination_stands_above_each_of_its_parts(report: EvaluationReport) -> None:
    ndcg = on_test(report)
    assert ndcg["combination"] >= 0.125
    assert ndcg["combination"] > max(value for model, value in ndcg.items() if model != "combination")


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # as above
def test_fine_tuning_gains_over_the_encoder_as_it_came(report: EvaluationReport) -> None:
    ndcg = on_test(report)
    assert ndcg["finetuned_encoder"] > ndcg["raw_encoder"] > ndcg["popularity"]
