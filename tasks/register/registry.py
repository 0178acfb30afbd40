"""MLflow: logs a candidate, tries it, keeps aliases and tags, and finds versions again."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from tasks.assets.asset import AssetRef
from tasks.assets.reports import EvaluationReport
from tasks.errors import CandidateRefusedError, UnavailableError, UsageError
from tasks.register.config import RegisterConfig

MODEL: Final = "recommender"
CHAMPION: Final = "champion"
CHALLENGER: Final = "challenger"
PREVIOUS: Final = "previous"
ASSET_TAG: Final = "asset."
REQUIREMENTS: Final = (
    "mlflow",
    "numpy",
    "pandas",
    "pyarrow",
    "safetensors",
    "scipy",
    "tokenizers",
    "torch",
    "transformers",
)
TASKS_FOLDER: Final = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Version:
    """A registered version: `tags` hold its review, `metrics` those of its run."""

    name: str
    version: str
    aliases: tuple[str, ...]
    tags: Mapping[str, str]
    metrics: Mapping[str, float]
    run_id: str
    created_at_ms: int

    @property
    def review(self) -> str:
        """`pending`, `approved`, `rejected`, or empty where the gate refused it."""
        return self.tags.get("review", "")

    @property
    def assets(self) -> tuple[AssetRef, ...]:
        """The recommender and the evaluation that the version was registered from."""
        return tuple(
            AssetRef(name.removeprefix(ASSET_TAG), value)
            for name, value in sorted(self.tags.items())
            if name.startswith(ASSET_TAG)
        )


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is to be registered, with what a reviewer needs to know of it."""

    folder: Path
    assets: tuple[AssetRef, ...]
    lineage: tuple[AssetRef, ...]
    digests: Mapping[str, str]
    evaluation: EvaluationReport
    card: str
    example: Mapping[str, Any]  # values of the model's input columns


class Registry:
    """One registered model in MLflow.

    Args:
        config: The address, the experiment, the model's name.
    """

    def __init__(self, config: RegisterConfig) -> None:
        from mlflow import MlflowClient

        self.config = config
        self.name = config.model_name
        self.uri = config.tracking_uri or ""
        _make_folder(self.uri)
        with self._asking():
            self.client = MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)

    def register(self, candidate: Candidate) -> Version:
        """Log a candidate with its evaluation, try it as it would be served, and register it without any alias.

        Raises:
            CandidateRefusedError: It cannot be served.
            UnavailableError: MLflow does not answer.
        """
        import mlflow

        with self._asking():
            mlflow.set_tracking_uri(self.uri)
            mlflow.set_registry_uri(self.uri)
            with mlflow.start_run(experiment_id=self._experiment(), run_name="register") as run:
                mlflow.set_tags({"pandian.lineage": ", ".join(map(str, candidate.lineage))[:7000]})
                mlflow.log_params({f"input.{ref.key}": ref.version for ref in candidate.lineage[:80]})
                mlflow.log_metrics(run_metrics(candidate.evaluation))
                mlflow.log_text(candidate.card, "card.md")
                mlflow.log_text(candidate.evaluation.model_dump_json(indent=1), "evaluation.json")
                mlflow.log_dict(dict(candidate.digests), "content_digests.json")
                logged = self._log_model(candidate)
                _try_serving(logged.model_uri, candidate)
                found = mlflow.register_model(logged.model_uri, self.name, tags=self._tags(candidate))
            self.client.update_model_version(self.name, found.version, description=candidate.card)
        return self.version(str(found.version), run_id=run.info.run_id)

    def version(self, version: str, *, run_id: str | None = None) -> Version:
        """Return a version.

        Raises:
            UsageError: There is none of that number.
        """
        from mlflow.exceptions import MlflowException

        try:
            found = self.client.get_model_version(self.name, version)
        except MlflowException as error:
            if error.error_code not in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
                raise _unavailable(self.uri, error) from error
            known = ", ".join(item.version for item in self.versions()) or "none"
            raise UsageError(
                problem=f"The model “{self.name}” has no version {version}.", fix=f"The versions are: {known}."
            ) from error
        with self._asking():
            run = self.client.get_run(run_id or str(found.run_id))
        return Version(
            name=self.name,
            version=str(found.version),
            aliases=tuple(sorted(found.aliases)),
            tags=dict(found.tags),
            metrics=dict(run.data.metrics),
            run_id=str(run.info.run_id),
            created_at_ms=int(found.creation_timestamp),
        )

    def versions(self) -> list[Version]:
        """Return all versions, the newest first."""
        with self._asking():
            found = self.client.search_model_versions(f"name='{self.name}'")
        numbers = sorted((int(item.version) for item in found), reverse=True)
        return [self.version(str(number)) for number in numbers]

    def by_alias(self, alias: str) -> Version | None:
        """Return the version of an alias, or None."""
        from mlflow.exceptions import MlflowException

        try:
            found = self.client.get_model_version_by_alias(self.name, alias)
        except MlflowException as error:
            if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
                return None
            raise _unavailable(self.uri, error) from error
        return self.version(str(found.version))

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

    def files(self, version: str) -> Path:
        """Return a local folder with a version's recommender."""
        import mlflow

        with self._asking():
            mlflow.set_tracking_uri(self.uri)
            mlflow.set_registry_uri(self.uri)
            found = mlflow.artifacts.download_artifacts(artifact_uri=f"models:/{self.name}/{version}")
            logged = mlflow.models.Model.load(found).flavors["python_function"]["artifacts"]["recommender"]
        return Path(found) / str(logged["path"])

    def card(self, version: str) -> str:
        """Return a version's model card."""
        with self._asking():
            return str(self.client.get_model_version(self.name, version).description or "")

    def check_served(self, version: str) -> None:
        """Ask a version a question as MLflow would serve it.

        Raises:
            CandidateRefusedError: It does not answer.
        """
        import mlflow

        with self._asking():
            mlflow.set_tracking_uri(self.uri)
            mlflow.set_registry_uri(self.uri)
        _validate(f"models:/{self.name}/{version}", f"{self.name} version {version}")

    def _log_model(self, candidate: Candidate) -> Any:  # MLflow's ModelInfo
        import mlflow
        import pandas as pd

        example = pd.DataFrame([candidate.example])
        with tempfile.TemporaryDirectory() as folder:
            code = _own_code(Path(folder))
            return mlflow.pyfunc.log_model(
                name=MODEL,
                python_model=str(TASKS_FOLDER / "register" / "serving.py"),
                artifacts={"recommender": str(candidate.folder)},
                code_paths=[str(code)],
                signature=_signature(),
                input_example=example,
                pip_requirements=[f"{name}=={_public(metadata.version(name))}" for name in REQUIREMENTS],
            )

    def _tags(self, candidate: Candidate) -> dict[str, str]:
        return {f"{ASSET_TAG}{ref.key}": ref.version for ref in candidate.assets}

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

        try:
            yield
        except MlflowException as error:
            raise _unavailable(self.uri, error) from error


