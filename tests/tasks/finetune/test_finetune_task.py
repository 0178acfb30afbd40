from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.assets import specs
from tasks.assets.asset import AssetRef
from tasks.assets.store import AssetStore
from tasks.errors import EncoderError, TooLittleDataError
from tasks.finetune.config import FinetuneConfig, SplitConfig
from tasks.finetune.loss import info_nce
from tasks.finetune.reading import read_lesson
from tasks.finetune.task import finetune, split_behaviour
from tasks.finetune.trainer import CHECKPOINT
from tasks.retrieval.encoder import open_encoder
from tasks.retrieval.judged import TRAINED_QUERIES, is_held_out
from tasks.retrieval.layout import read_layout
from tasks.retrieval.weights import encoder_digest
from tests.builders import make_events, make_products, save_table
from tests.builders_behaviour import make_tasteful_events, make_tasteful_products
from tests.builders_encoder import write_encoder, write_prompts, write_word_vectors

pytestmark = pytest.mark.filterwarnings(
    # peft 0.21 asks transformers 5 for a name that it renamed
    "ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"
)


ROOT = Path(__file__).parents[3]

SLOW_TRAINING = """
import sys, time
from tasks.assets.asset import AssetRef
from tasks.assets.store import AssetStore
from tasks.finetune.config import FinetuneConfig
from tasks.finetune.learner import Learner
from tasks.finetune.task import finetune

vectors = Learner.vectors
def slowly(self, tokens, most_tokens):
    time.sleep(0.5)
    return vectors(self, tokens, most_tokens)
Learner.vectors = slowly
lake, *refs, config = sys.argv[1:]
products, split = (AssetRef(*ref.split("@")) for ref in refs)
config = FinetuneConfig.model_validate_json(config)
finetune.fn(products, split, None, None, config=config, store=AssetStore(lake))
"""


@pytest.fixture
def config(tmp_path: Path) -> FinetuneConfig:
    return FinetuneConfig(model=str(write_encoder(tmp_path / "tiny")), max_steps=4, evaluate_every=2, device="cpu")


def test_the_stage_publishes_a_model_its_adapter_and_its_curve(store: AssetStore, config: FinetuneConfig) -> None:
    products = save_table(store, "products", make_tasteful_products(8))
    events = save_table(store, "events", make_tasteful_events(40, 8))
    split = split_behaviour.fn(events, config=SplitConfig(), store=store)
    result = finetune.fn(products, split, None, None, config=config, store=store)
    folder = store.path(result.primary)
    manifest = store.manifest(result.primary)
    assert {"model", "adapter"} <= {path.name for path in folder.iterdir()}
    assert pq.read_table(folder / "history.parquet")["step"].to_pylist() == [0, 1, 2, 3, 4]
    assert pq.read_table(folder / TRAINED_QUERIES)["query"].to_pylist() == []
    assert manifest.metrics["steps"] == 4
    assert manifest.seed == config.seed
    assert manifest.metrics["kept"] == ("trained" if manifest.metrics["best_step"] else "raw")
    assert "kept" in manifest.metrics["verdict"]
    again = finetune.fn(products, split, None, None, config=config.model_copy(update={"device": "auto"}), store=store)
    assert again.status == "skipped"


def test_a_model_of_another_kind_is_trained_where_it_begins_with_a_transformer(
    store: AssetStore, config: FinetuneConfig, tmp_path: Path
) -> None:
    model = write_encoder(tmp_path / "weighted", pooling="weightedmean")
    config = config.model_copy(update={"model": str(model), "method": "full", "learning_rate": 0.01})
    made = finetune.fn(*tasteful_shop(store), None, None, config=config, store=store).primary
    assert store.manifest(made).metrics["kept"] == "trained"
    trained = open_encoder(str(store.path(made) / "model"), device="cpu").encode(["red pen"])
    assert not np.allclose(trained, open_encoder(str(model), device="cpu").encode(["red pen"]), atol=1e-3)


def test_a_model_that_leaves_its_prompt_out_is_not_trained(
    store: AssetStore, config: FinetuneConfig, tmp_path: Path
) -> None:
    model = write_encoder(tmp_path / "unprompted")
    pooling = model / "1_Pooling" / "config.json"
    settings = json.loads(pooling.read_text(encoding="utf-8"))
    pooling.write_text(json.dumps({**settings, "include_prompt": False}), encoding="utf-8")
    with pytest.raises(EncoderError, match="its pooling leaves the prompt out"):
        finetune.fn(
            *tasteful_shop(store), None, None, config=config.model_copy(update={"model": str(model)}), store=store
        )


