"""The flow that acts on what a reviewer decided in MLflow."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from flows.cli import cli
from flows.promotion import promotion
from flows.settings import load_settings
from tasks.assets import specs
from tasks.assets.store import AssetStore
from tasks.errors import CandidateRefusedError
from tasks.stage import code_revision
from tests.builders import make_products, save_asset, save_table
from tests.flows.shapes import shape
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


@dataclass
class Commands:
    """A shop's configuration, and what each command printed as JSON."""

    config: str
    printed: dict[str, Any] = field(default_factory=dict)  # JSON values of any shape

    def give(self, *command: str) -> None:
        done = CliRunner().invoke(cli, [*command, "-c", self.config, "--json"])
        assert done.exit_code == 0, done.output
        self.printed[" ".join(word for word in command[:2] if word.isalpha())] = json.loads(done.stdout)


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory, files: Path) -> tuple[Commands, Shop]:
    """A champion that is asked, and a second one that is approved, promoted, rolled back, and rejected."""
    config, shop = make_shop(tmp_path_factory.mktemp("decided"), files)
    commands = Commands(config)
    first = shop.register(evaluation_of(0.12)).version
    shop.registry.client.set_model_version_tag(shop.config.model_name, first, "review", "approved")
    promotion(config)
    second = shop.register(evaluation_of(0.13)).version
    for command in (
        ["search", "pen"],
        ["recommend", "u0"],
        ["review", "approve", second, "--reason", "ada said so"],
        ["promote"],
        ["rollback", "--reason", "ada said so"],
        ["review", "reject", second, "--reason", "ada said so"],
    ):
        commands.give(*command)
    return commands, shop


def test_every_decision_names_the_code_that_took_it(decided: tuple[Commands, Shop]) -> None:
    found = [(item.metrics["decision"], item.code_revision) for item in decided[1].store.versions(specs.REVIEWS.key)]
    decisions = ("approved", "promoted", "promoted", "rejected", "rolled back")
    assert sorted(found) == [(decision, code_revision()) for decision in decisions]


@pytest.mark.parametrize(
    "command",
    [["review", "approve", "2"], ["review", "reject", "2"], ["promote"], ["rollback"]],
    ids=" ".join,
)
def test_a_dry_run_of_a_decision_says_what_would_be_and_changes_nothing(
    decided: tuple[Commands, Shop], command: list[str]
) -> None:
    commands, shop = decided
    before = shop.registry.versions(), shop.log()
    reason = [] if command == ["promote"] else ["--reason", "ada said so"]
    done = CliRunner().invoke(cli, [*command, *reason, "--dry-run", "-c", commands.config])
    assert done.exit_code == 0, done.output
    assert command == ["promote"] or "Nothing was changed. Without `--dry-run`: " in done.stdout
    assert (shop.registry.versions(), shop.log()) == before


def test_golden_shapes_of_decisions_and_answers(
    decided: tuple[Commands, Shop], golden: Callable[[str, object], None]
) -> None:
    commands, shop = decided
    orphan = save_table(shop.store, "products", make_products(3))
    save_asset(shop.store, specs.RUN, {}, {specs.RUN.main: "{}"})
    commands.give("gc", "--dry-run")
    assert str(orphan) in commands.printed["gc"]["removed"]
    golden("decisions", {name: shape(printed) for name, printed in commands.printed.items()})
