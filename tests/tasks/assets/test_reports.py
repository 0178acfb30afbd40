"""What became of a registered version, by what the gate said and by the decisions that were kept."""

from __future__ import annotations

import pytest

from tasks.assets.reports import ModelState, Registration


@pytest.mark.parametrize(
    ("decision", "version", "from_version", "state"),
    [
        ("approved", "2", None, "approved"),
        ("rejected", "2", None, "rejected"),
        ("promoted", "2", "1", "champion"),
        ("promoted", "3", "2", "replaced"),
        ("rolled back", "1", "2", "rolled back"),
        ("rolled back", "2", "3", "champion"),
        ("promoted", "4", "3", "waiting"),
    ],
)
def test_a_decision_tells_the_state_of_the_version_it_names(
    decision: str, version: str, from_version: str | None, state: ModelState
) -> None:
    found = {"decision": decision, "version": version, "from_version": from_version}
    assert _registration("challenger").state(found) == state


def test_without_a_decision_the_gate_tells_the_state() -> None:
    assert _registration("challenger").state(None) == "waiting"
    assert _registration(None).state(None) == "refused"


def _registration(alias: str | None) -> Registration:
    return Registration(
        name="shop-recommender",
        version="2",
        alias=alias,
        decision="passed" if alias else "refused",
        reasons=(),
        metrics={},
        run_id="run",
        model_uri="models:/m",
        tracking_uri="sqlite:///mlflow.db",
    )