def test_a_model_without_a_transformer_is_not_trained(
    store: AssetStore, config: FinetuneConfig, tmp_path: Path
) -> None:
    config = config.model_copy(update={"model": str(write_word_vectors(tmp_path / "words"))})
    with pytest.raises(EncoderError, match=r"begins with StaticEmbedding.*Name another `embed\.encoder`"):
        finetune.fn(*tasteful_shop(store), None, None, config=config, store=store)
    assert not store.versions(specs.ENCODER.key)


@pytest.fixture
def tracked(config: FinetuneConfig, empty_mlflow: Path, tmp_path: Path) -> FinetuneConfig:
    database = shutil.copy(empty_mlflow, tmp_path / "mlflow.db")
    at = {"tracking_uri": f"sqlite:///{database}", "artifact_location": (tmp_path / "artifacts").as_uri()}
    return config.model_copy(update=at)


@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")  # MLflow's models use it
def test_the_manifest_names_the_mlflow_run_that_holds_the_curves(store: AssetStore, tracked: FinetuneConfig) -> None:
    from mlflow import MlflowClient

    made = finetune.fn(*tasteful_shop(store), None, None, config=tracked, store=store).primary
    history = pq.read_table(store.path(made) / "history.parquet").to_pylist()
    client = MlflowClient(tracked.tracking_uri)
    run = client.get_run(store.manifest(made).metrics["mlflow_run_id"])
    assert (run.data.tags["asset"], run.info.status) == (str(made), "FINISHED")
    for name in ("loss", "validation_ndcg_at_10"):
        logged = {point.step: point.value for point in client.get_metric_history(run.info.run_id, name)}
        assert logged == pytest.approx({row["step"]: row[name] for row in history if row[name] is not None})


