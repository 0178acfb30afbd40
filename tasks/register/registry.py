"""MLflow: logs a candidate, tries it, keeps aliases and tags, and finds versions again."""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
import time
import uuid
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tasks.assets.asset import AssetRef
from tasks.assets.specs import REGISTRATION, SPLIT
from tasks.errors import UsageError
from tasks.mlflow_errors import NOT_THERE, mlflow_error
from tasks.register.candidate import (
    TASKS_FOLDER,
    Candidate,
    batches,
    copy_code,
    description,
    requirements,
    run_metrics,
)
from tasks.register.config import RegisterConfig
from tasks.register.gate import CANDIDATE, Champion

MODEL: Final = "recommender"
CHAMPION: Final = "champion"
CHALLENGER: Final = "challenger"
PREVIOUS: Final = "previous"
REJECTED: Final = "rejected"
ASSET_TAG: Final = "asset."
DIGEST_TAG: Final = "digest."
RECIPE_TAG: Final = "recipe"
CARD: Final = "card.md"
DIGEST_LENGTH: Final = 36
"""MLflow's column for a data set's digest holds no more."""


@dataclass(frozen=True, slots=True)
class Version:
    """A registered version: `tags` hold its review, `metrics` and `params` are those of its run."""

    name: str
    version: str
    aliases: tuple[str, ...]
    tags: Mapping[str, str]
    metrics: Mapping[str, float]
    params: Mapping[str, str]
    run_id: str
    created_at_ms: int

    @property
    def review(self) -> str:
        """`pending`, `approved`, `rejected` or `superseded`; empty where the gate refused it."""
        return review_of(self.tags)

    @property
    def assets(self) -> tuple[AssetRef, ...]:
        """The recommender and the evaluation that the version was registered from."""
        return tuple(
            AssetRef(name.removeprefix(ASSET_TAG), value)
            for name, value in sorted(self.tags.items())
            if name.startswith(ASSET_TAG)
        )

    @property
    def registration(self) -> AssetRef | None:
        """What the registry was told, as an asset; None where the version was not registered by the stocktake."""
        recipe = self.tags.get(RECIPE_TAG)
        return None if recipe is None else AssetRef(REGISTRATION.key, recipe)

    @property
    def split(self) -> str | None:
        """The version of the split that it was measured on."""
        return self.params.get(f"input.{SPLIT.key}")

    def digest(self, ref: AssetRef) -> str | None:
        """Return the content digest that an asset had when the version was registered, or None where none is named."""
        return self.tags.get(f"{DIGEST_TAG}{ref.key}")


@dataclass(frozen=True, slots=True)
class Logged:
    """A candidate in MLflow that is no version yet. `problem` says in words why it cannot be served."""

    run_id: str
    model_uri: str
    problem: str | None


