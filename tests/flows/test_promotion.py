"""The flow that acts on what a reviewer decided in MLflow."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from flows.cli import cli
from flows.promotion import promotion
from flows.settings import load_settings
from tasks.assets import specs
from tasks.assets.store import AssetStore
from tasks.errors import CandidateRefusedError
from tasks.stage import code_revision
from tests.tasks.register.registering import MLFLOW_WARNINGS, Shop, evaluation_of, write_recommender
from tests.tiny import write_shop

pytestmark = [pytest.mark.usefixtures("prefect_backend"), *MLFLOW_WARNINGS]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recommender(tmp_path_factory.mktemp("recommender") / "model")


def make_shop(folder: Path, files: Path) -> tuple[str, Shop]:
    config = str(write_shop(folder))
    settings = load_settings(config)
    return config, Shop(AssetStore(settings.lake), settings.register_, files)


def test_an_approval_in_mlflow_becomes_the_champion_once(tmp_path: Path, files: Path) -> None:
    config, shop = make_shop(tmp_path, files)
    assert promotion(config) is None, "nothing was registered"
    version = shop.register(evaluation_of(0.12)).version
    assert promotion(config) is None, "nobody has approved it"
    shop.registry.client.set_model_version_tag(shop.config.model_name, version, "review", "approved")
    assert promotion(config) == version
    assert shop.alias("champion") == version
    assert promotion(config) is None
    assert [(item["decision"], item["version"]) for item in shop.log()] == [("promoted", version)]


def test_an_approved_version_that_does_not_stand_a_second_look_fails_the_flow(tmp_path: Path, files: Path) -> None:
    config, shop = make_shop(tmp_path, files)
    version = shop.register(evaluation_of(0.12)).version
    shop.approve(version)
    (evaluation,) = [ref for ref in shop.registry.version(version).assets if ref.key.startswith("evaluations/")]
    shop.store.discard(evaluation)
    with pytest.raises(CandidateRefusedError, match="Its evaluation cannot be trusted"):
        promotion(config)
    assert shop.alias("champion") is None
    assert [item["decision"] for item in shop.log()] == ["approved"]
    assert promotion(config) is None, "nothing has changed"
    shop.save_evaluation(evaluation_of(0.12))
    assert promotion(config) == version


def test_every_decision_names_the_code_that_took_it(tmp_path: Path, files: Path) -> None:
    config, shop = make_shop(tmp_path, files)
    first = shop.register(evaluation_of(0.12)).version
    shop.registry.client.set_model_version_tag(shop.config.model_name, first, "review", "approved")
    promotion(config)
    second = shop.register(evaluation_of(0.13)).version
    for command in (["review", "approve", second], ["promote"], ["rollback"]):
        reason = [] if command == ["promote"] else ["--reason", "ada said so"]
        done = CliRunner().invoke(cli, [*command, *reason, "-c", config])
        assert done.exit_code == 0, done.output
    found = [(item.metrics["decision"], item.code_revision) for item in shop.store.versions(specs.REVIEWS.key)]
    decisions = ("approved", "promoted", "promoted", "rolled back")
    assert sorted(found) == [(decision, code_revision()) for decision in decisions]
