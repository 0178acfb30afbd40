from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tasks.errors import EncoderError
from tasks.retrieval.layout import read_layout

KINDS = {
    "Transformer": "",
    "Pooling": "1_Pooling",
    "Dense": "2_Dense",
    "Normalize": "3_Normalize",
    "CLIPModel": "0_CLIP",
}
MEAN = {"word_embedding_dimension": 8, "pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}


def test_a_plain_transformers_folder_is_pooled_by_the_mean(tmp_path: Path) -> None:
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
    ("config", "problem"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True}, "its pooling is cls, mean"),
        ({"pooling_mode_weightedmean_tokens": True}, "pooling_mode_weightedmean_tokens"),
        ({"pooling_mode": "weightedmean"}, "its pooling is weightedmean"),
        ({"pooling_mode": "mean", "include_prompt": False}, "leaves the prompt out"),
        ({}, "its pooling is"),
    ],
)
def test_pooling_that_cannot_be_honoured_is_refused(tmp_path: Path, config: dict[str, object], problem: str) -> None:
    with pytest.raises(EncoderError, match=problem):
        read_layout(write(tmp_path, ["Transformer", "Pooling"], config))


@pytest.mark.parametrize(
    ("kinds", "problem"),
    [
        (["CLIPModel"], "it has the modules CLIPModel"),
        (
            ["Transformer", "Pooling", "Normalize", "Dense"],
            "its modules stand as Transformer, Pooling, Normalize, Dense",
        ),
        (["Transformer", "Normalize"], "stand as Transformer, Normalize"),
        (["Transformer", "Pooling", "Pooling"], "stand as"),
    ],
)
def test_modules_that_cannot_be_honoured_are_refused(tmp_path: Path, kinds: list[str], problem: str) -> None:
    with pytest.raises(EncoderError, match=problem):
        read_layout(write(tmp_path, kinds, MEAN))


def test_dense_layers_and_the_longest_text_are_found(tmp_path: Path) -> None:
    folder = write(tmp_path, ["Transformer", "Pooling", "Dense", "Normalize"], MEAN)
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": 128, "do_lower_case": False})

    layout = read_layout(folder)

    assert layout.dense == (folder / "2_Dense",)
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
