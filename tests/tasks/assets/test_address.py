from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from tasks.assets.address import MlflowAddress

ADDRESS = TypeAdapter(MlflowAddress)


@pytest.mark.parametrize(
    "address",
    [
        "http://ada:hunter2@mlflow.shop:5000",
        "https://t0ken@mlflow.shop",
        "postgresql://ada:hunter2@db/mlflow",
        "postgresql://db/mlflow?user=ada&password=hunter2",
        "s3://key:hunter2@bucket/runs",
    ],
)
def test_an_address_with_a_secret_is_refused_with_where_it_belongs(address: str) -> None:
    with pytest.raises(ValidationError, match=r"no password.*MLFLOW_TRACKING_PASSWORD.*PGPASSWORD"):
        ADDRESS.validate_python(address)


@pytest.mark.parametrize(
    "address",
    ["http://mlflow.shop:5000", "postgresql://ada@db/mlflow", "sqlite:////home/ada/mlflow.db", "s3://bucket/runs@2"],
)
def test_an_address_without_a_secret_stays_as_it_is(address: str) -> None:
    assert ADDRESS.validate_python(address) == address
