"""What MLflow's errors come down to: try again, show who asks, or change something."""

from __future__ import annotations

from typing import Final

from tasks.errors import CredentialsError, PandianError, UnavailableError, UsageError

NOT_THERE: Final = frozenset({"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"})
DENIED: Final = frozenset({"CUSTOMER_UNAUTHORIZED", "PERMISSION_DENIED", "UNAUTHENTICATED"})
FINAL: Final = frozenset({*NOT_THERE, "ENDPOINT_NOT_FOUND", "INVALID_STATE", "NOT_FOUND", "NOT_IMPLEMENTED"})
"""All other codes pass: lost connections, broken servers, too many requests, and what another run has just made.

`BAD_REQUEST` is one of them: so MLflow calls the conflict of two that set an alias or a tag at once.
"""


def mlflow_error(uri: str, code: str, error: Exception, *, again: str = "run again") -> PandianError:
    """Return the error to raise for one of MLflow's.

    Args:
        uri: MLflow's address.
        code: The error's `error_code`.
        error: MLflow's exception.
        again: What to do when MLflow is back, as the end of a sentence.
    """
    problem = f"MLflow says: {next(iter(str(error).splitlines()), code).rstrip('.')}."
    if code in DENIED:
        fix = "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, of who may do this."
        return CredentialsError(source=uri, problem=problem, fix=fix)
    if code in FINAL:
        fix = "Change in MLflow what it names, or under `mlflow` and `register` in shop.yaml."
        return UsageError(problem=f"“{uri}” refused what it was asked. {problem}", fix=fix)
    fix = f"Check that MLflow runs at mlflow.tracking_uri, then {again}."
    return UnavailableError(source=uri, problem=problem, fix=fix)
