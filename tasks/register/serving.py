"""The registered model as MLflow serves it: this file is its code, logged with it (models from code).

One row asks one question, by the column `task`: `recommend` (with `user_id`, with `history`, a list of product ids or
the same as JSON, or with both), or `search` (with `query`). `k` is how many answers are wanted, 10 if it is not given.
Who is unknown says so with an empty history. MLflow leaves out columns that the signature does not have, so a row that
lacks what its task needs is refused: the column may have been misspelt.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd

COLUMNS = frozenset({"task", "user_id", "history", "query", "k"})
TASKS = ("recommend", "search")
MOST = 1000


class RecommenderModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc,name-defined]  # MLflow's base has no types
    """Answers rows of questions with lists of products."""

    def load_context(self, context: Any) -> None:  # MLflow's context
        """Load the recommender from the model's own files."""
        from tasks.retrieval.recommender import Recommender

        self.recommender = Recommender.load(Path(context.artifacts["recommender"]))

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:  # MLflow's
        """Return, for each row, its `results`: products with title, score and reasons, best first.

        Raises:
            ValueError: A row asks for what there is not; the message names the row and what is allowed.
        """
        unknown = sorted(set(map(str, model_input.columns)) - COLUMNS)
        if unknown:
            raise ValueError(f"Unknown columns {unknown}; the columns are {sorted(COLUMNS)}.")
        rows = model_input.astype(object).where(model_input.notna(), None).to_dict("records")
        return pd.DataFrame({"results": [self._answer(number, row) for number, row in enumerate(rows)]})

    def _answer(self, number: int, row: Mapping[Any, Any]) -> list[dict[str, Any]]:  # values as MLflow delivers them
        k = _count(number, row.get("k"))
        task = row.get("task")
        if task == "search":
            query = row.get("query")
            if not isinstance(query, str) or not query.strip():
                raise ValueError(f"Row {number}: a search needs words in `query`.")
            found = self.recommender.search(query, k)
        elif task == "recommend":
            user, history = row.get("user_id"), row.get("history")
            if user is None and history is None:
                raise ValueError(f"Row {number}: a recommendation needs `user_id` or `history`; [] is an empty one.")
            found = self.recommender.recommend(_user(number, user), _history(number, history), k)
        else:
            raise ValueError(f"Row {number}: `task` is one of {list(TASKS)}, not {task!r}.")
        return [{**asdict(item), "reasons": list(item.reasons)} for item in found]


def _count(number: int, value: object) -> int:
    if value is None:
        return 10
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= MOST or value != int(value):
        raise ValueError(f"Row {number}: `k` is a whole number from 1 to {MOST}, not {value!r}.")
    return int(value)


def _user(number: int, value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    raise ValueError(f"Row {number}: `user_id` is a text, not {value!r}.")


def _history(number: int, value: object) -> list[str]:
    if value is None or value == "":
        return []
    try:
        parsed = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        parsed = None
    parsed = list(parsed) if isinstance(parsed, np.ndarray | tuple) else parsed
    if not isinstance(parsed, list) or not all(isinstance(item, str) for item in parsed):
        raise ValueError(f"Row {number}: `history` is a list of product ids, or the same as JSON, not {value!r}.")
    return parsed


if __name__ == "__main__" or __name__.startswith("code_model"):
    mlflow.models.set_model(RecommenderModel())
