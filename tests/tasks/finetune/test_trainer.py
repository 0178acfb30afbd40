from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tasks.errors import UsageError
from tasks.finetune.config import FinetuneConfig
from tasks.finetune.learner import Learner
from tasks.finetune.pairs import co_chosen_pairs
from tasks.finetune.tracking import NoTracker, tracked
from tasks.finetune.trainer import CHECKPOINT, Lesson, Progress, learning_rate, train
from tasks.finetune.validation import validation_of
from tasks.retrieval.encoder import open_encoder
from tasks.retrieval.packing import distinct
from tests.builders_behaviour import interactions_of, make_tasteful_products
from tests.builders_encoder import write_encoder

pytestmark = pytest.mark.filterwarnings(
    # peft 0.21 asks transformers 5 for a name that it renamed
    "ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"
)

PER_KIND = 6
CURVES = ("loss", "validation_ndcg_at_10")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("tiny") / "encoder")


@pytest.fixture(scope="module")
def lesson() -> Lesson:
    products = make_tasteful_products(PER_KIND)
    rng = np.random.default_rng(0)
    chosen = [
        (f"u{user}", f"p{user % 4}-{product}") for user in range(40) for product in rng.choice(PER_KIND, 4, False)
    ]
    interactions = pa.concat_tables(
        [
            interactions_of([row for index, row in enumerate(chosen) if index % 4 < 3]),
            interactions_of(chosen[3::4], split="validation", first_day=500),
        ]
    )
    product_ids, texts = products["product_id"].combine_chunks(), products["title"].to_pylist()
    train_rows = interactions.filter(pc.equal(interactions["split"], "train"))
    return Lesson(
        pairs=co_chosen_pairs(train_rows, product_ids, texts, min_users=2),
        validation=validation_of(interactions, product_ids, most_users=40, most_products=40),
        text_of=distinct(texts).positions,
    )


def config_of(**settings: object) -> FinetuneConfig:
    values = {
        "max_steps": 9,
        "evaluate_every": 3,
        "patience": 9,
        "batch_pairs": 16,
        "learning_rate": 0.01,
        "checkpoint_every": 1,
        "precision": "fp32",
        "device": "cpu",
    }
    return FinetuneConfig.model_validate({**values, **settings})


class Stopping(NoTracker):
    """A tracker under which training dies at one step, as a killed process would after its last checkpoint."""

    def __init__(self, at: int) -> None:
        self.at = at

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        if step == self.at:
            raise KeyboardInterrupt


def trained(folder: Path, lesson: Lesson, scratch: Path, **settings: object) -> tuple[Learner, Progress]:
    scratch.mkdir(exist_ok=True)
    learner = Learner.open(folder, config_of(**settings))
    return learner, train(learner, lesson, scratch=scratch, tracker=NoTracker())


def all_weights(learner: Learner) -> dict[str, Any]:  # torch tensors
    return {name: weight.detach().clone() for name, weight in learner.model.named_parameters()}


@pytest.mark.parametrize("method", ["lora", "full", "frozen"])
def test_the_loss_falls_and_the_best_look_is_kept(method: str, folder: Path, lesson: Lesson, tmp_path: Path) -> None:
    learner, progress = trained(folder, lesson, tmp_path / "scratch", method=method, max_steps=24, evaluate_every=6)
    losses = progress.history()["loss"].drop_null().to_pylist()
    assert np.mean(losses[-4:]) < np.mean(losses[:4])
    texts, place = np.unique(lesson.text_of[lesson.validation.products], return_inverse=True)
    tokens = learner.tokenized([lesson.pairs.texts[text] for text in texts])
    assert lesson.validation.ndcg_at_10(learner.encode(tokens)[place]) == pytest.approx(progress.best_metric, abs=1e-6)
    assert progress.best_metric > progress.history()["validation_ndcg_at_10"][0].as_py()
    assert progress.kept == "trained"
    assert f"the weights of step {progress.best_step} are kept" in progress.verdict


