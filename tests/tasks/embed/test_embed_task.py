from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from tasks.assets import specs
from tasks.assets.asset import AssetRef
from tasks.assets.store import AssetStore
from tasks.embed import files
from tasks.embed.config import EmbedConfig
from tasks.embed.encoding import text_digest
from tasks.embed.reuse import earlier_vectors
from tasks.embed.task import embed
from tasks.retrieval.encoder import open_encoder
from tasks.retrieval.texts import product_text
from tasks.retrieval.weights import folder_digest
from tests.builders import make_products, save_table
from tests.builders_encoder import write_encoder, write_prompts, write_word_vectors

ROOT = Path(__file__).parents[3]

SLOW_RUN = """
import sys, time
from tasks.assets.asset import AssetRef
from tasks.assets.store import AssetStore
from tasks.embed.config import EmbedConfig
from tasks.embed.task import embed
from tasks.retrieval.torch_encoder import TorchEncoder

encode = TorchEncoder.encode
def slowly(self, texts):
    time.sleep(0.3)
    return encode(self, texts)
TorchEncoder.encode = slowly
lake, key, version, model = sys.argv[1:]
config = EmbedConfig(encoder=model, chunk_texts=10, device="cpu")
embed.fn(AssetRef(key, version), config=config, store=AssetStore(lake))
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("tiny") / "encoder")


@pytest.fixture
def config(model: Path) -> EmbedConfig:
    return EmbedConfig(encoder=str(model), device="cpu", precision="fp32")


def test_there_is_one_unit_vector_per_product_in_their_order(store: AssetStore, config: EmbedConfig) -> None:
    products = make_products(30)

    ref = run(store, products, config)

    table = pq.read_table(sorted(store.path(ref).glob("vectors-*.parquet")))
    assert table["product_id"].to_pylist() == products["product_id"].to_pylist()
    assert table.schema.field("vector").type == pa.list_(pa.float32(), 32)
    expected = open_encoder(config.encoder, device="cpu", precision="fp32").encode(product_text(products))
    assert vectors(store, ref) == pytest.approx(expected, abs=1e-5)


def test_the_manifest_and_encoder_json_say_what_made_the_vectors(store: AssetStore, config: EmbedConfig) -> None:
    ref = run(store, make_products(10), config)

    metrics = store.manifest(ref).metrics
    encoder = open_encoder(config.encoder, device="cpu", precision="fp32")
    assert metrics["digest"] == encoder.digest
    assert (metrics["dimension"], metrics["precision"], metrics["max_tokens"]) == (32, "fp32", 64)
    assert (metrics["texts"], metrics["unique_texts"], metrics["reused"], metrics["encoded"]) == (10, 10, 0, 10)
    assert metrics["tokens"] > 10
    beside = json.loads((store.path(ref) / "encoder.json").read_text(encoding="utf-8"))
    assert beside["name"] == config.encoder
    assert beside["digest"] == encoder.digest


def test_an_encoder_that_is_no_transformer_embeds_and_is_known_again(store: AssetStore, tmp_path: Path) -> None:
    config = EmbedConfig(encoder=str(write_word_vectors(tmp_path / "words")), device="cpu")
    metrics = store.manifest(run(store, make_products(10), config)).metrics
    assert (metrics["dimension"], metrics["precision"], metrics["max_tokens"]) == (32, "fp32", None)
    assert (metrics["encoded"], metrics["tokens"]) == (10, None)
    later = store.manifest(run(store, make_products(12), config)).metrics
    assert (later["reused"], later["encoded"]) == (10, 2)


def test_the_prompts_of_products_and_of_queries_stand_beside_the_vectors(store: AssetStore, tmp_path: Path) -> None:
    model = write_prompts(write_encoder(tmp_path / "encoder"), document="red ", query="blue ")
    config = EmbedConfig(encoder=str(model), device="cpu", query_prompt="green ")

    ref = run(store, make_products(3), config)

    beside = json.loads((store.path(ref) / "encoder.json").read_text(encoding="utf-8"))
    assert (beside["prompt"], beside["query_prompt"]) == ("red ", "green ")


def test_identical_texts_are_encoded_once_and_share_their_vector(store: AssetStore, config: EmbedConfig) -> None:
    products = pa.table({"product_id": ["a", "b", "c"], "title": ["red pen", "blue pen", " red  pen "]})

    ref = run(store, products, config)

    found = vectors(store, ref)
    assert (found[0] == found[2]).all()
    assert store.manifest(ref).metrics["encoded"] == 2


def test_a_product_without_any_text_has_a_vector_of_zeros(store: AssetStore, config: EmbedConfig) -> None:
    ref = run(store, pa.table({"product_id": ["a", "b"], "title": ["", "pen"]}), config)

    found = vectors(store, ref)
    assert not found[0].any()
    assert found[1].any()
    assert store.manifest(ref).metrics["blank_texts"] == 1


def test_only_changed_texts_are_embedded_again(store: AssetStore, config: EmbedConfig) -> None:
    products = make_products(30)
    before = vectors(store, run(store, products, config))
    titles = ["a new marker", *products["title"].to_pylist()[1:]]
    changed = pa.concat_tables([products.set_column(1, "title", pa.array(titles)), make_products(33).slice(30)])

    ref = run(store, changed, config)

    metrics = store.manifest(ref).metrics
    assert (metrics["reused"], metrics["encoded"]) == (29, 4)
    assert (vectors(store, ref)[1:30] == before[1:]).all()
    assert not np.allclose(vectors(store, ref)[0], before[0])


def test_a_new_text_does_not_make_every_earlier_version_be_read(store: AssetStore, config: EmbedConfig) -> None:
    for count in (5, 6, 7, 8):
        run(store, make_products(count), config)
    versions = store.versions(specs.PRODUCT_EMBEDDINGS.key)
    wanted = {text_digest(text) for text in product_text(make_products(9))}
    read: list[AssetRef] = []

    def folder(ref: AssetRef) -> Path:
        read.append(ref)
        return store.path(ref)

    assert len(earlier_vectors(versions, {"digest": folder_digest(config.encoder)}, wanted, folder)) == 8
    assert read == [manifest.ref for manifest in versions[:2]], "the newest, and one that brings nothing more"


def test_a_text_that_was_gone_for_one_version_is_not_embedded_again(store: AssetStore, config: EmbedConfig) -> None:
    run(store, make_products(9), config)
    run(store, make_products(8), config)

    assert store.manifest(run(store, make_products(10), config)).metrics["reused"] == 9


def test_vectors_of_another_encoder_or_limit_or_prompt_are_never_reused(
    store: AssetStore, config: EmbedConfig, tmp_path: Path
) -> None:
    products = make_products(8)
    run(store, products, config)
    other = str(write_encoder(tmp_path / "other", seed=1))

    for changes in ({"encoder": other}, {"max_tokens": 8}, {"prompt": "red "}, {"precision": "bf16"}):
        ref = run(store, products, config.model_copy(update=changes))
        assert store.manifest(ref).metrics["reused"] == 0, changes


def test_new_weights_in_the_same_folder_make_new_vectors(store: AssetStore, tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "encoder", seed=1)
    config = EmbedConfig(encoder=str(folder), device="cpu", precision="fp32")
    products = save_table(store, "products", make_products(8))
    before = embed.fn(products, config=config, weights=folder_digest(str(folder)), store=store)
    write_encoder(folder, seed=2)

    after = embed.fn(products, config=config, weights=folder_digest(str(folder)), store=store)

    assert after.status == "run"
    assert store.manifest(after.primary).metrics["reused"] == 0
    assert not np.allclose(vectors(store, before.primary), vectors(store, after.primary))


def test_vectors_of_a_hub_model_name_its_commit(store: AssetStore, tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "snapshots" / "abc123")
    ref = run(store, make_products(3), EmbedConfig(encoder=str(folder), device="cpu"))
    beside = json.loads((store.path(ref) / "encoder.json").read_text(encoding="utf-8"))
    assert beside["commit"] == store.manifest(ref).metrics["commit"] == "abc123"


def test_an_earlier_version_that_was_tampered_with_is_passed_over(store: AssetStore, config: EmbedConfig) -> None:
    earlier = run(store, make_products(8), config)
    file = next(store.path(earlier).glob("vectors-*.parquet"))
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    fresh = AssetStore(store.url)

    ref = run(fresh, make_products(9), config)

    assert fresh.manifest(ref).metrics["reused"] == 0


def test_resources_do_not_change_the_version(store: AssetStore, config: EmbedConfig) -> None:
    products = make_products(8)
    first = run(store, products, config)

    assert run(store, products, config.model_copy(update={"token_budget": 128, "chunk_texts": 3})) == first


def test_many_products_are_written_in_several_files(
    store: AssetStore, config: EmbedConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "ROWS_PER_FILE", 4)
    monkeypatch.setattr(files, "ROWS_PER_GROUP", 3)

    ref = run(store, make_products(10), config)

    assert [file.name for file in sorted(store.path(ref).glob("vectors-*.parquet"))] == [
        "vectors-00000.parquet",
        "vectors-00001.parquet",
        "vectors-00002.parquet",
    ]
    table = pq.read_table(sorted(store.path(ref).glob("vectors-*.parquet")))
    assert table["product_id"].to_pylist() == [f"p{number}" for number in range(10)]


def test_a_killed_run_goes_on_after_its_last_chunk(store: AssetStore, model: Path, tmp_path: Path) -> None:
    products = save_table(store, "products", make_products(60))
    command = [sys.executable, "-c", SLOW_RUN, store.url, products.key, products.version, str(model)]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    scratch = Path(store.url) / ".scratch"
    wait_for_chunks(scratch, 2, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not store.versions(specs.PRODUCT_EMBEDDINGS.key)
    saved = len(list(scratch.rglob("chunk-*.npz")))

    config = EmbedConfig(encoder=str(model), chunk_texts=10, device="cpu")
    ref = embed.fn(products, config=config, store=store).primary

    metrics = store.manifest(ref).metrics
    assert 2 <= saved < 6
    assert (metrics["resumed"], metrics["encoded"]) == (10 * saved, 60 - 10 * saved)
    whole = AssetStore(str(tmp_path / "whole"))
    save_table(whole, "products", make_products(60))
    uninterrupted = embed.fn(products, config=config, store=whole).primary
    assert (vectors(store, ref) == vectors(whole, uninterrupted)).all()
    assert not list(scratch.rglob("chunk-*.npz"))


def wait_for_chunks(scratch: Path, count: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 120
    while len(list(scratch.rglob("chunk-*.npz"))) < count:
        assert process.poll() is None, "The run ended before it could be killed."
        assert time.monotonic() < end, "No chunk was finished in two minutes."
        time.sleep(0.02)


def run(store: AssetStore, products: pa.Table, config: EmbedConfig) -> AssetRef:
    return embed.fn(save_table(store, "products", products), config=config, store=store).primary


def vectors(store: AssetStore, ref: AssetRef) -> NDArray[np.float32]:
    table = pq.read_table(sorted(store.path(ref).glob("vectors-*.parquet")))
    assert pc.all(pc.is_valid(table["vector"])).as_py()
    matrix: NDArray[np.float32] = table["vector"].combine_chunks().flatten().to_numpy().reshape(table.num_rows, -1)
    return matrix
