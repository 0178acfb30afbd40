"""The training loop: AdamW with warm-up, looks at a validation metric, checkpoints, and the best weights at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.finetune.batches import drawn_batch
from tasks.finetune.config import FinetuneConfig
from tasks.finetune.learner import Learner
from tasks.finetune.loss import info_nce
from tasks.finetune.pairs import Pairs
from tasks.finetune.tracking import Tracker
from tasks.finetune.validation import Validation

CHECKPOINT: Final = "checkpoint.pt"
LARGEST_GRADIENT: Final = 1.0
HISTORY_SCHEMA: Final = pa.schema(
    {"step": pa.int64(), "loss": pa.float64(), "validation_ndcg_at_10": pa.float64(), "learning_rate": pa.float64()}
)


@dataclass(frozen=True, slots=True)
class Lesson:
    """What an encoder is trained and validated on.

    Args:
        pairs: Texts that belong together.
        validation: Users whose next choices are ranked at every look.
        text_of: Per product of the catalogue, the position of its text in `pairs.texts`.
        queries: The judged queries among the texts, as `query_key` writes them.
    """

    pairs: Pairs
    validation: Validation
    text_of: NDArray[np.int64]
    queries: tuple[str, ...] = ()


@dataclass(slots=True)
class Progress:
    """How far training is; everything a resumed run needs beside weights and optimizer."""

    step: int = 0
    best_step: int = 0
    best_metric: float = -1.0
    looks_without_gain: int = 0
    resumed_from: int = 0
    rows: list[dict[str, float | int | None]] = field(default_factory=list)

    @property
    def kept(self) -> Literal["raw", "trained"]:
        """Whether the weights that are left are those it came with, or those of a later look."""
        return "trained" if self.best_step else "raw"

    @property
    def verdict(self) -> str:
        """What training brought, in words."""
        before = float(self.rows[0]["validation_ndcg_at_10"] or 0.0)
        if self.kept == "raw":
            return f"Training did not beat the raw encoder ({before:.4f} NDCG@10 in validation); that one is kept."
        return (
            f"Training raised NDCG@10 in validation from {before:.4f} to {self.best_metric:.4f}; "
            f"the weights of step {self.best_step} are kept."
        )

    def history(self) -> pa.Table:
        """Return step, loss (null before the first step), validation metric (null between looks), learning rate."""
        return pa.Table.from_pylist(self.rows, schema=HISTORY_SCHEMA)


def train(learner: Learner, lesson: Lesson, *, scratch: Path, tracker: Tracker) -> Progress:
    """Train a learner and leave the weights of its best look in it.

    Args:
        learner: The encoder; its configuration says how.
        lesson: What it learns from.
        scratch: Where checkpoints lie. One found there is gone on from.
        tracker: Where the curves go.
    """
    return _Training(learner, lesson, scratch / CHECKPOINT, tracker).run()


class _Training:
    def __init__(self, learner: Learner, lesson: Lesson, checkpoint: Path, tracker: Tracker) -> None:
        import torch

        self.learner, self.lesson, self.checkpoint, self.tracker = learner, lesson, checkpoint, tracker
        self.config = learner.config
        self.tokens = learner.tokenized(lesson.pairs.texts)
        self.lengths = np.array([len(ids) for ids in self.tokens], np.int64)
        self.optimizer = torch.optim.AdamW(
            learner.weights().values(), lr=self.config.learning_rate, weight_decay=self.config.weight_decay
        )
        self.log_frequency = lesson.pairs.log_frequency()
        self.progress = Progress()
        self.best = _copied(learner.weights())

    def run(self) -> Progress:
        if self.checkpoint.is_file():
            self._resume()
        else:
            self._look({"step": 0, "loss": None, "learning_rate": None})
        while self.progress.step < self.config.max_steps and not self._is_over():
            self._advance()
        self.learner.load(self.best)
        return self.progress

    def _is_over(self) -> bool:
        return self.progress.looks_without_gain >= self.config.patience

    def _advance(self) -> None:
        rate = learning_rate(self.progress.step, self.config)
        loss = self._step(rate)
        self.progress.step += 1
        row: dict[str, float | int | None] = {"step": self.progress.step, "loss": loss, "learning_rate": rate}
        self.tracker.log(self.progress.step, {"loss": loss, "learning_rate": rate})
        if self.progress.step % self.config.evaluate_every == 0 or self.progress.step == self.config.max_steps:
            self._look(row)
        else:
            self.progress.rows.append(row)
        if self.progress.step % self.config.checkpoint_every == 0:
            self._save()

    def _step(self, rate: float) -> float:
        import torch

        batch = drawn_batch(
            self.lesson.pairs,
            self.lengths,
            step=self.progress.step,
            seed=self.config.seed,
            most_pairs=self.config.batch_pairs,
            most_tokens=self.config.batch_tokens,
        )
        vectors = self.learner.vectors([self.tokens[text] for text in batch.texts], self.config.batch_tokens)
        loss = info_nce(
            vectors,
            torch.from_numpy(batch.anchors).to(vectors.device),
            torch.from_numpy(batch.positives).to(vectors.device),
            is_masked=torch.from_numpy(batch.is_masked).to(vectors.device),
            log_frequency=torch.from_numpy(self.log_frequency[batch.texts]).to(vectors.device),
            temperature=self.config.temperature,
        )
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        torch.nn.utils.clip_grad_norm_(self.learner.weights().values(), LARGEST_GRADIENT)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        return float(loss.detach())

    def _look(self, row: dict[str, float | int | None]) -> None:
        texts, place = np.unique(self.lesson.text_of[self.lesson.validation.products], return_inverse=True)
        vectors = self.learner.encode([self.tokens[text] for text in texts])[place]
        metric = self.lesson.validation.ndcg_at_10(vectors, device=self.config.device)
        self.tracker.log(self.progress.step, {"validation_ndcg_at_10": metric})
        self.progress.rows.append({**row, "validation_ndcg_at_10": metric})
        if metric > self.progress.best_metric:
            self.progress.best_metric, self.progress.best_step = metric, self.progress.step
            self.progress.looks_without_gain = 0
            self.best = _copied(self.learner.weights())
        else:
            self.progress.looks_without_gain += 1

    def _save(self) -> None:
        import torch

        state = {
            "progress": {name: getattr(self.progress, name) for name in Progress.__slots__},
            "weights": _copied(self.learner.weights()),
            "best": self.best,
            "optimizer": self.optimizer.state_dict(),
        }
        draft = self.checkpoint.with_suffix(".draft")
        torch.save(state, draft)
        draft.replace(self.checkpoint)

    def _resume(self) -> None:
        import torch

        state = torch.load(self.checkpoint, weights_only=True, map_location=self.learner.device)
        self.progress = Progress(**state["progress"])
        self.progress.resumed_from = self.progress.step
        self.learner.load(state["weights"])
        self.best = state["best"]
        self.optimizer.load_state_dict(state["optimizer"])


def learning_rate(step: int, config: FinetuneConfig) -> float:
    """Return the rate of a step: rising over the warm-up, then falling in a line to nearly nothing at the last step."""
    warmup = int(config.max_steps * config.warmup_share)
    if step < warmup:
        return config.learning_rate * (step + 1) / (warmup + 1)
    return config.learning_rate * (config.max_steps - step) / max(1, config.max_steps - warmup)


def _copied(weights: Mapping[str, Any]) -> dict[str, Any]:  # torch tensors by name
    return {name: weight.detach().clone() for name, weight in weights.items()}