class Registry:
    """One registered model in MLflow.

    Args:
        config: The address, the experiment, the model's name.

    Raises:
        UnavailableError: MLflow does not answer. This and the next go for every method.
        UsageError: MLflow refuses what it is asked, or who asks.
    """

    def __init__(self, config: RegisterConfig) -> None:
        from mlflow import MlflowClient

        self.config = config
        self.name = config.model_name
        self.uri = config.tracking_uri or ""
        _make_folder(self.uri)
        with self._asking():
            self.client = MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)

    def log(self, candidate: Candidate) -> Logged:
        """Log a candidate with its evaluation and its inputs in a run of its own, and try it as it would be served."""
        import mlflow

        with self._asking(), _unchanged_path():
            self._choose()
            with mlflow.start_run(experiment_id=self._experiment(), run_name="register") as run:
                run_id = str(run.info.run_id)
                self._log_facts(run_id, candidate)
                model_uri = str(self._log_model(candidate).model_uri)
                problem = self._trial(model_uri)
        return Logged(run_id, model_uri, problem)

    def publish(self, logged: Logged, card: str, tags: Mapping[str, str]) -> Version:
        """Make what was logged a version, without any alias. The tags are there from its first moment."""
        import mlflow

        with self._asking():
            self._choose()
            self.client.log_text(logged.run_id, card, CARD)
            return self._version(mlflow.register_model(logged.model_uri, self.name, tags=dict(tags)))

    def describe(self, version: str, card: str) -> None:
        """Show a version's card, shortened, as its description in MLflow."""
        with self._asking():
            self.client.update_model_version(self.name, version, description=description(card))

    def version(self, version: str) -> Version:
        """Return a version.

        Raises:
            UsageError: There is none of that number.
        """
        from mlflow.exceptions import MlflowException

        try:
            return self._version(self.client.get_model_version(self.name, version))
        except MlflowException as error:
            if error.error_code not in NOT_THERE:
                raise mlflow_error(self.uri, error.error_code, error) from error
            known = ", ".join(str(number) for number in sorted(self.tags())) or "none"
            raise UsageError(
                problem=f"The model “{self.name}” has no version {version}.", fix=f"The versions are: {known}."
            ) from error

    def versions(self) -> list[Version]:
        """Return all versions, the newest first."""
        return [self.version(str(number)) for number in sorted(self.tags(), reverse=True)]

    def tags(self) -> dict[int, dict[str, str]]:
        """Return the tags of all versions by their number, in one question to MLflow."""
        with self._asking():
            found = self.client.search_model_versions(f"name='{self.name}'")
        return {int(item.version): dict(item.tags) for item in found}

    def settled(self, tags: Mapping[str, str]) -> Version | None:
        """Return the one version that has all these tags, or None.

        Where several were made at once the first is the one, and the others are removed. MLflow counts versions up, so
        each of those who made them finds the first, and nobody removes it.
        """
        found = sorted(number for number, item in self.tags().items() if tags.items() <= item.items())
        for number in found[1:]:
            self._remove(str(number))
        return self.version(str(found[0])) if found else None

    def by_alias(self, alias: str) -> Version | None:
        """Return the version of an alias, or None."""
        from mlflow.exceptions import MlflowException

        try:
            return self._version(self.client.get_model_version_by_alias(self.name, alias))
        except MlflowException as error:
            if error.error_code in NOT_THERE:
                return None
            raise mlflow_error(self.uri, error.error_code, error) from error

    def set_tags(self, version: str, tags: Mapping[str, str]) -> None:
        """Set tags of a version."""
        with self._asking():
            for name, value in tags.items():
                self.client.set_model_version_tag(self.name, version, name, value)

    def set_alias(self, alias: str, version: str) -> None:
        """Let an alias name a version; another one that it named no longer has it."""
        with self._asking():
            self.client.set_registered_model_alias(self.name, alias, version)

    def drop_alias(self, alias: str) -> None:
        """Let an alias name nothing."""
        with self._asking():
            self.client.delete_registered_model_alias(self.name, alias)

    def files(self, version: str, cache: Path | None = None) -> Path:
        """Return a local folder with a version's recommender: MLflow's own where it is local, a copy otherwise.

        Args:
            version: The number.
            cache: Where copies are kept for the next time; without it each call downloads.
        """
        from mlflow.models import Model

        folder = self._folder(version, cache)
        with self._asking():
            logged = Model.load(str(folder)).flavors["python_function"]["artifacts"][MODEL]
        return folder / str(logged["path"])

    def card(self, version: str) -> str:
        """Return a version's model card."""
        import mlflow

        run_id = self.version(version).run_id
        with self._asking():
            self._choose()
            return str(mlflow.artifacts.load_text(f"runs:/{run_id}/{CARD}"))

    def problem_of(self, version: str) -> str | None:
        """Ask a version its questions as MLflow would serve it; return in words why it does not answer, or None."""
        with self._asking():
            self._choose()
            return self._trial(f"models:/{self.name}/{version}")

    def _remove(self, version: str) -> None:
        """Remove a version, unless somebody has decided about it, or was faster."""
        from mlflow.exceptions import MlflowException

        try:
            found = self.client.get_model_version(self.name, version)
            if not found.aliases and review_of(found.tags) in {"", "pending"}:
                self.client.delete_model_version(self.name, version)
        except MlflowException as error:
            if error.error_code not in NOT_THERE:
                raise mlflow_error(self.uri, error.error_code, error) from error

    def _choose(self) -> None:
        import mlflow

        mlflow.set_tracking_uri(self.uri)
        mlflow.set_registry_uri(self.uri)

    def _log_facts(self, run_id: str, candidate: Candidate) -> None:
        from mlflow.entities import Metric, Param

        now_ms = int(time.time() * 1000)
        metrics = [Metric(name, value, now_ms, 0) for name, value in run_metrics(candidate.evaluation).items()]
        params = [Param(f"input.{ref.key}", ref.version) for ref in candidate.inputs]
        for values in batches(metrics):
            self.client.log_batch(run_id, metrics=values)
        for names in batches(params):
            self.client.log_batch(run_id, params=names)
        for datasets in batches(_datasets(candidate)):
            self.client.log_inputs(run_id, datasets=datasets)
        self.client.log_text(run_id, candidate.evaluation.model_dump_json(indent=1), "evaluation.json")
        self.client.log_text(run_id, candidate.lineage, "lineage.json")

    def _log_model(self, candidate: Candidate) -> Any:  # MLflow's ModelInfo
        import mlflow
        import pandas as pd

        with tempfile.TemporaryDirectory() as folder:
            return mlflow.pyfunc.log_model(
                name=MODEL,
                python_model=str(TASKS_FOLDER / "register" / "serving.py"),
                artifacts={MODEL: str(candidate.folder)},
                code_paths=[str(copy_code(Path(folder)))],
                signature=_signature(),
                input_example=pd.DataFrame(list(candidate.questions)),
                pip_requirements=requirements(),
            )

    def _trial(self, model_uri: str) -> str | None:
        """Fetch a model and serve its input example; only the fetching is a matter of MLflow's being there."""
        import mlflow

        with tempfile.TemporaryDirectory() as copies:
            return _serving_problem(mlflow.artifacts.download_artifacts(artifact_uri=model_uri, dst_path=copies))

    def _folder(self, version: str, cache: Path | None) -> Path:
        import mlflow

        with self._asking():
            self._choose()
            uri = str(self.client.get_model_version_download_uri(self.name, version))
            if cache is None or uri.startswith(("file:", "/")):
                return Path(mlflow.artifacts.download_artifacts(artifact_uri=uri))
            kept = cache / "models" / uuid.uuid5(uuid.NAMESPACE_URL, f"{self.uri} {uri}").hex
            if not kept.is_dir():
                kept.parent.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryDirectory(dir=kept.parent) as draft:
                    found = mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=draft)
                    with contextlib.suppress(OSError):  # another process was faster; its copy is as good
                        Path(found).rename(kept)
            return kept

    def _version(self, found: Any) -> Version:  # MLflow's ModelVersion
        from mlflow.exceptions import MlflowException

        metrics, params = {}, {}
        try:
            run = self.client.get_run(str(found.run_id))
            metrics, params = dict(run.data.metrics), dict(run.data.params)
        except MlflowException as error:
            if error.error_code not in NOT_THERE:
                raise
        return Version(
            name=self.name,
            version=str(found.version),
            aliases=tuple(sorted(found.aliases)),
            tags=dict(found.tags),
            metrics=metrics,
            params=params,
            run_id=str(found.run_id),
            created_at_ms=int(found.creation_timestamp),
        )

    def _experiment(self) -> str:
        found = self.client.get_experiment_by_name(self.config.experiment)
        if found is not None:
            return str(found.experiment_id)
        return str(
            self.client.create_experiment(self.config.experiment, artifact_location=self.config.artifact_location)
        )

    @contextlib.contextmanager
    def _asking(self) -> Iterator[None]:
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import DatabaseError

        try:
            yield
        except MlflowException as error:
            raise mlflow_error(self.uri, error.error_code, error) from error
        except DatabaseError as error:  # which MLflow hands on while it opens its own
            raise UsageError(
                problem=f"MLflow cannot use its database “{self.uri}”: {str(error.orig).rstrip('.')}.",
                fix="Name one of MLflow's in `mlflow.tracking_uri`, or restore it.",
            ) from error