@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")  # MLflow's models use it
def test_a_training_that_breaks_off_has_logged_its_curves_up_to_there(
    store: AssetStore, tracked: FinetuneConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    monkeypatch.setattr("tasks.finetune.trainer.info_nce", breaking_off(info_nce, after=3))
    with pytest.raises(KeyboardInterrupt):
        finetune.fn(*tasteful_shop(store), None, None, config=tracked, store=store)
    client = MlflowClient(tracked.tracking_uri)
    (run,) = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
    curves = {name: client.get_metric_history(run.info.run_id, name) for name in ("loss", "validation_ndcg_at_10")}
    assert {name: [point.step for point in curve] for name, curve in curves.items()} == {
        "loss": [1, 2, 3],
        "validation_ndcg_at_10": [0, 2],
    }
    assert run.info.status == "FAILED"


def breaking_off(loss: Callable[..., Any], after: int) -> Callable[..., Any]:  # torch tensors
    steps = itertools.count(1)

    def loss_or_end(*args: Any, **more: Any) -> Any:
        if next(steps) > after:
            raise KeyboardInterrupt
        return loss(*args, **more)

    return loss_or_end


def test_training_that_brings_nothing_leaves_the_encoder_as_it_came_unless_its_prompts_are_others(
    store: AssetStore, config: FinetuneConfig
) -> None:
    products = save_table(store, "products", make_tasteful_products(8))
    events = save_table(store, "events", make_tasteful_events(40, 8))
    split = split_behaviour.fn(events, config=SplitConfig(), store=store)
    still = config.model_copy(update={"learning_rate": 1e-12})
    digests = {}
    for prompt in (None, "product: "):
        prompted = still.model_copy(update={"prompt": prompt})
        made = finetune.fn(products, split, None, None, config=prompted, store=store).primary
        assert store.manifest(made).metrics["kept"] == "raw"
        digests[prompt] = encoder_digest(store.path(made) / "model")
    assert digests[None] == encoder_digest(Path(config.model))
    assert digests["product: "] != digests[None]


def test_judgments_join_queries_to_products_but_for_those_kept_to_measure_on(
    store: AssetStore, config: FinetuneConfig
) -> None:
    products = make_tasteful_products(8)
    ids = [f"q{i}" for i in range(12)]
    queries = save_table(store, "queries", pa.table({"query_id": ids, "query": [f"words of {i}" for i in ids]}))
    judgments = pa.table({"query_id": ids, "product_id": products["product_id"][:12], "grade": [3] * 12})
    split = split_behaviour.fn(
        save_table(store, "events", make_tasteful_events(40, 8)), config=SplitConfig(), store=store
    )
    lesson = read_lesson(
        store.path(save_table(store, "products", products)),
        store.path(split.primary),
        (store.path(save_table(store, "judgments", judgments)), store.path(queries)),
        prompts={"passage": "p: ", "query": "q: "},
        config=config,
    )
    asked = [text for text in lesson.pairs.texts if "words of" in text]
    trained = {text.removeprefix("q: words of ") for text in asked}
    assert all(text.startswith("p: ") for text in lesson.pairs.texts if text not in asked)
    assert trained == {query for query in ids if not is_held_out(f"words of {query}")}
    assert lesson.queries == tuple(sorted(f"words of {query}" for query in trained))
    assert 0 < len(trained) < len(ids)


def test_the_published_model_keeps_the_prompts_it_was_trained_with(store: AssetStore, tmp_path: Path) -> None:
    model = write_prompts(write_encoder(tmp_path / "asking"), passage="red ", query="blue ")
    config = FinetuneConfig(model=str(model), query_prompt="green ", max_steps=2, evaluate_every=2, device="cpu")
    products = save_table(store, "products", make_tasteful_products(8))
    events = save_table(store, "events", make_tasteful_events(40, 8))
    split = split_behaviour.fn(events, config=SplitConfig(), store=store)
    result = finetune.fn(products, split, None, None, config=config, store=store)
    published = read_layout(store.path(result.primary) / "model")
    assert published.prompts == {"passage": "red ", "query": "green "}


def test_a_prompt_that_is_taken_away_does_not_come_back_with_the_published_model(
    store: AssetStore, tmp_path: Path
) -> None:
    model = write_prompts(write_encoder(tmp_path / "asking"), passage="passage: ", query="query: ")
    config = FinetuneConfig(model=str(model), prompt="", max_steps=2, evaluate_every=2, device="cpu")
    products = save_table(store, "products", make_tasteful_products(8))
    events = save_table(store, "events", make_tasteful_events(40, 8))
    split = split_behaviour.fn(events, config=SplitConfig(), store=store)
    result = finetune.fn(products, split, None, None, config=config, store=store)
    published = read_layout(store.path(result.primary) / "model")
    assert published.prompts == {"passage": "", "query": "query: "}


def test_a_training_that_is_killed_goes_on_from_its_checkpoint_to_the_same_model(
    store: AssetStore, config: FinetuneConfig, tmp_path: Path
) -> None:
    longer = config.model_copy(
        update={"method": "full", "max_steps": 8, "patience": 8, "learning_rate": 0.01, "checkpoint_every": 1}
    )
    refs = [str(ref) for ref in tasteful_shop(store)]
    command = [sys.executable, "-W", "ignore", "-c", SLOW_TRAINING, store.url, *refs, longer.model_dump_json()]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    wait_for_checkpoint(Path(store.url) / ".scratch", process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not store.versions(specs.ENCODER.key)

    killed = finetune.fn(*tasteful_shop(store), None, None, config=longer, store=store).primary
    whole = AssetStore(str(tmp_path / "whole"))
    uninterrupted = finetune.fn(*tasteful_shop(whole), None, None, config=longer, store=whole).primary

    assert 0 < store.manifest(killed).metrics["resumed_from"] < 8
    assert store.manifest(killed).metrics["kept"] == "trained"
    assert pq.read_table(store.path(killed) / "history.parquet").equals(
        pq.read_table(whole.path(uninterrupted) / "history.parquet")
    )
    assert encoder_digest(store.path(killed) / "model") == encoder_digest(whole.path(uninterrupted) / "model")
    assert not list((Path(store.url) / ".scratch").rglob(CHECKPOINT))


def tasteful_shop(store: AssetStore) -> tuple[AssetRef, AssetRef]:
    events = save_table(store, "events", make_tasteful_events(40, 8))
    split = split_behaviour.fn(events, config=SplitConfig(), store=store).primary
    return save_table(store, "products", make_tasteful_products(8)), split


def wait_for_checkpoint(scratch: Path, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 120
    while not list(scratch.rglob(CHECKPOINT)):
        assert process.poll() is None, "The training ended before it could be killed."
        assert time.monotonic() < end, "There was no checkpoint in two minutes."
        time.sleep(0.02)


def test_a_shop_where_nothing_is_chosen_together_is_told_what_to_do(store: AssetStore, config: FinetuneConfig) -> None:
    events = make_events(3, 90, per_user=5)
    far_apart = [f"p{30 * u + i}" for u in range(3) for i in range(5)]
    events = events.set_column(1, "product_id", pa.array(far_apart))
    products = save_table(store, "products", make_products(90))
    split = split_behaviour.fn(save_table(store, "events", events), config=SplitConfig(), store=store)
    with pytest.raises(TooLittleDataError, match="co_purchase_min_users"):
        finetune.fn(products, split, None, None, config=config, store=store)


def test_the_configuration_is_plain_json_and_refuses_a_look_that_never_comes() -> None:
    assert json.loads(FinetuneConfig().model_dump_json())["method"] == "lora"
    with pytest.raises(ValueError, match="evaluate_every"):
        FinetuneConfig(max_steps=3, evaluate_every=4)