@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")  # MLflow's models use it
def test_loss_and_validation_stand_in_mlflow_while_training_goes_on(
    folder: Path, lesson: Lesson, tmp_path: Path
) -> None:
    from mlflow import MlflowClient

    config = config_of(
        tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}", artifact_location=(tmp_path / "artifacts").as_uri()
    )
    client = MlflowClient(config.tracking_uri)
    during: dict[str, list[int]] = {}

    def curve(run_id: str, metric: str) -> dict[int, float]:
        return {point.step: point.value for point in client.get_metric_history(run_id, metric)}

    class Watched(NoTracker):
        def log(self, step: int, metrics: Mapping[str, float]) -> None:
            tracker.log(step, metrics)
            if step == 7:
                during.update({name: list(curve(str(tracker.run_id), name)) for name in CURVES})

    with tracked(config, tmp_path, {}) as tracker:
        progress = train(Learner.open(folder, config), lesson, scratch=tmp_path, tracker=Watched())
    assert during == {"loss": [1, 2, 3, 4, 5, 6, 7], "validation_ndcg_at_10": [0, 3, 6]}
    for name in CURVES:
        rows = progress.history().select(["step", name]).to_pylist()
        kept = {row["step"]: row[name] for row in rows if row[name] is not None}
        assert curve(str(tracker.run_id), name) == pytest.approx(kept, abs=1e-6)


def test_a_killed_training_goes_on_to_the_same_weights(folder: Path, lesson: Lesson, tmp_path: Path) -> None:
    whole, _ = trained(folder, lesson, tmp_path / "whole")
    scratch = tmp_path / "killed"
    scratch.mkdir()
    with pytest.raises(KeyboardInterrupt):
        train(Learner.open(folder, config_of()), lesson, scratch=scratch, tracker=Stopping(at=5))
    resumed = Learner.open(folder, config_of())
    progress = train(resumed, lesson, scratch=scratch, tracker=NoTracker())
    assert progress.resumed_from == 4
    assert progress.history()["step"].to_pylist() == list(range(10))
    expected = all_weights(whole)
    assert all(expected[name].equal(weight) for name, weight in all_weights(resumed).items())


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    folder: Path, lesson: Lesson, tmp_path: Path
) -> None:
    runs = [all_weights(trained(folder, lesson, tmp_path / str(i), seed=seed)[0]) for i, seed in enumerate([1, 1, 2])]
    assert all(runs[0][name].equal(runs[1][name]) for name in runs[0])
    assert not all(runs[0][name].equal(runs[2][name]) for name in runs[0])


def test_training_stops_when_the_metric_no_longer_rises(folder: Path, lesson: Lesson, tmp_path: Path) -> None:
    _, progress = trained(folder, lesson, tmp_path / "s", learning_rate=1e-9, max_steps=90, patience=2)
    assert progress.step == 6
    assert progress.best_step == 0
    assert progress.kept == "raw"
    assert progress.verdict.startswith("Training did not beat the raw encoder (0.")
    assert progress.verdict.endswith("that one is kept.")


def test_an_interrupted_write_leaves_the_last_checkpoint(folder: Path, lesson: Lesson, tmp_path: Path) -> None:
    scratch = tmp_path / "s"
    scratch.mkdir()
    (scratch / "checkpoint.draft").write_bytes(b"half")
    _, progress = trained(folder, lesson, scratch)
    assert progress.resumed_from == 0
    assert (scratch / CHECKPOINT).is_file()


@pytest.mark.parametrize(("method", "moves"), [("frozen", "layer.1."), ("full", "embeddings"), ("lora", "lora_")])
def test_only_the_weights_of_the_method_move(method: str, moves: str, folder: Path) -> None:
    names = list(Learner.open(folder, config_of(method=method)).weights())
    assert any(moves in name for name in names)
    assert not any("pooler" in name for name in names)
    if method == "frozen":
        assert all("layer.1." in name for name in names)
    if method == "lora":
        assert all("lora_" in name for name in names)


FIRST_LAYER, LAST_LAYER = r"\blayer\.0\.", r"\blayer\.1\."


