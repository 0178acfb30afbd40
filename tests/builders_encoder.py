"""Encoders for tests: a deterministic one without weights, and small real models in a folder."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.retrieval.hardware import Precision
from tasks.retrieval.layout import TextKind
from tasks.retrieval.weights import packaged_folder


@dataclass(frozen=True)
class HashEncoder:
    """Adds up one fixed random vector per word: texts that share words are near each other."""

    dimension: int = 64
    name: str = "hash"
    precision: Precision = "fp32"

    @property
    def digest(self) -> str:
        return f"hash-{self.dimension}"

    def encode(self, texts: Sequence[str], kind: TextKind = "passage") -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in enumerate(texts):
            for word in text.casefold().split():
                vectors[row] += self._word(word)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: NDArray[np.float32] = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
        return unit

    def _word(self, word: str) -> NDArray[np.float32]:
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")
        return np.random.default_rng(seed).standard_normal(self.dimension).astype(np.float32)


def write_encoder(
    folder: Path, *, seed: int = 0, dimension: int = 32, pooling: str = "mean", family: str = "bert"
) -> Path:
    """Write a model of two layers with random weights, as sentence-transformers would: it loads, it is not clever.

    `family` is one of transformers' model types; all of them share one vocabulary.
    """
    import torch
    from transformers import AutoConfig, AutoModel

    torch.manual_seed(seed)
    vocabulary = write_tokenizer(folder)
    config = AutoConfig.for_model(
        family,
        vocab_size=len(vocabulary),
        hidden_size=dimension,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=2 * dimension,
        max_position_embeddings=64,
        pad_token_id=vocabulary["[PAD]"],
    )
    if family == "distilbert":
        config.hidden_dim = 2 * dimension  # its own name for the width within a layer
    AutoModel.from_config(config).save_pretrained(folder)
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
    ]
    (folder / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    (folder / "1_Pooling").mkdir(exist_ok=True)
    pool = {"embedding_dimension": dimension, "pooling_mode": pooling, "include_prompt": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pool), encoding="utf-8")
    (folder / "2_Normalize").mkdir(exist_ok=True)
    (folder / "2_Normalize" / "config.json").write_text("{}", encoding="utf-8")
    return folder


def write_word_vectors(folder: Path, *, pooling: str | None = None) -> Path:
    """Write a model without a transformer: a text has the mean of its tokens' own vectors, or another pooling."""
    import numpy as np
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, WordEmbeddings
    from sentence_transformers.sentence_transformer.modules.tokenizer import WhitespaceTokenizer

    if pooling is None:
        modules = [_static_embedding(folder, seed=0)]
    else:
        words = ["red", "blue", "pen"]
        weights = np.random.default_rng(0).standard_normal((len(words), 32))
        modules = [WordEmbeddings(WhitespaceTokenizer(words), weights), Pooling(32, pooling)]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder))
    return folder


def write_router(folder: Path) -> Path:
    """Write a model that has other word vectors for queries than for documents."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Router

    router = Router.for_query_document([_static_embedding(folder, seed=0)], [_static_embedding(folder, seed=1)])
    SentenceTransformer(modules=[router], device="cpu").save(str(folder))
    return folder


def _static_embedding(folder: Path, *, seed: int) -> Any:  # sentence-transformers ships no types
    import torch
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from transformers import AutoTokenizer

    torch.manual_seed(seed)
    write_tokenizer(folder / "tokenizer")
    return StaticEmbedding(AutoTokenizer.from_pretrained(folder / "tokenizer"), embedding_dim=32)


def write_byte_encoder(folder: Path) -> Path:
    """Write a plain transformers model that reads bytes, whose tokenizer is Python alone."""
    import torch
    from transformers import ByT5Tokenizer, T5Config, T5EncoderModel

    torch.manual_seed(0)
    ByT5Tokenizer().save_pretrained(folder)
    config = T5Config(vocab_size=384, d_model=32, d_kv=16, d_ff=64, num_layers=2, num_heads=2)
    T5EncoderModel(config).save_pretrained(folder)
    return folder


def write_first_layer(folder: Path) -> Path:
    """Write the packaged encoder without all of its layers but the first: it knows words, at a sixth of the work."""
    from transformers import AutoModel
    from transformers.utils import logging

    shutil.copytree(packaged_folder(), folder, ignore=shutil.ignore_patterns("*.safetensors", "*.bin", "*.onnx"))
    told = logging.get_verbosity()
    logging.set_verbosity_error()  # it tells of the layers that are left out
    AutoModel.from_pretrained(packaged_folder(), num_hidden_layers=1).save_pretrained(folder)
    logging.set_verbosity(told)
    return folder


def write_prompts(folder: Path, **prompts: str) -> Path:
    """Let an encoder's folder name prompts, as sentence-transformers would."""
    wording = {"prompts": prompts, "default_prompt_name": None, "similarity_fn_name": "cosine"}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(wording), encoding="utf-8")
    return folder


def write_tokenizer(folder: Path) -> dict[str, int]:
    """Write a tokenizer that knows letters, digits and a few words, and return its vocabulary."""
    from transformers import BertTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    letters = [chr(code) for code in (*range(ord("a"), ord("z") + 1), *range(ord("0"), ord("9") + 1))]
    words = ["red", "blue", "green", "pen", "paper", "stapler", "marker", "binder", "tape", "folder", "office"]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    entries = [*special, ".", ",", *letters, *(f"##{letter}" for letter in letters), *words]
    vocabulary = {word: number for number, word in enumerate(entries)}
    tokenizer = BertTokenizerFast(vocab=vocabulary, model_max_length=64)
    tokenizer.save_pretrained(folder)
    return vocabulary
