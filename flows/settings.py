"""The settings: `shop.yaml`, overridden by the environment. The only module that reads either."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, model_validator

from flows.yaml_text import UNREADABLE, read_yaml, why_unreadable
from tasks.analyze.config import AnalyzeConfig
from tasks.assets.address import MlflowAddress
from tasks.assets.recipe import StageConfig
from tasks.embed.config import EmbedConfig
from tasks.errors import SettingsError, UsageError, near_miss
from tasks.evaluate.config import EvaluateConfig
from tasks.finetune.config import FinetuneConfig, SplitConfig
from tasks.ingest.config import IngestConfig, SourceConfig
from tasks.inventory.config import InventoryConfig
from tasks.profile.config import ProfileConfig
from tasks.register.config import RegisterConfig
from tasks.retrieval.weights import DEFAULT_ENCODER
from tasks.schemas import CANONICAL
from tasks.validate.config import ValidateConfig

Part = TypeVar("Part", bound=StageConfig)

CONFIG_VARIABLE: Final = "PANDIAN_CONFIG"
PREFIX: Final = "PANDIAN_"
SEARCHED: Final = ("shop.yaml", "pandian-demo/shop.yaml")

QUIET: Final[Mapping[str, str]] = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    "PREFECT_LOGGING_FORMATTERS_STANDARD_FLOW_RUN_FMT": "%(asctime)s | %(message)s",
    "PREFECT_LOGGING_FORMATTERS_STANDARD_TASK_RUN_FMT": "%(asctime)s | %(message)s",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
"""No library that pandian uses may call home or fill the log with progress. A busy machine may start slowly, and a dead
server is given up soon."""


PATTERNS: Final[Mapping[str, str]] = {
    r"^[a-z0-9][a-z0-9-]*$": "lower case letters, digits and dashes, no dash first",
    r"^[a-z][a-z0-9_]*$": "lower case letters, digits and underscores, a letter first",
    r"^[A-Z]{3}$": "three capital letters, such as “EUR”",
    r"^\d+(\.\d+)?(MB|GB)$": "a number with its unit, such as “700MB” or “1.5GB”",
    r"^[1-9][0-9]*(MB|GB)$": "a whole number with its unit, such as “700MB” or “2GB”",
    r"^(auto|cpu|mps|cuda(:\d+)?)$": "“auto”, “cpu”, “mps”, “cuda”, or one such as “cuda:0”",
}
"""What the settings' patterns ask for, in words."""


class MlflowConfig(StageConfig):
    """Where models are tracked and registered."""

    tracking_uri: MlflowAddress | None = Field(
        None, description="MLflow's address, `sqlite:///…` or `http://…`; a SQLite file below `home` if not named."
    )
    artifact_location: MlflowAddress | None = Field(
        None, description="Where MLflow keeps files of runs; below `home` if not named. A server has its own."
    )


