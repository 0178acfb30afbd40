"""A recommender and a local MLflow, made once; every test has a model and a lake of its own."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from tasks.assets.store import AssetStore
from tasks.register.config import RegisterConfig
from tests.tasks.register.registering import Shop, write_recommender


@pytest.fixture(scope="session")
def recommender_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recommender(tmp_path_factory.mktemp("recommender") / "model")


@pytest.fixture(scope="session")
def mlflow_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mlflow")


@pytest.fixture
def shop(recommender_files: Path, mlflow_folder: Path, tmp_path: Path) -> Shop:
    name = uuid.uuid4().hex[:8]
    config = RegisterConfig(
        tracking_uri=f"sqlite:///{mlflow_folder / 'mlflow.db'}",
        artifact_location=(mlflow_folder / name).as_uri(),
        experiment=name,
        model_name=f"{name}-recommender",
    )
    return Shop(AssetStore(str(tmp_path / "lake")), config, recommender_files)
