"""Where training's curves go while it runs: MLflow, or nowhere."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

from tasks.errors import UnavailableError
from tasks.finetune.config import FinetuneConfig
from tasks.mlflow_errors import NOT_THERE, mlflow_error

RUN_FILE: Final = "mlflow-run.txt"
NOT_PARAMETERS: Final = frozenset({"tracking_uri", "artifact_location", "experiment"})


class Tracker(Protocol):
    """Takes what training measures, step by step."""

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Record the metrics of a step."""
        ...

    def finish(self, status: str) -> None:
        """Close the run as `FINISHED` or `FAILED`."""
        ...


class NoTracker:
    """Records nothing."""

    run_id: str | None = None

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Do nothing."""

    def finish(self, status: str) -> None:
        """Do nothing."""


class MlflowTracker:
    """Records in an MLflow run, which a resumed training goes on with.

    Args:
        config: Names the server, the experiment and the parameters to record.
        folder: Where the run's id is kept for a resumed training.
        tags: What the run is tagged with, for instance the version of the asset being made.

    Raises:
        UnavailableError: MLflow does not answer. This and the next go for every method.
        UsageError: MLflow refuses what it is asked, or who asks.
    """

    def __init__(self, config: FinetuneConfig, folder: Path, tags: Mapping[str, str]) -> None:
        from mlflow import MlflowClient

        self._uri = config.tracking_uri or ""
        self._client = MlflowClient(tracking_uri=self._uri)
        self.run_id: str = self._asked(lambda: self._run(config, folder / RUN_FILE, tags))

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Record the metrics of a step."""
        for name, value in metrics.items():
            self._asked(partial(self._client.log_metric, self.run_id, name, value, step=step))

    def finish(self, status: str) -> None:
        """Close the run."""
        self._asked(lambda: self._client.set_terminated(self.run_id, status=status))

    def _run(self, config: FinetuneConfig, file: Path, tags: Mapping[str, str]) -> str:
        found = self._resumed(file)
        if found is not None:
            return found
        run = self._client.create_run(_experiment(self._client, config), run_name="finetune", tags=dict(tags))
        run_id = str(run.info.run_id)
        for name, value in config.model_dump(mode="json", exclude=set(NOT_PARAMETERS)).items():
            self._client.log_param(run_id, name, value)
        file.write_text(run_id, encoding="utf-8")
        return run_id

    def _resumed(self, file: Path) -> str | None:
        """Open the run of an interrupted training again; None where there is none, or MLflow has lost it since."""
        from mlflow.exceptions import MlflowException

        if not file.is_file():
            return None
        run_id = file.read_text(encoding="utf-8")
        try:
            self._client.update_run(run_id, status="RUNNING")
        except MlflowException as error:
            if error.error_code not in NOT_THERE:
                raise
            return None
        return run_id

    def _asked(self, call: Callable[[], Any]) -> Any:  # what MLflow's client returns
        from mlflow.exceptions import MlflowException

        try:
            return call()
        except MlflowException as error:
            again = "run again: training goes on from its last checkpoint"
            raise mlflow_error(self._uri, error.error_code, error, again=again) from error


@contextlib.contextmanager
def tracked(config: FinetuneConfig, folder: Path, tags: Mapping[str, str]) -> Iterator[MlflowTracker | NoTracker]:
    """Yield the tracker that the configuration names, and close its run as the block ends: finished, or failed.

    Raises:
        UnavailableError: MLflow does not answer.
        UsageError: MLflow refuses what it is asked, or who asks.
    """
    tracker = MlflowTracker(config, folder, tags) if config.tracking_uri else NoTracker()
    try:
        yield tracker
    except UnavailableError:
        raise
    except BaseException:
        tracker.finish("FAILED")
        raise
    tracker.finish("FINISHED")


def _experiment(client: Any, config: FinetuneConfig) -> str:  # mlflow's client
    found = client.get_experiment_by_name(config.experiment)
    if found is not None:
        return str(found.experiment_id)
    return str(client.create_experiment(config.experiment, artifact_location=config.artifact_location))
