from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from tasks.errors import DeviceError, EncoderError
from tasks.retrieval import torch_encoder
from tasks.retrieval.encoder import Encoder, open_encoder
from tasks.retrieval.sentence_encoder import SentenceEncoder
from tasks.retrieval.torch_encoder import TorchEncoder
from tests.builders_encoder import (
    HashEncoder,
    write_byte_encoder,
    write_encoder,
    write_prompts,
    write_router,
    write_word_vectors,
)

TEXTS = ["red pen", "blue pen", "a stapler, green, with tape", "paper", "office folder 12", "red pen"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("tiny") / "encoder")


@pytest.fixture(scope="module")
def other_kinds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Models that sentence-transformers alone knows how to put together."""
    place = tmp_path_factory.mktemp("other")
    return {
        "word vectors": write_word_vectors(place / "words"),
        "another pooling": write_encoder(place / "pooling", pooling="weightedmean"),
        "a slow tokenizer": write_byte_encoder(place / "bytes"),
    }


@pytest.fixture(scope="module", params=["hash", "fp32", "bf16", "word vectors", "another pooling", "a slow tokenizer"])
def encoder(request: pytest.FixtureRequest, folder: Path, other_kinds: dict[str, Path]) -> Encoder:
    if request.param == "hash":
        return HashEncoder()
    if request.param in other_kinds:
        return open_encoder(str(other_kinds[request.param]), device="cpu")
    return open_encoder(str(folder), device="cpu", precision=request.param)


def test_vectors_are_float32_unit_rows_in_order(encoder: Encoder) -> None:
    found = encoder.encode(TEXTS)

    assert found.shape == (len(TEXTS), encoder.dimension)
    assert found.dtype == np.float32
    assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-5)
    for row, text in enumerate(TEXTS):
        assert found[row] == pytest.approx(encoder.encode([text])[0], abs=tolerance(encoder))


def test_equal_texts_have_equal_vectors_and_different_ones_do_not(encoder: Encoder) -> None:
    found = encoder.encode(TEXTS)

    assert (found[0] == found[5]).all()
    assert not np.allclose(found[0], found[1], atol=0.02)


def test_blank_texts_are_zeros(encoder: Encoder) -> None:
    found = encoder.encode(["", " \n", "pen"])

    assert not found[:2].any()
    assert found[2].any()


def test_no_texts_give_no_rows(encoder: Encoder) -> None:
    assert encoder.encode([]).shape == (0, encoder.dimension)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(range(len(TEXTS))))
def test_order_does_not_matter(encoder: Encoder, order: list[int]) -> None:
    assert encoder.encode([TEXTS[place] for place in order]) == pytest.approx(
        encoder.encode(TEXTS)[order], abs=tolerance(encoder)
    )


def test_it_says_who_it_is(encoder: Encoder) -> None:
    assert encoder.name
    assert encoder.digest
    assert encoder.precision in {"bf16", "fp32"}


def test_other_weights_have_another_digest(folder: Path, tmp_path: Path) -> None:
    other = write_encoder(tmp_path / "other", seed=1)

    assert open_encoder(str(other)).digest != open_encoder(str(folder)).digest
    assert open_encoder(str(folder)).digest == open_encoder(str(folder), precision="fp32").digest


@pytest.mark.filterwarnings("ignore:.*has_cuda.*:DeprecationWarning")
@pytest.mark.parametrize("family", ["bert", "distilbert", "mpnet"])
@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_vectors_are_those_of_sentence_transformers(tmp_path: Path, pooling: str, family: str) -> None:
    from sentence_transformers import SentenceTransformer

    folder = write_encoder(tmp_path / "encoder", pooling=pooling, family=family)
    expected = SentenceTransformer(str(folder), device="cpu").encode(TEXTS, show_progress_bar=False)

    assert open_encoder(str(folder), device="cpu", precision="fp32").encode(TEXTS) == pytest.approx(expected, abs=1e-5)


def test_the_packaged_encoder_knows_what_is_near() -> None:
    encoder = open_encoder("minilm", device="cpu")
    lamp, light, soup = encoder.encode(["desk lamp", "table light for reading", "tomato soup"])

    assert (encoder.dimension, encoder.max_tokens) == (384, 256)
    assert lamp @ light > lamp @ soup + 0.2


def test_bf16_stays_near_fp32() -> None:
    texts = [f"{thing}, pack of {count}" for thing in ("red pen", "lamp", "shoe for women") for count in range(9)]

    bf16 = open_encoder("minilm", device="cpu", precision="bf16").encode(texts)
    fp32 = open_encoder("minilm", device="cpu", precision="fp32").encode(texts)

    assert (bf16 * fp32).sum(1).min() >= 0.999


@pytest.mark.usefixtures("three_cores")
def test_many_batches_on_many_cores_give_what_one_batch_gives(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"pen {number} {'paper ' * (number % 9)}" for number in range(200)]
    expected = open_encoder(str(folder), precision="fp32", token_budget=100_000).encode(texts)
    monkeypatch.setattr(torch_encoder, "SLICE", 64)

    found = open_encoder(str(folder), precision="fp32", token_budget=64).encode(texts)

    assert found == pytest.approx(expected, abs=1e-5)


def test_torch_has_as_many_threads_afterwards_as_before(folder: Path) -> None:
    before = torch.get_num_threads()
    seen: list[int] = []

    encoder = open_encoder(str(folder), token_budget=64)
    encoder.encode([f"pen {number}" for number in range(200)])
    thread = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    thread.start()
    thread.join()

    assert torch.get_num_threads() == before
    assert seen == [before]


def test_identical_texts_are_encoded_once(folder: Path) -> None:
    encoder = open_encoder(str(folder))
    encoder.encode(["red pen"])
    once = encoder.tokens
    assert once

    encoder.encode(["red pen"] * 50 + [""])

    assert encoder.tokens == 2 * once


def test_texts_are_cut_at_the_limit_and_never_above_the_models_own(folder: Path) -> None:
    short = open_encoder(str(folder), max_tokens=8)
    long = open_encoder(str(folder), max_tokens=4000)

    assert (short.max_tokens, long.max_tokens) == (8, 64)
    assert (short.encode(["pen " * 7 + "red"]) == short.encode(["pen " * 7 + "blue"])).all()
    assert not np.allclose(long.encode(["pen " * 7 + "red"]), long.encode(["pen " * 7 + "blue"]))


@pytest.mark.parametrize(("family", "places"), [("roberta", 63), ("mpnet", 62)])
def test_a_model_that_numbers_places_behind_the_paddings_is_never_asked_for_one_it_lacks(
    tmp_path: Path, family: str, places: int
) -> None:
    encoder = open_encoder(str(write_encoder(tmp_path / "encoder", family=family)), device="cpu")

    assert encoder.max_tokens == places
    assert encoder.encode(["pen " * 100]).any()


def test_a_prompt_stands_before_each_text(folder: Path) -> None:
    plain = open_encoder(str(folder), precision="fp32").encode(["red pen", "blue pen"])
    asking = open_encoder(str(folder), precision="fp32", prompts={"passage": "red ", "query": "blue "})

    assert asking.encode(["pen"]) == pytest.approx(plain[:1], abs=1e-5)
    assert asking.encode(["pen"], "query") == pytest.approx(plain[1:], abs=1e-5)


@pytest.mark.filterwarnings("ignore:.*has_cuda.*:DeprecationWarning")
def test_passages_and_queries_have_the_prompts_that_sentence_transformers_gives_them(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    folder = write_prompts(write_encoder(tmp_path / "encoder"), query="blue ", document="red ")
    theirs = SentenceTransformer(str(folder), device="cpu")
    ours = open_encoder(str(folder), device="cpu", precision="fp32")

    assert ours.encode(TEXTS[:1]) == pytest.approx(theirs.encode_document(TEXTS[:1]), abs=1e-5)
    assert ours.encode(TEXTS[:1], "query") == pytest.approx(theirs.encode_query(TEXTS[:1]), abs=1e-5)
    assert ours.encode(TEXTS[:1], "query") != pytest.approx(ours.encode(TEXTS[:1]), abs=1e-5)


def test_a_prompt_that_is_given_replaces_the_models_own_of_that_kind_alone(tmp_path: Path) -> None:
    folder = write_prompts(write_encoder(tmp_path / "encoder"), query="blue ", document="red ")

    assert open_encoder(str(folder), prompts={"query": "green "}).prompts == {"passage": "red ", "query": "green "}


def test_a_prompt_alone_is_no_text(folder: Path) -> None:
    assert not open_encoder(str(folder), prompts={"query": "red "}).encode([""], "query").any()


def test_a_model_that_cannot_be_packed_goes_the_padded_way(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = open_encoder(str(folder), precision="fp32").encode(TEXTS)
    monkeypatch.setattr("tasks.retrieval.loading.can_pack", lambda config, device: False)

    assert open_encoder(str(folder), precision="fp32").encode(TEXTS) == pytest.approx(packed, abs=1e-5)


@pytest.mark.parametrize("kind", ["word vectors", "another pooling", "a slow tokenizer"])
def test_a_model_of_another_kind_encodes_as_its_makers_would(other_kinds: dict[str, Path], kind: str) -> None:
    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(str(other_kinds[kind]), device="cpu")
    encoder = open_encoder(str(other_kinds[kind]), device="cpu", prompts={"query": "red "})

    assert isinstance(encoder, SentenceEncoder)
    assert encoder.encode(TEXTS) == pytest.approx(theirs.encode(TEXTS, normalize_embeddings=True), abs=1e-5)
    asked = theirs.encode(["pen"], prompt="red ", normalize_embeddings=True)
    assert encoder.encode(["pen"], "query") == pytest.approx(asked, abs=1e-5)
    bf16 = open_encoder(str(other_kinds[kind]), device="cpu", precision="bf16")
    assert (bf16.precision, encoder.precision) == ("bf16", "fp32")
    assert 0.99 < (bf16.encode(TEXTS) * encoder.encode(TEXTS)).sum(1).min() < 1 - 1e-6


def test_a_model_of_another_kind_cuts_texts_where_it_is_told_to(other_kinds: dict[str, Path]) -> None:
    short = open_encoder(str(other_kinds["another pooling"]), max_tokens=8)
    assert (short.encode(["pen " * 7 + "red"]) == short.encode(["pen " * 7 + "blue"])).all()
    long = open_encoder(str(other_kinds["another pooling"]), max_tokens=4000)
    assert (short.max_tokens, long.max_tokens) == (8, 64)
    assert open_encoder(str(other_kinds["word vectors"])).max_tokens is None
    with pytest.raises(EncoderError, match=r"it cuts no texts\. Leave `embed\.max_tokens`"):
        open_encoder(str(other_kinds["word vectors"]), max_tokens=8)


def test_a_model_of_another_kind_has_no_more_tokens_than_places(tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "places", pooling="weightedmean", family="roberta")
    settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "model_max_length": 4000}), encoding="utf-8")
    encoder = open_encoder(str(folder), device="cpu")
    assert encoder.max_tokens == 63
    assert np.isfinite(encoder.encode(["pen " * 500])).all()


def test_a_text_without_any_known_word_is_zeros(tmp_path: Path) -> None:
    encoder = open_encoder(str(write_word_vectors(tmp_path / "words", pooling="max")), device="cpu")
    found = encoder.encode(["red pen", "\u200b", "blue pen"])
    assert np.linalg.norm(found, axis=1) == pytest.approx([1, 0, 1], abs=1e-5)


def test_a_model_with_another_way_for_queries_takes_it(tmp_path: Path) -> None:
    encoder = open_encoder(str(write_router(tmp_path / "router")), device="cpu")
    assert not np.allclose(encoder.encode(["red pen"], "query"), encoder.encode(["red pen"]), atol=0.1)


@pytest.mark.parametrize("damage", ["missing", "cut off"])
def test_a_model_of_another_kind_without_its_weights_is_named(tmp_path: Path, damage: str) -> None:
    broken = write_word_vectors(tmp_path / "broken")
    weights = broken / "model.safetensors"
    content = weights.read_bytes()
    weights.unlink()
    if damage == "cut off":
        weights.write_bytes(content[:1000])
    with pytest.raises(EncoderError, match=str(broken)):
        open_encoder(str(broken))


def test_loading_a_model_of_another_kind_says_nothing(
    other_kinds: dict[str, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    for folder in other_kinds.values():
        open_encoder(str(folder), device="cpu")
    assert capfd.readouterr() == ("", "")


def test_nothing_to_encode_is_no_token(folder: Path) -> None:
    encoder = open_encoder(str(folder))
    encoder.encode([""])
    assert encoder.tokens == 0


def test_a_folder_that_is_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=str(tmp_path)):
        open_encoder(str(tmp_path))


def test_weights_that_lack_some_are_refused_and_not_made_at_random(tmp_path: Path) -> None:
    broken = write_encoder(tmp_path / "broken")
    weights = load_file(broken / "model.safetensors")
    del weights["encoder.layer.1.output.dense.weight"], weights["pooler.dense.weight"]
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(EncoderError, match=r"its weights lack encoder\.layer\.1\.output\.dense\.weight\."):
        open_encoder(str(broken))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(tmp_path: Path, value: float) -> None:
    broken = write_encoder(tmp_path / "broken")
    weights = load_file(broken / "model.safetensors")
    weights["encoder.layer.0.output.dense.bias"][3] = value
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(EncoderError, match=r"output\.dense\.bias are not all numbers"):
        open_encoder(str(broken))


def test_a_tokenizer_without_its_words_is_refused(tmp_path: Path) -> None:
    broken = write_encoder(tmp_path / "broken")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (broken / name).unlink()
    with pytest.raises(EncoderError, match="its tokenizer knows no words"):
        open_encoder(str(broken))


def test_a_limit_that_leaves_nothing_of_a_text_is_refused(tmp_path: Path) -> None:
    broken = write_encoder(tmp_path / "broken")
    (broken / "sentence_bert_config.json").write_text('{"max_seq_length": 2}', encoding="utf-8")
    with pytest.raises(EncoderError, match="it cuts texts at 2 tokens"):
        open_encoder(str(broken))


def test_a_file_is_no_encoder(folder: Path) -> None:
    with pytest.raises(EncoderError, match="that is a file"):
        open_encoder(str(folder / "config.json"))


@pytest.mark.parametrize(("name", "value"), [("hidden_size", "abc"), ("num_attention_heads", 0)])
def test_a_configuration_that_makes_no_sense_is_the_encoders_fault(tmp_path: Path, name: str, value: object) -> None:
    broken = write_encoder(tmp_path / "broken")
    config = json.loads((broken / "config.json").read_text(encoding="utf-8"))
    (broken / "config.json").write_text(json.dumps({**config, name: value}), encoding="utf-8")
    with pytest.raises(EncoderError, match=str(broken)):
        open_encoder(str(broken))


def test_weights_that_are_cut_off_are_named(folder: Path, tmp_path: Path) -> None:
    broken = write_encoder(tmp_path / "broken")
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])

    with pytest.raises(EncoderError, match="cannot be used as an encoder"):
        open_encoder(str(broken))


def test_a_device_that_is_not_there_is_refused(folder: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("This machine has CUDA.")
    with pytest.raises(DeviceError, match="no device “cuda”"):
        open_encoder(str(folder), device="cuda")


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_gpu_computes_what_the_cpu_does(folder: Path, precision: str) -> None:
    if not torch.cuda.is_available():
        pytest.skip("This machine has no CUDA device.")
    expected = open_encoder(str(folder), device="cpu", precision="fp32").encode(TEXTS)

    found = open_encoder(str(folder), device="cuda", precision=precision).encode(TEXTS)  # type: ignore[arg-type]  # parametrised

    assert (found * expected).sum(1).min() >= 0.999


def tolerance(encoder: Encoder) -> float:
    """bf16 rounds differently when other texts stand in the same batch."""
    return 0.02 if encoder.precision == "bf16" else 1e-5


def test_opening_gives_a_torch_encoder(folder: Path) -> None:
    assert isinstance(open_encoder(str(folder)), TorchEncoder)
