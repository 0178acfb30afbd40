from __future__ import annotations

import math

import pytest
import torch

from tasks.finetune.loss import info_nce


def loss_of(is_masked: list[bool] | None = None, log_frequency: list[float] | None = None) -> float:
    vectors = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    found = info_nce(
        vectors,
        torch.tensor([0]),
        torch.tensor([1]),
        is_masked=torch.tensor([is_masked or [True, False, False]]),
        log_frequency=torch.tensor(log_frequency or [0.0, 0.0, 0.0]),
        temperature=0.5,
    )
    return float(found)


def test_the_loss_is_the_surprise_at_the_positive() -> None:
    assert loss_of() == pytest.approx(math.log(1 + math.exp(2)))


def test_what_is_masked_does_not_count() -> None:
    assert loss_of(is_masked=[True, False, True]) == pytest.approx(0.0)


def test_a_frequent_negative_counts_less() -> None:
    assert loss_of(log_frequency=[0.0, 0.0, 1.0]) == pytest.approx(math.log(1 + math.exp(1)))
