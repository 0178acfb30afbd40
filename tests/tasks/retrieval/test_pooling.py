from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tasks.errors import EncoderError
from tasks.retrieval.layout import DenseLayout, Pooling
from tasks.retrieval.pooling import load_head, pool

HIDDEN = torch.tensor([[[1.0, 2.0], [3.0, -4.0], [9.0, 9.0]], [[5.0, 6.0], [9.0, 9.0], [9.0, 9.0]]])
MASK = torch.tensor([[1, 1, 0], [1, 0, 0]])
CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("pooling", "first"),
    [
        ("mean", [2.0, -1.0]),
        ("cls", [1.0, 2.0]),
        ("max", [3.0, 2.0]),
        ("lasttoken", [3.0, -4.0]),
        ("mean_sqrt_len_tokens", [4 / 2**0.5, -2 / 2**0.5]),
    ],
)
def test_padding_never_counts(pooling: Pooling, first: list[float]) -> None:
    found = pool(HIDDEN, MASK, pooling)

    assert found[0].tolist() == pytest.approx(first)
    assert found[1].tolist() == [5.0, 6.0]


@pytest.mark.parametrize("pooling", ["mean", "cls", "max", "lasttoken", "mean_sqrt_len_tokens"])
def test_no_mask_means_no_padding(pooling: Pooling) -> None:
    assert torch.equal(pool(HIDDEN, None, pooling), pool(HIDDEN, torch.ones(2, 3, dtype=torch.int64), pooling))


def test_vectors_are_of_unit_length_and_float32() -> None:
    head = load_head("mean", (), 2, CPU)

    found = head.finish(pool(HIDDEN.bfloat16(), MASK, head.pooling))

    assert found.dtype == torch.float32
    assert found.norm(dim=1).tolist() == pytest.approx([1, 1])
    assert head.dimension == 2


def test_a_dense_layer_changes_the_dimension(tmp_path: Path) -> None:
    write_dense(tmp_path)

    head = load_head("mean", (DenseLayout(tmp_path, "Identity"),), 2, CPU)

    assert head.dimension == 3
    assert head.finish(torch.tensor([[2.0, 1.0]]))[0].tolist() == pytest.approx([2 / 14**0.5, 1 / 14**0.5, 3 / 14**0.5])


def test_a_dense_layer_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="a dense layer cannot be read"):
        load_head("mean", (DenseLayout(tmp_path, "Identity"),), 2, CPU)


def write_dense(folder: Path) -> None:
    weights = {"linear.weight": torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), "linear.bias": torch.zeros(3)}
    save_file(weights, folder / "model.safetensors")