def review_of(tags: Mapping[str, str]) -> str:
    """Return the review among a version's tags, as a person may have typed it in MLflow."""
    return tags.get("review", "").strip().lower()


def standing(version: Version | None, config: RegisterConfig, split: str | None) -> Champion | None:
    """Return what the champion reached, or None where there is no champion or no value of it.

    Args:
        version: The champion.
        config: Which metric and which baseline the gate looks at.
        split: The version of the split that the candidate was measured on.
    """
    name = f"test.{CANDIDATE}.{config.metric}"
    if version is None or name not in version.metrics:
        return None
    value = version.metrics[name]
    return Champion(
        value=value,
        low=version.metrics.get(f"{name}.low", value),
        baseline=version.metrics.get(f"test.{config.baseline}.{config.metric}"),
        is_same_split=split is not None and split == version.split,
    )


def exists(config: RegisterConfig) -> bool:
    """Return whether there is a registry to ask: a SQLite file that no run has made yet is none."""
    uri = config.tracking_uri or ""
    return not uri.startswith("sqlite:///") or Path(uri.removeprefix("sqlite:///")).is_file()


def _datasets(candidate: Candidate) -> list[Any]:  # MLflow's DatasetInput
    """Return the inputs as MLflow's data sets, under our digests: MLflow's own look at the first rows alone."""
    from mlflow.entities import Dataset, DatasetInput

    return [
        DatasetInput(
            Dataset(
                name=ref.key,
                digest=digest[:DIGEST_LENGTH],
                source_type="pandian",
                source=json.dumps({"asset": str(ref), "content_digest": digest}),
            )
        )
        for ref, digest in candidate.inputs.items()
    ]


