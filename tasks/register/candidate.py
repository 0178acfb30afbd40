"""A candidate for the registry: what is logged of it, and the code that it is shipped with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Final, TypeVar

import pyarrow as pa

from tasks.assets.asset import AssetRef
from tasks.assets.reports import EvaluationReport
from tasks.assets.specs import SPLIT

T = TypeVar("T")

REQUIREMENTS: Final = (
    "huggingface-hub",
    "mlflow",
    "numpy",
    "pandas",
    "pyarrow",
    "safetensors",
    "scipy",
    "sentence-transformers",
    "tokenizers",
    "torch",
    "transformers",
)
TASKS_FOLDER: Final = Path(__file__).parents[1]
LONGEST_DESCRIPTION: Final = 5000
"""MLflow's column for a version's description holds no more."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is to be registered.

    Args:
        folder: The recommender's files.
        assets: The recommender and its evaluation, which a review must find again.
        digests: Every asset it was made from, itself and its evaluation, with their content digests.
        questions: What it is tried with, as rows of the model's input; also its input example.
        measures: The metrics of the evaluation's manifest.
        training: The metrics of the encoder's manifest.
    """

    folder: Path
    assets: tuple[AssetRef, ...]
    digests: Mapping[AssetRef, str]
    evaluation: EvaluationReport
    questions: Sequence[Mapping[str, Any]]  # values of the model's input columns
    measures: Mapping[str, Any] = field(default_factory=dict)  # texts and numbers
    training: Mapping[str, Any] = field(default_factory=dict)  # texts and numbers

    @property
    def reviewed(self) -> dict[AssetRef, str]:
        """The recommender and its evaluation with their content digests: what a review is about."""
        return {ref: self.digests[ref] for ref in self.assets}

    @property
    def split(self) -> str | None:
        """The version of the split that it was measured on."""
        return next((ref.version for ref in self.digests if ref.key == SPLIT.key), None)

    @property
    def inputs(self) -> dict[AssetRef, str]:
        """The assets that a reader of the run asks for: all but the single source files."""
        return {ref: digest for ref, digest in self.digests.items() if not ref.key.startswith("shards/")}

    @property
    def lineage(self) -> str:
        """Every asset with its content digest, as JSON."""
        return json.dumps({str(ref): digest for ref, digest in self.digests.items()}, indent=1)


def run_metrics(evaluation: EvaluationReport) -> dict[str, float]:
    """Return all metrics under names that MLflow accepts: `test.combination.ndcg_at_10`, and the bounds beside them."""
    found: dict[str, float] = {}
    for item in evaluation.metrics:
        name = f"{item.split}.{item.model}.{item.metric}"
        found |= {name: item.value, f"{name}.low": item.low, f"{name}.high": item.high}
    return found


def requirements() -> list[str]:
    """Return what the model runs on, each package pinned to the version that it was tried with."""
    return [f"{name}=={metadata.version(name).split('+', maxsplit=1)[0]}" for name in REQUIREMENTS]


def copy_code(folder: Path) -> Path:
    """Copy what the model runs on, and no more, so that it loads where pandian is not installed."""
    code = folder / "tasks"
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(TASKS_FOLDER / "retrieval", code / "retrieval", ignore=ignored)
    for name in ("__init__.py", "errors.py"):
        shutil.copy(TASKS_FOLDER / name, code / name)
    return code


def description(card: str) -> str:
    """Return a card short enough for a version's description: whole sections, and where the rest is."""
    if len(card) <= LONGEST_DESCRIPTION:
        return card
    rest = "\n\nThe whole card is `card.md` among the run's artifacts.\n"
    kept = card[: LONGEST_DESCRIPTION - len(rest)]
    return kept[: max(kept.rfind("\n## "), 0) or kept.rfind("\n")].rstrip() + rest


def batches(items: Sequence[T], size: int = 100) -> Iterator[Sequence[T]]:
    """Yield a sequence in parts of at most `size`, which is what MLflow takes at once."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def questions(products: pa.Table) -> list[dict[str, object]]:
    """Return one question of each kind that the first of some products answers.

    Args:
        products: The recommender's catalogue, with product_id and title; not empty.
    """
    first = products.slice(0, 1).to_pylist()[0]
    nothing = {"user_id": "", "history": [], "query": ""}  # no None: MLflow would write it as NaN, which is no JSON
    return [
        {"task": "recommend", **nothing, "history": [first["product_id"]], "k": 3},
        {"task": "search", **nothing, "query": first["title"] or first["product_id"], "k": 3},
    ]
