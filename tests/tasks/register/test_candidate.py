from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pyarrow as pa

from tasks.register.candidate import REQUIREMENTS, batches, copy_code, questions, requirements, run_metrics
from tests.tasks.register.registering import evaluation_of


def test_metrics_have_names_that_mlflow_takes_and_their_bounds() -> None:
    found = run_metrics(evaluation_of(0.12))
    assert found["test.combination.ndcg_at_10"] == 0.12
    assert found["test.popularity.ndcg_at_10.low"] == 0.04
    assert len(found) == 9


def test_every_requirement_is_pinned_to_what_is_installed() -> None:
    found = dict(line.split("==") for line in requirements())
    assert found.keys() == set(REQUIREMENTS)
    assert found["numpy"] == metadata.version("numpy")
    assert "+" not in found["torch"], "a local version is on no index"


def test_the_code_is_what_the_model_runs_on_and_no_more(tmp_path: Path) -> None:
    code = copy_code(tmp_path)
    assert {path.name for path in code.iterdir()} == {"__init__.py", "errors.py", "retrieval"}
    assert (code / "retrieval" / "recommender.py").is_file()
    assert not list(code.rglob("__pycache__"))


def test_a_product_without_a_title_is_asked_for_by_its_id() -> None:
    products = pa.table({"product_id": ["p7"], "title": pa.array([None], pa.string())})
    assert [(row["task"], row["history"], row["query"]) for row in questions(products)] == [
        ("recommend", ["p7"], ""),
        ("search", [], "p7"),
    ]


def test_batches_hold_everything_once() -> None:
    assert list(batches([1, 2, 3, 4, 5], 2)) == [[1, 2], [3, 4], [5]]
    assert list(batches([])) == []
