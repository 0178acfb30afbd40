from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel, RobertaConfig, RobertaModel

from tasks.retrieval import packed_bert
from tasks.retrieval.hardware import Precision
from tasks.retrieval.packed_bert import PackedBert, can_pack
from tasks.retrieval.padded import PaddedTransformer
from tasks.retrieval.pooling import load_head

CPU = torch.device("cpu")
PAD = 1
SIZES: dict[str, Any] = {
    "vocab_size": 90,
    "hidden_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 96,
    "max_position_embeddings": 130,
    "pad_token_id": PAD,
}
HEAD = load_head("mean", (), 48, CPU)


@pytest.fixture(scope="module", params=["bert", "roberta"])
def model(request: pytest.FixtureRequest) -> Any:
    torch.manual_seed(5)
    made = BertModel(BertConfig(**SIZES)) if request.param == "bert" else RobertaModel(RobertaConfig(**SIZES))
    for weight in made.parameters():  # as untrained weights come, a model hardly looks at its input
        torch.nn.init.normal_(weight, std=0.3) if weight.dim() == 2 else torch.nn.init.normal_(weight, mean=0.5)
    return made.eval()


@pytest.fixture(scope="module")
def rows() -> list[np.ndarray]:
    random = np.random.default_rng(3)
    lengths = sorted([3, 3, 3, 7, 7, 12, 40, 40, 119, 120, 120], reverse=True)
    return [random.integers(2, 90, length) for length in lengths]


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-5), ("bf16", 0.05)])
def test_it_computes_what_transformers_does(
    model: Any, rows: list[np.ndarray], precision: Precision, tolerance: float
) -> None:
    expected = PaddedTransformer(model, HEAD, PAD).vectors(rows)

    found = PackedBert(model, HEAD, precision).vectors(rows)

    assert found.dtype == torch.float32
    assert torch.allclose(found, expected, atol=tolerance)
    assert (found * expected).sum(1).min() > 1 - tolerance / 10


def test_it_computes_the_same_without_onednns_layout(
    model: Any, rows: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = PackedBert(model, HEAD, "fp32").vectors(rows)
    monkeypatch.setattr("tasks.retrieval.linear.can_lay_out", lambda dtype: False)

    assert torch.allclose(PackedBert(model, HEAD, "fp32").vectors(rows), expected, atol=1e-5)


def test_scores_in_small_blocks_give_the_same(
    model: Any, rows: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = PackedBert(model, HEAD, "fp32").vectors(rows)
    monkeypatch.setattr(packed_bert, "SCORE_CELLS", 1)

    assert torch.allclose(PackedBert(model, HEAD, "fp32").vectors(rows), expected, atol=1e-6)


@pytest.mark.parametrize("shift", [0.0, 60.0, 300.0, -60.0, -300.0])
def test_attention_in_bf16_holds_where_exponentials_do_not(shift: float) -> None:
    query, key, value = torch.randn(3, 2, 40, 8, generator=torch.Generator().manual_seed(1)).bfloat16()
    query[..., 0], key[..., 0] = abs(shift) ** 0.5, np.sign(shift) * abs(shift) ** 0.5
    exact = torch.softmax(torch.bmm(query, key.mT).double(), dim=-1) @ value.double()

    found = packed_bert._mixed(query, key.mT, value)

    assert torch.allclose(found.double(), exact, atol=0.02)


def test_only_what_is_computed_alike_is_packed(model: Any) -> None:
    assert can_pack(model.config, CPU)
    assert not can_pack(model.config, torch.device("cuda"))
    for name, value in {"model_type": "mpnet", "hidden_act": "gelu_new", "is_decoder": True}.items():
        other = copy.deepcopy(model.config)
        setattr(other, name, value)
        assert not can_pack(other, CPU), name