class Settings(StageConfig):
    """Everything a stocktake can be told: the shape of `shop.yaml`.

    Every field can be overridden by a variable `PANDIAN_FIELD`, a part of it by `PANDIAN_FIELD__PART`, written as YAML.
    """

    shop: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]*$", description="The shop's name: lower case letters, digits and dashes."
    )
    lake: str = Field(
        "lake",
        description="A folder, or `s3://bucket/prefix`, `gs://…`, `abfs://…`, for the assets. Here and in sources, "
        "`gs://` needs the package gcsfs (pandian's extra `gcs`), `abfs://` adlfs (extra `azure`).",
    )
    home: str = Field(".pandian", description="A folder for the databases of Prefect and MLflow on this machine.")
    sources: list[SourceConfig] = Field(min_length=1, description="Where the shop's tables come from.")
    owners: dict[str, str] = Field(default_factory=dict, description="Table name to the people who answer for it.")
    suites: str | None = Field(
        None, description="A folder with the shop's own Great Expectations suites, `TABLE.json` each."
    )
    mlflow: MlflowConfig = Field(
        default_factory=MlflowConfig, description="Where models are tracked and registered: server or file."
    )
    ingest: IngestConfig = Field(default_factory=IngestConfig, description="Reading and cleaning.")
    validate_: ValidateConfig = Field(default_factory=ValidateConfig, alias="validate", description="Suites.")
    profile: ProfileConfig = Field(default_factory=ProfileConfig, description="Statistics of columns and tables.")
    embed: EmbedConfig = Field(default_factory=EmbedConfig, description="Texts to vectors.")
    analyze: AnalyzeConfig = Field(default_factory=AnalyzeConfig, description="Clusters, duplicates, associations.")
    split: SplitConfig = Field(default_factory=SplitConfig, description="Behaviour into train, validation and test.")
    finetune: FinetuneConfig = Field(default_factory=FinetuneConfig, description="Training the encoder.")
    evaluate: EvaluateConfig = Field(default_factory=EvaluateConfig, description="Ranking metrics and the combination.")
    register_: RegisterConfig = Field(default_factory=RegisterConfig, alias="register", description="The gate.")
    inventory: InventoryConfig = Field(default_factory=InventoryConfig, description="The catalogue pages.")

    @model_validator(mode="after")
    def _owners_name_tables(self) -> Settings:
        unknown = sorted(set(self.owners) - set(self.tables))
        if unknown:
            raise ValueError(f"owners names tables that no source fills: {', '.join(unknown)}")
        return self

    @model_validator(mode="after")
    def _one_encoder(self) -> Settings:
        if "model" in self.finetune.model_fields_set and self.finetune.model != self.embed.encoder:
            raise ValueError("finetune.model differs from embed.encoder; name the encoder under embed alone")
        return self

    @property
    def tables(self) -> dict[str, list[SourceConfig]]:
        """Table name to its sources, in the order of the file."""
        found: dict[str, list[SourceConfig]] = {}
        for source in self.sources:
            found.setdefault(source.table, []).append(source)
        return found


def find_config(named: str | None = None) -> Path:
    """Return the configuration file: the one named, `$PANDIAN_CONFIG`, `shop.yaml`, or the demo's below this folder.

    Raises:
        UsageError: What is named is empty.
        SettingsError: There is none.
    """
    if named is not None and not named.strip():
        raise UsageError(
            problem="The configuration to run with is named, but its name is empty.",
            fix=f"Name one with `-c FILE`; for a deployment, deploy again with {CONFIG_VARIABLE} set, or give the run "
            "the path of shop.yaml as its parameter `config`.",
        )
    chosen = named or os.environ.get(CONFIG_VARIABLE)
    candidates = [Path(chosen)] if chosen else [Path(name) for name in SEARCHED]
    for path in candidates:
        if path.is_file():
            return path.resolve()
    by = "" if named or not chosen else f"{CONFIG_VARIABLE} names it, and "
    raise SettingsError(
        file=str(candidates[0]),
        problem=f"{by}there is no such file.",
        fix="Name one with `-c FILE`, or run `pandian demo` to see a shop that works.",
    )


def load_settings(config: str | None = None) -> Settings:
    """Return the settings of a shop, paths made absolute, and keep every library from calling home.

    Raises:
        SettingsError: The file is missing, is not YAML, or does not fit; every misfit is named.
    """
    quiet_environment()
    path = find_config(config)
    try:
        content = read_yaml(path.read_text(encoding="utf-8"))
    except UNREADABLE as error:
        raise SettingsError(file=str(path), problem=why_unreadable(error), fix="Write it as YAML in UTF-8.") from error
    if not isinstance(content, dict):
        raise SettingsError(file=str(path), problem="it holds no settings.", fix="Begin with `shop:` and `sources:`.")
    try:
        settings = Settings.model_validate(_overridden(content, os.environ))
    except ValidationError as error:
        raise _misfitting(path, error, content) from error
    return _resolved(settings, path.parent)