@pytest.mark.parametrize("family", ["distilbert", "mpnet"])
@pytest.mark.parametrize(
    ("method", "moves", "rests"),
    [("lora", FIRST_LAYER, "embeddings"), ("full", "embeddings", None), ("frozen", LAST_LAYER, FIRST_LAYER)],
    ids=["lora", "full", "frozen"],
)
def test_models_of_other_families_are_trained_and_published(
    method: str, moves: str, rests: str | None, family: str, lesson: Lesson, tmp_path: Path
) -> None:
    folder = write_encoder(tmp_path / "tiny", family=family)
    before, _ = weights_of(folder)
    learner, progress = trained(folder, lesson, tmp_path / "s", method=method, max_steps=12)
    learner.save(tmp_path / "model", prompts={"passage": "", "query": ""})
    after, found = weights_of(tmp_path / "model")
    moved = {name for name, weight in after.items() if not weight.equal(before[name])}
    losses = progress.history()["loss"].drop_null().to_pylist()
    assert np.mean(losses[-4:]) < np.mean(losses[:4])
    assert progress.kept == "trained"
    assert any(re.search(moves, name) for name in moved)
    assert rests is None or not any(re.search(rests, name) for name in moved)
    np.testing.assert_allclose(found, learner.encode(learner.tokenized(["pen number 1", "stapler"])), atol=1e-5)


def weights_of(folder: Path) -> tuple[dict[str, Any], Any]:  # torch tensors
    """The weights of a model that is opened to encode, and what it makes of two texts."""
    from safetensors.torch import load_file

    encoder = open_encoder(str(folder), device="cpu", precision="fp32")
    return load_file(folder / "model.safetensors"), encoder.encode(["pen number 1", "stapler"])


def test_a_model_without_layers_has_no_last_one_to_train(folder: Path) -> None:
    import torch

    learner = Learner.open(folder, config_of())
    learner.model[0].auto_model.encoder.layer = torch.nn.Identity()
    with pytest.raises(UsageError, match="no stack of layers"):
        Learner(learner.model, config_of(method="frozen"))


def test_lora_is_merged_into_a_model_that_loads_without_peft(folder: Path, lesson: Lesson, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    learner, _ = trained(folder, lesson, tmp_path / "s")
    expected = learner.encode(learner.tokenized(["pen number 1", "stapler"]))
    learner.save_adapter(tmp_path / "adapter")
    learner.save(tmp_path / "model", prompts={"passage": "", "query": ""})
    loaded = SentenceTransformer(str(tmp_path / "model"), device="cpu")
    found = loaded.encode(["pen number 1", "stapler"], normalize_embeddings=True)
    assert not any("lora" in name for name, _ in loaded.named_parameters())
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert (tmp_path / "adapter" / "adapter_model.safetensors").is_file()


def test_bf16_trains_to_nearly_the_same_loss(folder: Path, lesson: Lesson, tmp_path: Path) -> None:
    exact = trained(folder, lesson, tmp_path / "a")[1].history()["loss"].drop_null().to_pylist()
    short = trained(folder, lesson, tmp_path / "b", precision="bf16")[1].history()["loss"].drop_null().to_pylist()
    np.testing.assert_allclose(short[:3], exact[:3], rtol=0.05)


def test_the_rate_rises_over_the_warm_up_and_falls_to_the_end() -> None:
    rates = [learning_rate(step, config_of(max_steps=20, warmup_share=0.2)) for step in range(20)]
    assert rates.index(max(rates)) == 4
    assert max(rates) == pytest.approx(0.01)
    assert rates[:5] == sorted(rates[:5])
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert 0 < rates[-1] < 0.001


SAVES = """
import sys
from pathlib import Path
from tasks.finetune.config import FinetuneConfig
from tasks.finetune.learner import Learner
folder, target = map(Path, sys.argv[1:])
Learner.open(folder, FinetuneConfig(method="lora", device="cpu", precision="fp32")).save_adapter(target)
"""


def test_the_same_adapter_has_the_same_bytes_in_every_process(folder: Path, tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", SAVES, str(folder), str(tmp_path / seed)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": seed},
        )
        for seed in ("1", "2")
    ]
    assert [process.wait() for process in processes] == [0, 0]
    one, other = ({item.name: item.read_bytes() for item in (tmp_path / seed).iterdir()} for seed in ("1", "2"))
    assert "adapter_config.json" in one
    assert one == other