def run_metrics(evaluation: EvaluationReport) -> dict[str, float]:
    """Return all metrics under names that MLflow accepts: `test.combination.ndcg_at_10`, and the bounds beside them."""
    found: dict[str, float] = {}
    for item in evaluation.metrics:
        name = f"{item.split}.{item.model}.{item.metric}"
        found |= {name: item.value, f"{name}.low": item.low, f"{name}.high": item.high}
    return found


def _signature() -> Any:  # MLflow's ModelSignature
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import Array, Object, Property

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
                ColSpec(text, "history", required=False),
                ColSpec(text, "query", required=False),
                ColSpec(DataType.long, "k", required=False),
            ]
        ),
        outputs=Schema([ColSpec(Array(product), "results")]),
    )


def _own_code(folder: Path) -> Path:
    """Copy what the model runs on, and no more, so that it loads where pandian is not installed."""
    code = folder / "tasks"
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(TASKS_FOLDER / "retrieval", code / "retrieval", ignore=ignored)
    for name in ("__init__.py", "errors.py"):
        shutil.copy(TASKS_FOLDER / name, code / name)
    return code


def _try_serving(model_uri: str, candidate: Candidate) -> None:
    _validate(model_uri, str(candidate.assets[0]))


def _validate(model_uri: str, name: str) -> None:
    import mlflow

    try:
        loaded = mlflow.models.Model.load(model_uri)
        payload = loaded.get_serving_input(mlflow.artifacts.download_artifacts(artifact_uri=model_uri))
        mlflow.models.validate_serving_input(model_uri, payload)
    except Exception as error:
        raise CandidateRefusedError(
            model=name,
            problem=f"it cannot be served: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
            fix="Look at the traceback with `--debug`; no alias was given.",
        ) from error


def _public(version: str) -> str:
    return version.split("+", maxsplit=1)[0]


def _make_folder(uri: str) -> None:
    if uri.startswith("sqlite:///"):
        Path(uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)


def _unavailable(uri: str, error: Exception) -> UnavailableError:
    return UnavailableError(
        source=uri,
        problem=f"MLflow says: {str(error).splitlines()[0]}",
        fix="Check that MLflow runs at mlflow.tracking_uri, then run again.",
    )


def metric_of(version: Version | None, metric: str) -> float | None:
    """Return a version's value of the combination's test metric, or None where it has none."""
    return None if version is None else version.metrics.get(f"test.combination.{metric}")


def exists(config: RegisterConfig) -> bool:
    """Return whether there is a registry to ask: a SQLite file that no run has made yet is none."""
    uri = config.tracking_uri or ""
    return not uri.startswith("sqlite:///") or Path(uri.removeprefix("sqlite:///")).is_file()


def newest_first(versions: Sequence[Version]) -> list[Version]:
    """Return versions ordered by their number, the newest first."""
    return sorted(versions, key=lambda item: int(item.version), reverse=True)