def quiet_environment() -> None:
    """Set what keeps Prefect, Great Expectations, MLflow and Hugging Face from calling home, unless it is set."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    if not sys.stderr.isatty():
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")


def names_prefect(environment: Mapping[str, str]) -> bool:
    """Return whether the environment names a Prefect server, a profile, or where Prefect keeps its own."""
    return not {"PREFECT_API_URL", "PREFECT_HOME", "PREFECT_PROFILE"}.isdisjoint(environment)


def has_named_prefect() -> bool:
    """Return whether this process's environment names a Prefect."""
    return names_prefect(os.environ)


def current_user() -> str:
    """Return the name of who runs this process."""
    return getpass.getuser()


def read_suite(settings: Settings, table: str) -> str | None:
    """Return the text of the shop's own suite for a table, or None where it has none."""
    if settings.suites is None:
        return None
    path = Path(settings.suites) / f"{table}.json"
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _overridden(content: dict[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:  # YAML values of any shape
    result = {**content}
    for name, (*parents, last) in _variables(environment).items():
        place = result
        for part in parents:
            if not isinstance(place.get(part) or {}, dict):
                raise SettingsError(
                    file=name, problem=f"`{part}` has no parts to name.", fix=f"Write all of `{part}` as YAML."
                )
            place[part] = {**(place.get(part) or {})}
            place = place[part]
        try:
            place[last] = read_yaml(environment[name])
        except UNREADABLE as error:
            raise SettingsError(file=name, problem=why_unreadable(error), fix="Write the value as YAML.") from error
    return result


def _variables(environment: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return the variables that override settings, each with the place that it names: `PANDIAN_EMBED__DEVICE`."""
    names = [name for name in environment if name.startswith(PREFIX) and name != CONFIG_VARIABLE]
    return {name: tuple(name.removeprefix(PREFIX).lower().split("__")) for name in names}


def origin_of(setting: str) -> str:
    """Return where a setting of the first level is written: in a variable, or in shop.yaml."""
    variable = f"{PREFIX}{setting.upper()}"
    return variable if variable in os.environ else f"`{setting}` in shop.yaml"


def _resolved(settings: Settings, base: Path) -> Settings:
    home = _path(settings.home, base)
    tracking = _based(settings.mlflow.tracking_uri or f"sqlite:///{home / 'mlflow' / 'mlflow.db'}", base)
    is_server = urlsplit(tracking).scheme in {"http", "https"}
    artifacts = settings.mlflow.artifact_location or (None if is_server else (home / "mlflow" / "artifacts").as_uri())
    mlflow = {"tracking_uri": tracking, "artifact_location": artifacts}
    embed = settings.embed.model_copy(update={"encoder": _encoder(settings.embed.encoder, base)})
    prompts = {"prompt": embed.prompt, "query_prompt": embed.query_prompt}
    finetune = settings.finetune.model_copy(update={"model": embed.encoder})
    register = settings.register_.model_copy(
        update={"model_name": settings.register_.model_name or f"{settings.shop}-recommender"}
    )
    return settings.model_copy(
        update={
            "lake": settings.lake if "://" in settings.lake else str(_path(settings.lake, base)),
            "home": str(home),
            "suites": None if settings.suites is None else str(_suites(_path(settings.suites, base), settings)),
            "mlflow": MlflowConfig.model_validate(mlflow),
            "embed": embed,
            "finetune": _filled(finetune, {**prompts, **mlflow, "experiment": settings.shop}),
            "inventory": _filled(settings.inventory, {"shop": settings.shop, "owners": settings.owners}),
            "register_": _filled(register, {**mlflow, "experiment": settings.shop}),
        }
    )


def _filled(part: Part, values: Mapping[str, object]) -> Part:
    """Return a stage's configuration with values for what the file leaves open."""
    return part.model_copy(update={name: value for name, value in values.items() if name not in part.model_fields_set})


def _path(name: str, base: Path) -> Path:
    """Return a path that starts at the file's folder, or at a user's home where it begins with `~`."""
    return base / os.path.expanduser(name)  # noqa: PTH111 - a folder that is called `~x`, as no user is, stays one


def _based(tracking: str, base: Path) -> str:
    """Return MLflow's address, a SQLite file's path made absolute."""
    prefix = "sqlite:///"
    return f"{prefix}{_path(tracking.removeprefix(prefix), base)}" if tracking.startswith(prefix) else tracking


def _encoder(name: str, base: Path) -> str:
    """Return an encoder's name, a folder's path made absolute, one for all ways to write it."""
    folder = _path(name, base)
    return os.path.normpath(folder) if name != DEFAULT_ENCODER and (folder.is_dir() or folder.is_file()) else name


def _suites(folder: Path, settings: Settings) -> Path:
    """Return the folder of the shop's own suites, each of which is one of a table."""
    place = origin_of("suites")
    if not folder.is_dir():
        raise SettingsError(file=place, problem=f"the folder {folder} is not there.", fix=f"Make it, or drop {place}.")
    tables = {*settings.tables, *CANONICAL}
    for suite in sorted(folder.glob("*.json")):
        if suite.stem not in tables:
            raise SettingsError(
                file=place,
                problem=f"{suite} is named after no table of the shop. {near_miss(suite.stem, tables)}".strip(),
                fix="Call it as the table that it judges, or take it out of the folder.",
            )
    return folder


def _misfitting(path: Path, error: ValidationError, content: Mapping[str, object]) -> SettingsError:
    """Return what does not fit, each with the variable that says it where the file does not."""
    found = [(_variable_of(item, content), _misfit(item)) for item in error.errors(include_url=False)]
    variables = list(dict.fromkeys(variable for variable, _ in found if variable))
    is_all = all(variable for variable, _ in found)
    return SettingsError(
        file=" and ".join(variables) if is_all else str(path),
        problem=" ".join(
            words if not variable or (is_all and len(variables) == 1) else f"In {variable}: {words}"
            for variable, words in found
        ),
        fix="`pandian settings schema` prints what is allowed.",
    )


def _variable_of(item: Any, content: Mapping[str, object]) -> str | None:  # pydantic's ErrorDetails
    """Return the variable that a misfit came from: it set what is wrong, a part of it, or what it is a part of."""
    where = tuple(map(str, item["loc"]))
    for name, place in _variables(os.environ).items():
        if where:
            is_inside = where[: len(place)] == place
            if is_inside or (place[: len(where)] == where and not _holds(content, where)):
                return name
        elif ".".join(place) in item["msg"]:  # said of several settings at once
            return name
    return None


def _holds(content: Any, where: tuple[str, ...]) -> bool:  # YAML values of any shape
    for part in where:
        if not isinstance(content, dict) or part not in content:
            return False
        content = content[part]
    return True


def _misfit(item: Any) -> str:  # pydantic's ErrorDetails
    where = ".".join(str(part) for part in item["loc"]) or "the file"
    if item["type"] == "extra_forbidden":
        model = _model_at(item["loc"][:-1])
        names = [field.alias or name for name, field in model.model_fields.items()] if model else []
        return f"`{where}` is not a setting. {near_miss(str(item['loc'][-1]), names)}".strip()
    if item["type"] == "string_pattern_mismatch" and item["ctx"]["pattern"] in PATTERNS:
        return f"`{where}`: “{item['input']}” should be {PATTERNS[item['ctx']['pattern']]}."
    return f"`{where}`: {item['msg'].removeprefix('Value error, ').rstrip('.')}."


def _model_at(location: tuple[Any, ...]) -> Any:  # a model class, or None
    model: Any = Settings
    for part in location:
        if isinstance(part, int):
            continue
        fields = getattr(model, "model_fields", {})
        found = fields.get(part) or next((f for f in fields.values() if f.alias == part), None)
        if found is None:
            return None
        arguments = getattr(found.annotation, "__args__", ())
        model = next((kind for kind in (found.annotation, *arguments) if hasattr(kind, "model_fields")), None)
    return model
