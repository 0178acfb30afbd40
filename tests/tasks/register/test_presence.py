"""Whether the registry still has what was registered, in a real MLflow."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tasks.register import presence
from tasks.register.config import RegisterConfig
from tasks.register.presence import is_registered
from tasks.register.registry import RECIPE_TAG

RECIPE = "0123456789ab"


@pytest.fixture
def config(tmp_path: Path, empty_mlflow: Path) -> RegisterConfig:
    """Where one version is registered, with a recipe."""
    database = shutil.copy(empty_mlflow, tmp_path / "my mlflow.db")
    config = RegisterConfig(tracking_uri=f"sqlite:///{database}", model_name="tiny")
    client = MlflowClient(tracking_uri=config.tracking_uri, registry_uri=config.tracking_uri)
    client.create_registered_model("tiny")
    client.create_model_version("tiny", source=tmp_path.as_uri(), tags={RECIPE_TAG: RECIPE})
    return config


def test_a_version_is_found_by_model_and_recipe_until_it_is_deleted(config: RegisterConfig) -> None:
    assert is_registered(RECIPE, config)
    assert not is_registered("another12345", config)
    assert not is_registered(RECIPE, config.model_copy(update={"model_name": "other"}))
    MlflowClient(tracking_uri=config.tracking_uri, registry_uri=config.tracking_uri).delete_model_version("tiny", "1")
    assert not is_registered(RECIPE, config)


def test_a_registry_that_is_gone_has_nothing(config: RegisterConfig) -> None:
    Path(str(config.tracking_uri).removeprefix("sqlite:///")).unlink()
    assert not is_registered(RECIPE, config)


def test_mlflow_is_asked_where_its_tables_are_not_those_known_here(
    config: RegisterConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "VERSIONS", "select count(*) from versions_of_another_time where ? + ? + ?")
    assert is_registered(RECIPE, config)
    assert not is_registered("another12345", config)


def test_a_registry_that_does_not_answer_has_lost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert is_registered(RECIPE, RegisterConfig(tracking_uri="http://127.0.0.1:9", model_name="tiny"))


def test_a_look_into_a_file_imports_no_mlflow(config: RegisterConfig) -> None:
    code = f"""
import sys
from tasks.register.config import RegisterConfig
from tasks.register.presence import is_registered
assert is_registered({RECIPE!r}, RegisterConfig(tracking_uri={config.tracking_uri!r}, model_name="tiny"))
assert "mlflow" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])
