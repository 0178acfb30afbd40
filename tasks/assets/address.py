"""An address in a configuration. It ends in manifests and on pages, so nothing secret may stand in it."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator


def _holds_no_secret(address: str) -> str:
    parts = urlsplit(address)
    secrets = [parts.password, *parse_qs(parts.query).get("password", [])]
    if parts.scheme in {"http", "https"}:
        secrets.append(parts.username)  # a token stands where a name would
    if any(secrets):
        raise ValueError(
            "no password, and no name before a server, may stand here; MLflow reads MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN; libpq reads PGPASSWORD or ~/.pgpass"
        )
    return address


MlflowAddress = Annotated[str, AfterValidator(_holds_no_secret)]
"""Where MLflow answers or keeps files; who asks it stands in the environment."""
