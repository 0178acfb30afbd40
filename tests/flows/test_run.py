"""How a run waits for its stages, and what it tells of them."""

from __future__ import annotations

import concurrent.futures
import uuid
from pathlib import Path

import pytest
from prefect.futures import PrefectConcurrentFuture
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows import pending
from flows.pending import Withheld
from flows.plan import plan_stages
from flows.run import Run
from flows.settings import load_settings
from tasks.analyze.task import cluster
from tasks.assets import specs
from tasks.assets.recipe import Recipe
from tasks.assets.reports import Registration
from tasks.embed.task import embed
from tasks.stage import StageResult
from tests.tiny import write_shop


@pytest.fixture
def tiny(tmp_path: Path) -> Run:
    """A run of the tiny shop, outside of a flow."""
    return Run(load_settings(str(write_shop(tmp_path))), plan_stages(), tmp_path)


def test_a_stage_that_takes_long_says_again_and_again_that_it_is_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    ends: concurrent.futures.Future[StageResult] = concurrent.futures.Future()

    def say(line: str) -> None:
        said.append(line)
        if len(said) == 3:
            ends.set_result(StageResult("finetune", "run", (), None, 1.0))

    monkeypatch.setattr(pending, "PATIENCE_S", 0.01)
    monkeypatch.setattr(pending, "say", say)
    pending.wait_for(PrefectConcurrentFuture(uuid.uuid4(), ends), "finetune")
    assert len(said) == 3
    assert all(line.startswith("finetune: at work for ") for line in said)


@pytest.mark.parametrize(("model", "state"), [("tiny-recommender", "champion"), ("another-recommender", "waiting")])
def test_a_decision_about_another_model_is_not_told_as_this_ones(tiny: Run, model: str, state: str) -> None:
    registered = Registration(
        name="tiny-recommender",
        version="1",
        alias="challenger",
        decision="passed",
        reasons=(),
        metrics={},
        run_id="r",
        model_uri="models:/tiny-recommender/1",
        tracking_uri="",
    )
    facts = {"model": model, "decision": "promoted", "version": "1", "from_version": None}
    with tiny.store.draft(specs.REVIEWS, Recipe.of("review", 1, facts), run_id="review") as draft:
        (draft.path / "review.json").write_text("{}")
        draft.metrics.update(facts)
    assert tiny._model(registered).state == state


@pytest.mark.filterwarnings("ignore:Artifact creation outside")  # a flow would need the server that is gone here
def test_a_run_that_prefect_cannot_show_is_recorded_and_ends_as_it_did(
    tiny: Run, caplog: pytest.LogCaptureFixture
) -> None:
    nobody_listens = {PREFECT_API_URL: "http://127.0.0.1:9/api"}
    with temporary_settings(nobody_listens), pytest.raises(ZeroDivisionError), tiny:
        raise ZeroDivisionError
    assert tiny.report is not None
    assert tiny.report.status == "failed"
    assert len(tiny.store.versions(specs.RUN.key)) == 1
    assert "Prefect does not show what this run did: ConnectError" in caplog.text


def test_a_table_that_cannot_be_used_is_told_from_one_that_the_shop_does_not_have(tiny: Run) -> None:
    rows = StageResult("merge", "run", (), None, 1.0)
    assert tiny.needed({"products": rows}, "products", "events", "judgments") == [rows, Withheld(("events",)), None]


def test_what_is_made_of_a_withheld_table_is_withheld_and_told_as_blocked_by_that_table_alone(tiny: Run) -> None:
    products, events = tiny.needed({}, "products", "events")
    tiny._blocked.update(products="The table “products” is blocked.", coupons="The table “coupons” is blocked.")
    vectors = tiny.submit(embed, products, config=tiny.settings.embed, weights=None)
    assert vectors == Withheld(("products",))
    assert tiny.submit(cluster, products, vectors, events, config=tiny.settings.analyze) == Withheld(
        ("events", "products")
    )
    told = {stage.name: (stage.status, stage.reason) for stage in tiny._report([], None).stages}
    assert told == dict.fromkeys(("embed", "analyze"), ("blocked", "Validation blocked products."))