def _signature() -> Any:  # MLflow's ModelSignature
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import AnyType, Array, Object, Property

    text, number = DataType.string, DataType.double
    product = Object(
        [
            Property("product_id", text),
            Property("title", text),
            Property("score", number),
            Property("reasons", Array(text)),
        ]
    )
    return ModelSignature(
        inputs=Schema(
            [
                ColSpec(text, "task"),
                ColSpec(text, "user_id", required=False),
                ColSpec(AnyType(), "history", required=False),  # type: ignore[no-untyped-call]  # MLflow's; a list or JSON
                ColSpec(text, "query", required=False),
                ColSpec(DataType.long, "k", required=False),
            ]
        ),
        outputs=Schema([ColSpec(Array(product), "results")]),
    )


def _serving_problem(folder: str) -> str | None:
    from mlflow.models import Model, validate_serving_input

    try:
        payload = str(Model.load(folder).get_serving_input(folder))
        with warnings.catch_warnings(), _unchanged_path():
            # Its successor, `mlflow.models.predict`, imports everything again in a process of its own: ten seconds.
            warnings.simplefilter("ignore", FutureWarning)
            answer = validate_serving_input(folder, payload)
        asked, got = len(json.loads(payload)["dataframe_split"]["data"]), len(answer)
    except Exception as error:  # noqa: BLE001 - whatever the model raises is what a reviewer needs to know
        said = next(iter(str(error).splitlines()), "").replace(f"{folder}/", "")
        return f"It cannot be served: {type(error).__name__}: {said}"
    return None if asked == got else f"It cannot be served: asked {asked} questions, it answered {got}."


@contextlib.contextmanager
def _unchanged_path() -> Iterator[None]:
    """Take the model's code from the path of imports again, where MLflow leaves it in front of everybody else's."""
    path = list(sys.path)
    try:
        yield
    finally:
        sys.path[:] = path


def _make_folder(uri: str) -> None:
    if uri.startswith("sqlite:///"):
        Path(uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
