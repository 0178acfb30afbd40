import pytest

from flows.plan import STAGES, plan_stages
from tasks.errors import UsageError


def test_every_stage_runs_unless_something_is_chosen() -> None:
    assert set(plan_stages().values()) == {"run"}
    assert list(plan_stages()) == list(STAGES)


def test_only_looks_for_earlier_stages_and_leaves_out_later_ones() -> None:
    plan = plan_stages(only=["profile"])
    assert plan["ingest"] == plan["validate"] == "present"
    assert plan["profile"] == "run"
    assert {plan[name] for name in STAGES[3:]} == {"off"}


def test_only_may_name_stages_with_a_gap_between_them() -> None:
    plan = plan_stages(only=["embed", "inventory"])
    assert plan["embed"] == plan["inventory"] == "run"
    assert plan["finetune"] == "present"


def test_from_runs_the_stage_and_all_later_ones() -> None:
    plan = plan_stages(start="evaluate")
    assert plan["finetune"] == "present"
    assert plan["evaluate"] == plan["register"] == plan["inventory"] == "run"


def test_refresh_makes_only_the_chosen_stages_again() -> None:
    plan = plan_stages(only=["profile"], refresh=True)
    assert plan["profile"] == "refresh"
    assert plan["ingest"] == "present"


def test_a_misspelt_stage_is_refused_with_its_near_miss() -> None:
    with pytest.raises(UsageError, match="Did you mean “profile”"):
        plan_stages(only=["profil"])  # type: ignore[list-item]  # the misspelling is the point


def test_only_and_from_exclude_each_other() -> None:
    with pytest.raises(UsageError, match="exclude each other"):
        plan_stages(only=["embed"], start="embed")
