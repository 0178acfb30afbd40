"""A recommender and a local MLflow, made once; every test has a model and a lake of its own."""

from __future__ import annotations

import uuid
from pathlib import Path

import pyarrow as pa
import pytest

from tasks.assets.store import AssetStore
from tasks.register.candidate import Candidate, questions
from tasks.register.config import RegisterConfig
from tasks.register.registry import Logged
from tests.tasks.register.registering import TITLES, Shop, evaluation_of, write_recommender

PRODUCTS = pa.table({"product_id": list(TITLES), "title": list(TITLES.values())})


@pytest.fixture(scope="session")
def recommender_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recommender(tmp_path_factory.mktemp("recommender") / "model")


@pytest.fixture(scope="session")
def mlflow_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mlflow")


@pytest.fixture(scope="session")
def logged(recommender_files: Path, mlflow_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Logged:
    """The recommender in MLflow, logged once, to make versions of."""
    shop = make_shop(recommender_files, mlflow_folder, tmp_path_factory.mktemp("logged"))
    return shop.registry.log(Candidate(recommender_files, (), {}, evaluation_of(), questions(PRODUCTS)))


@pytest.fixture
def shop(recommender_files: Path, mlflow_folder: Path, tmp_path: Path, logged: Logged) -> Shop:
    return make_shop(recommender_files, mlflow_folder, tmp_path, logged)


def make_shop(files: Path, mlflow: Path, folder: Path, logged: Logged | None = None) -> Shop:
    name = uuid.uuid4().hex[:8]
    config = RegisterConfig(
        tracking_uri=f"sqlite:///{mlflow / 'mlflow.db'}",
        artifact_location=(mlflow / name).as_uri(),
        experiment=name,
        model_name=f"{name}-recommender",
    )
    return Shop(AssetStore(str(folder / "lake")), config, files, logged)
