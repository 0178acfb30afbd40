from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tasks.errors import EncoderError
from tasks.retrieval.layout import DenseLayout, read_layout

KINDS = {
    "Transformer": "",
    "Pooling": "1_Pooling",
    "Dense": "2_Dense",
    "Normalize": "3_Normalize",
    "CLIPModel": "0_CLIP",
    "CNN": "1_CNN",
}
MEAN = {"word_embedding_dimension": 8, "pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}


def test_a_plain_transformers_folder_is_pooled_by_the_mean(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"neither config\.json nor modules\.json is there"):
        read_layout(tmp_path)
    write_json(tmp_path / "config.json", {})
    layout = read_layout(tmp_path)

    assert (layout.pooling, layout.dense, layout.max_tokens) == ("mean", (), None)
    assert layout.prompts == {"passage": "", "query": ""}


@pytest.mark.parametrize(
    ("config", "pooling"),
    [
        (MEAN, "mean"),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode_max_tokens": True}, "max"),
        ({"pooling_mode_lasttoken": True}, "lasttoken"),
        ({"embedding_dimension": 8, "pooling_mode": "cls", "include_prompt": True}, "cls"),
        ({"pooling_mode": ["mean_sqrt_len_tokens"]}, "mean_sqrt_len_tokens"),
    ],
)
def test_pooling_is_read_in_both_of_its_spellings(tmp_path: Path, config: dict[str, object], pooling: str) -> None:
    assert read_layout(write(tmp_path, ["Transformer", "Pooling", "Normalize"], config)).pooling == pooling


@pytest.mark.parametrize(
    "config",
    [
        {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True},
        {"pooling_mode_weightedmean_tokens": True},
        {"pooling_mode_mean_tokens": True, "pooling_mode_weightedmean_tokens": True},
        {"pooling_mode": "weightedmean"},
        {"pooling_mode": "mean", "include_prompt": False},
        {},
    ],
)
def test_pooling_of_another_kind_is_left_to_sentence_transformers(tmp_path: Path, config: dict[str, object]) -> None:
    assert read_layout(write(tmp_path, ["Transformer", "Pooling"], config)).pooling is None


@pytest.mark.parametrize(
    "kinds",
    [
        ["CLIPModel"],
        ["Transformer", "Pooling", "Normalize", "Dense"],
        ["Transformer", "Normalize"],
        ["Transformer", "Pooling", "Pooling"],
        ["Transformer", "Pooling", "CLIPModel"],
    ],
)
def test_modules_in_another_order_are_left_to_sentence_transformers(tmp_path: Path, kinds: list[str]) -> None:
    write_json(tmp_path / "2_Dense" / "config.json", {})
    assert read_layout(write(tmp_path, kinds, MEAN)).pooling is None


@pytest.mark.parametrize("modules", [[], {}, None, ["Transformer"], [{"type": "x.Transformer"}]])
def test_a_list_of_modules_that_is_none_is_refused(tmp_path: Path, modules: object) -> None:
    write_json(tmp_path / "modules.json", modules)
    with pytest.raises(EncoderError, match=r"modules\.json is no list of modules"):
        read_layout(tmp_path)


def test_modules_of_a_models_own_code_are_left_to_sentence_transformers(tmp_path: Path) -> None:
    folder = write(tmp_path, ["Transformer", "Pooling"], MEAN)
    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    modules[0]["type"] = "custom_st.Transformer"
    write_json(folder / "modules.json", modules)
    assert read_layout(folder).pooling is None


@pytest.mark.parametrize("kind", ["SparseEncoder", "CrossEncoder"])
def test_a_model_without_one_vector_of_a_text_is_refused(tmp_path: Path, kind: str) -> None:
    folder = write(tmp_path, ["Transformer", "Pooling"], MEAN)
    write_json(folder / "config_sentence_transformers.json", {"model_type": kind})
    with pytest.raises(EncoderError, match=f"it is a {kind}"):
        read_layout(folder)


def test_a_plain_folder_that_judges_texts_is_refused(tmp_path: Path) -> None:
    write_json(tmp_path / "config.json", {"architectures": ["BertForSequenceClassification"]})
    with pytest.raises(EncoderError, match="it is a BertForSequenceClassification"):
        read_layout(tmp_path)


def test_a_model_that_reads_its_padding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="reads the padding"):
        read_layout(write(tmp_path, ["Transformer", "CNN", "Pooling"], MEAN))


@pytest.mark.parametrize(
    ("config", "pooling"),
    [
        ({"activation_function": "torch.nn.modules.activation.Tanh", "use_residual": False}, "mean"),
        ({"activation_function": "torch.nn.modules.activation.Mish"}, None),
        ({"use_residual": True}, None),
        ({"module_input_name": "token_embeddings"}, None),
    ],
)
def test_a_dense_layer_of_another_kind_is_left_to_sentence_transformers(
    tmp_path: Path, config: dict[str, object], pooling: str | None
) -> None:
    write_json(tmp_path / "2_Dense" / "config.json", config)
    assert read_layout(write(tmp_path, ["Transformer", "Pooling", "Dense"], MEAN)).pooling == pooling


def test_dense_layers_and_the_longest_text_are_found(tmp_path: Path) -> None:
    folder = write(tmp_path, ["Transformer", "Pooling", "Dense", "Normalize"], MEAN)
    write_json(folder / "2_Dense" / "config.json", {})
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": 128, "do_lower_case": False})

    layout = read_layout(folder)

    assert layout.dense == (DenseLayout(folder / "2_Dense", "Tanh"),)
    assert layout.max_tokens == 128


@pytest.mark.parametrize(
    ("prompts", "default", "expected"),
    [
        ({"query": "query: ", "document": "passage: "}, None, ("passage: ", "query: ")),
        ({"query": "q: ", "passage": "p: "}, "query", ("p: ", "q: ")),
        ({"query": "", "document": "", "corpus": "c: "}, None, ("c: ", "")),
        ({"query": "", "document": "", "find": "f: "}, "find", ("", "")),
        ({"retrieval": "find: "}, "retrieval", ("find: ", "find: ")),
        ({"query": "q: "}, None, ("", "q: ")),
    ],
)
def test_the_prompts_of_passages_and_queries_are_the_models_own(
    tmp_path: Path, prompts: dict[str, str], default: str | None, expected: tuple[str, str]
) -> None:
    folder = write(tmp_path, ["Transformer", "Pooling"], MEAN)
    write_json(folder / "config_sentence_transformers.json", {"prompts": prompts, "default_prompt_name": default})

    found = read_layout(folder).prompts
    assert (found["passage"], found["query"]) == expected


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text("[{", encoding="utf-8")

    with pytest.raises(EncoderError, match=r"modules\.json cannot be read"):
        read_layout(tmp_path)


def write(folder: Path, kinds: list[str], pooling: Mapping[str, object]) -> Path:
    modules = [
        {"idx": number, "name": str(number), "path": KINDS[kind], "type": f"sentence_transformers.models.{kind}"}
        for number, kind in enumerate(kinds)
    ]
    write_json(folder / "modules.json", modules)
    write_json(folder / "1_Pooling" / "config.json", pooling)
    return folder


def write_json(file: Path, value: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value), encoding="utf-8")
