from __future__ import annotations

import numpy as np
import pytest

from tasks.evaluate.weights import learned_weights, ndcg_of
from tasks.retrieval.combination import Candidates, candidates_of
from tasks.retrieval.metrics import Judged, ranking_metrics
from tasks.retrieval.ranked import Ranked


def noisy_part(targets: np.ndarray, hit_share: float, seed: int) -> Ranked:
    """A part that ranks the target first for a share of users and 20 random products behind it."""
    rng = np.random.default_rng(seed)
    products = np.stack([rng.choice(500, 21, replace=False) for _ in targets]).astype(np.int32)
    knows = rng.random(len(targets)) < hit_share
    products[knows, 0] = targets[knows]
    return Ranked(products, np.tile(np.linspace(1, 0.1, 21, dtype=np.float32), (len(targets), 1)))


def contest(*shares: float) -> tuple[Candidates, list[np.ndarray]]:
    targets = np.random.default_rng(9).integers(500, 900, 300).astype(np.int32)
    parts = {f"part{i}": noisy_part(targets, share, i) for i, share in enumerate(shares)}
    return candidates_of(parts), [np.array([target]) for target in targets]


def test_the_metric_is_the_one_that_is_reported() -> None:
    candidates, targets = contest(0.5, 0.3)
    weights = {"part0": 0.7, "part1": 0.3}
    ranked = candidates.ranked(weights, 10)
    judged = Judged(np.arange(len(targets) + 1), np.concatenate(targets).astype(np.int64), np.ones(len(targets)))
    expected = ranking_metrics(ranked.products, judged, 10).ndcg.mean()
    assert ndcg_of(candidates, targets)(candidates.weighted(weights)) == pytest.approx(expected, abs=1e-3)


def test_a_part_that_knows_more_weighs_more_and_weights_sum_to_one() -> None:
    weights = learned_weights(*contest(0.6, 0.2))
    assert weights["part0"] > weights["part1"]
    assert sum(weights.values()) == pytest.approx(1, abs=1e-3)


def test_the_combination_is_never_worse_than_its_best_part_on_what_it_learned_from() -> None:
    candidates, targets = contest(0.5, 0.4, 0.0)
    metric = ndcg_of(candidates, targets)
    combined = metric(candidates.weighted(learned_weights(candidates, targets)))
    alone = [metric(candidates.weighted({f"part{j}": float(i == j) for j in range(3)})) for i in range(3)]
    assert combined > max(alone)


def test_more_targets_than_ten_are_measured_against_the_best_ten() -> None:
    falling = np.arange(12, 0, -1, dtype=np.float32)
    candidates = candidates_of({"a": Ranked(np.arange(12, dtype=np.int32)[None], falling[None])})
    assert ndcg_of(candidates, [np.arange(12, dtype=np.int32)])(candidates.weighted({"a": 1.0})) == pytest.approx(1.0)
