"""Candidates that are registered, reviewed and promoted on a real local MLflow."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from tasks.assets import specs
from tasks.assets.asset import AssetRef
from tasks.assets.recipe import Recipe
from tasks.assets.reports import EVALUATION_REPORT, EvaluationReport, Registration
from tasks.assets.store import AssetStore
from tasks.errors import CandidateRefusedError, UsageError
from tasks.register.config import RegisterConfig
from tasks.register.gate import decide
from tasks.register.outcome import gate_tags, identity_tags
from tasks.register.registered import chosen_files, listed, registered_assets, shown, unknown_products, why_not_promoted
from tasks.register.registry import Logged, Registry, Version
from tasks.register.review import Review, judge, promote, roll_back
from tasks.register.task import register
from tasks.retrieval.recommender import Recommender
from tests.builders import save_asset
from tests.tasks.register.evaluations import GOOD, make_evaluation
from tests.tasks.register.recommenders import write_recommender
from tests.tasks.register.registering import GAIN, SEARCH

pytestmark = [
    # MLflow judges its own type hints, and deprecates what it calls itself: neither is ours to mend.
    pytest.mark.filterwarnings("ignore:.*type hint:UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning:mlflow.*"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow.*"),
]

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
WEAK = {**GOOD, "combination": (0.11, 0.09, 0.13)}
numbers = itertools.count()


@dataclass
class Office:
    """A lake, an MLflow, and one candidate that was registered by the stage."""

    folder: Path
    store: AssetStore
    recommender: AssetRef
    tables: AssetRef

    def config(self, name: str) -> RegisterConfig:
        return RegisterConfig(
            tracking_uri=f"sqlite:///{self.folder}/mlflow.db",
            artifact_location=(self.folder / "artifacts").as_uri(),
            experiment="t",
            model_name=name,
        )

    def evaluated(self, evaluation: EvaluationReport) -> AssetRef:
        return save_asset(self.store, specs.EVALUATION, {}, {EVALUATION_REPORT: evaluation.model_dump_json()})

    def register(self, evaluation: EvaluationReport, config: RegisterConfig) -> tuple[Registration, Path]:
        """Register by the stage, and return what it left in the lake."""
        result = register.fn(
            self.recommender, self.evaluated(evaluation), [self.tables], config=config, store=self.store
        )
        folder = self.store.path(result.primary)
        return Registration.model_validate_json((folder / "registration.json").read_bytes()), folder


@dataclass
class Model:
    """A model of its own, whose versions are copies of what was logged once: that is fast."""

    office: Office
    logged: Logged
    lake: AssetStore
    config: RegisterConfig
    clock: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def registry(self) -> Registry:
        return Registry(self.config)

    def now(self) -> datetime:
        return NOON + timedelta(minutes=next(self.clock))

    def add(self, *, value: float = 0.3, is_challenger: bool = False) -> Version:
        """A new version whose combination has this NDCG@10."""
        evaluation = make_evaluation({**GOOD, "combination": (value, value - 0.03, value + 0.03)})
        text = evaluation.model_copy(update={"products": next(numbers)}).model_dump_json()
        asset = save_asset(self.lake, specs.EVALUATION, {}, {EVALUATION_REPORT: text})
        decision = decide(evaluation, self.config, champion=None)
        version = self.registry.publish(
            self.logged,
            "# card",
            {**identity_tags({asset: self.lake.manifest(asset).content_digest}, "by-hand"), **gate_tags(decision)},
        )
        if is_challenger:
            self.registry.set_alias("challenger", version.version)
        return version

    def judge(self, version: str, decision: Literal["approved", "rejected"], reason: str = "It is good.") -> Review:
        return judge(self.config, self.lake, version, decision, by="ada", reason=reason, now=self.now())

    def promote(self) -> Review | None:
        return promote(self.config, self.lake, now=self.now())

    def crowned(self, **how: Any) -> Version:
        """Add a version, approve it, promote it."""
        version = self.add(**how)
        self.judge(version.version, "approved")
        self.promote()
        return self.registry.version(version.version)

    def alias(self, name: str) -> str | None:
        found = self.registry.by_alias(name)
        return None if found is None else found.version

    def decisions(self) -> list[dict[str, Any]]:
        """The reviews in the lake, the oldest first."""
        refs = [AssetRef(found.key, found.version) for found in self.lake.versions(specs.REVIEWS.key)]
        found = [json.loads((folder / "review.json").read_bytes()) for folder in map(self.lake.path, refs)]
        return sorted(found, key=lambda item: str(item["at"]))


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    folder = tmp_path_factory.mktemp("office")
    store = AssetStore(str(folder / "lake"))
    recipe = Recipe(stage="by-hand", revision=1, arguments={})
    with store.draft(specs.RECOMMENDER, recipe, run_id="by-hand") as draft:
        shutil.copytree(write_recommender(folder / "made"), draft.path, dirs_exist_ok=True)
    tables = save_asset(store, specs.table("events"), {}, {"part-0.txt": "what it was made from"})
    return Office(folder, store, AssetRef(specs.RECOMMENDER.key, recipe.version), tables)


@pytest.fixture(scope="module")
def passed(office: Office) -> tuple[Registration, Path]:
    return office.register(make_evaluation(), office.config("t-recommender"))


@pytest.fixture
def model(office: Office, passed: tuple[Registration, Path], tmp_path: Path) -> Model:
    first = Registry(office.config("t-recommender")).version(passed[0].version)
    source = Registry(office.config("t-recommender")).client.get_model_version(first.name, first.version).source
    logged = Logged(first.run_id, str(source), None)
    return Model(office, logged, AssetStore(str(tmp_path / "lake")), office.config(f"m{next(numbers)}"))


def test_a_candidate_that_passes_is_the_challenger_and_awaits_a_review(
    office: Office, passed: tuple[Registration, Path]
) -> None:
    report, folder = passed
    version = Registry(office.config("t-recommender")).version(report.version)
    assert (report.decision, report.alias, report.reasons) == ("passed", "challenger", ())
    assert version.aliases == ("challenger",)
    assert (version.tags["gate"], version.review) == ("passed", "pending")
    assert report.metrics == {"ndcg_at_10": 0.3}
    assert "Passed, and put up for review." in (folder / "card.md").read_text(encoding="utf-8")


def test_a_version_says_which_assets_it_was_made_from(office: Office, passed: tuple[Registration, Path]) -> None:
    version = Registry(office.config("t-recommender")).version(passed[0].version)
    assert version.assets == (office.evaluated(make_evaluation()), office.recommender)
    assert version.params["input.tables/events"] == office.tables.version
    assert set(version.assets) <= set(registered_assets(office.config("t-recommender")))


def test_registering_the_same_again_makes_no_second_version(office: Office, passed: tuple[Registration, Path]) -> None:
    again, _ = office.register(make_evaluation(), office.config("t-recommender"))
    assert again == passed[0]
    assert len(Registry(office.config("t-recommender")).tags()) == 1


def test_a_refused_candidate_has_no_alias_and_says_why(office: Office) -> None:
    config = office.config("refused-recommender")
    report, folder = office.register(make_evaluation(WEAK), config)
    version = Registry(config).version(report.version)
    assert (report.decision, report.alias) == ("refused", None)
    assert version.aliases == ()
    assert version.tags["gate"] == "refused"
    assert "is not clearly above that of popularity" in version.tags["gate_reasons"]
    assert version.review == ""
    assert report.reasons == tuple(version.tags["gate_reasons"].splitlines())
    assert "Refused:" in (folder / "card.md").read_text(encoding="utf-8")
    assert list(registered_assets(config)) == []
    with pytest.raises(CandidateRefusedError, match="is not clearly above that of popularity"):
        judge(config, office.store, version.version, "approved", by="ada", reason="I like it.", now=NOON)


@pytest.mark.parametrize("decision", ["approved", "rejected"])
@pytest.mark.parametrize("reason", ["", "  "])
def test_a_decision_needs_a_reason(model: Model, decision: Literal["approved", "rejected"], reason: str) -> None:
    version = model.add()
    with pytest.raises(UsageError, match="A decision needs a reason"):
        model.judge(version.version, decision, reason)
    assert model.registry.version(version.version).review == "pending"
    assert model.decisions() == []


def test_a_version_that_there_is_not_cannot_be_judged(model: Model) -> None:
    model.add()
    with pytest.raises(UsageError, match=r"has no version 7\. The versions are: 1\."):
        model.judge("7", "approved")


def test_a_decision_is_a_tag_and_an_asset(model: Model) -> None:
    version = model.add()
    review = model.judge(version.version, "rejected", "It forgets paper.")
    tags = model.registry.version(version.version).tags
    assert (tags["review"], tags["review_reason"], tags["reviewer"]) == ("rejected", "It forgets paper.", "ada")
    (kept,) = model.decisions()
    assert (kept["decision"], kept["version"], kept["by"]) == ("rejected", version.version, "ada")
    assert kept["reason"] == review.reason == "It forgets paper."


def test_promoting_moves_the_champion_and_keeps_the_one_before(model: Model) -> None:
    first = model.crowned()
    assert first.aliases == ("champion",)
    second = model.add(is_challenger=True)
    model.judge(second.version, "approved", "It knows paper.")
    review = model.promote()
    assert review is not None
    assert (review.version, review.from_version, review.reason) == (second.version, first.version, "It knows paper.")
    assert (model.alias("champion"), model.alias("previous")) == (second.version, first.version)
    assert model.alias("challenger") is None
    assert [item["decision"] for item in model.decisions()] == ["approved", "promoted", "approved", "promoted"]


def test_promoting_again_changes_nothing(model: Model) -> None:
    first = model.crowned()
    before = model.decisions()
    assert model.promote() is None
    assert model.alias("champion") == first.version
    assert model.decisions() == before


@pytest.mark.parametrize("decision", [None, "rejected"])
def test_what_is_not_approved_is_not_promoted(model: Model, decision: Literal["rejected"] | None) -> None:
    version = model.add(is_challenger=True)
    if decision is not None:
        model.judge(version.version, decision)
    assert model.promote() is None
    assert model.alias("champion") is None


@pytest.mark.parametrize("typed", ["approved", " Approved "])
def test_an_approval_that_is_only_a_tag_in_mlflow_counts(model: Model, typed: str) -> None:
    version = model.add()
    model.registry.client.set_model_version_tag(model.config.model_name, version.version, "review", typed)
    review = model.promote()
    assert review is not None
    assert (review.version, review.by) == (version.version, "somebody in MLflow")
    assert model.alias("champion") == version.version


def test_a_changed_evaluation_is_refused_and_the_champion_stays(model: Model, tmp_path: Path) -> None:
    first = model.crowned()
    second = model.add()
    model.judge(second.version, "approved")
    (file,) = [model.lake.path(ref) / EVALUATION_REPORT for ref in second.assets]
    file.chmod(0o644)
    file.write_text(file.read_text(encoding="utf-8").replace("0.3", "0.9"), encoding="utf-8")
    with pytest.raises(CandidateRefusedError, match=r"Its evaluation cannot be trusted.*The champion stays as it is"):
        promote(model.config, AssetStore(str(tmp_path / "lake")), now=model.now())
    assert model.alias("champion") == first.version
    tags = model.registry.version(second.version).tags
    assert tags["promotion"].startswith("refused: Its evaluation cannot be trusted.")


def test_a_version_that_names_no_evaluation_is_refused(model: Model) -> None:
    version = model.registry.publish(model.logged, "# card", {"gate": "passed", "review": "approved"})
    with pytest.raises(CandidateRefusedError, match="It names no evaluation"):
        model.promote()
    assert model.registry.version(version.version).aliases == ()


def test_a_version_that_the_gate_would_refuse_today_is_refused(model: Model) -> None:
    version = model.add(value=0.3)
    model.judge(version.version, "approved")
    stricter = model.config.model_copy(update={"min_value": 0.5})
    with pytest.raises(CandidateRefusedError, match=r"is below the 0\.5000 that is asked"):
        promote(stricter, model.lake, now=model.now())
    assert model.alias("champion") is None


def test_rolling_back_returns_to_the_champion_before_and_stays_there(model: Model) -> None:
    first, second = model.crowned(), model.crowned()
    review = roll_back(model.config, model.lake, by="bob", reason="Clicks fell.", now=model.now())
    assert (review.decision, review.version, review.from_version) == ("rolled back", first.version, second.version)
    assert model.alias("champion") == first.version
    assert model.registry.version(second.version).tags["review_reason"] == "rolled back: Clicks fell."
    kept = model.decisions()[-1]
    assert (kept["decision"], kept["champion_by"], kept["champion_reason"]) == ("rolled back", "ada", "It is good.")
    assert review.words == (
        f"{model.config.model_name}: version {second.version} was taken out by bob: Clicks fell. "
        f"Version {first.version} is the champion again."
    )
    assert model.registry.version(first.version).tags["promoted_at"] == review.at
    assert model.promote() is None
    assert model.alias("champion") == first.version


def test_an_only_champion_is_taken_out_of_use_and_can_be_made_it_again(model: Model) -> None:
    first = model.crowned()
    review = roll_back(model.config, model.lake, by="bob", reason="Clicks fell.", now=model.now())
    assert (review.decision, review.version, review.from_version) == ("rolled back", None, first.version)
    assert review.words.startswith(
        f"{model.config.model_name}: version {first.version} was taken out by bob: Clicks fell. "
        "There is no champion now: `pandian review approve"
    )
    version = model.registry.version(first.version)
    assert (version.aliases, version.review) == ((), "rejected")
    assert version.tags["review_reason"] == "rolled back: Clicks fell."
    assert model.decisions()[-1] == {**asdict(review)}
    assert model.promote() is None, "what was rejected is not promoted"
    model.judge(first.version, "approved", "It was the weather.")
    assert model.promote() is not None
    assert model.alias("champion") == first.version


def test_without_any_champion_there_is_nothing_to_roll_back(model: Model) -> None:
    model.add()
    with pytest.raises(UsageError, match=r"no champion to take out of use.*review approve N.*pandian promote"):
        roll_back(model.config, model.lake, by="bob", reason="Clicks fell.", now=model.now())


def test_a_rollback_does_not_wait_for_a_promotion_that_was_interrupted(model: Model) -> None:
    first, second = model.crowned(), model.crowned()
    model.registry.set_alias("previous", second.version)
    roll_back(model.config, model.lake, by="bob", reason="Clicks fell.", now=model.now())
    assert (model.alias("champion"), model.alias("previous")) == (first.version, None)


def test_a_champion_after_none_is_promoted_from_none(model: Model) -> None:
    _, second = model.crowned(), model.crowned()
    for _ in range(2):
        roll_back(model.config, model.lake, by="bob", reason="Clicks fell.", now=model.now())
    model.judge(second.version, "approved")
    review = model.promote()
    assert review is not None
    assert (review.version, review.from_version) == (second.version, None)


def test_the_champion_is_not_rejected_but_rolled_back(model: Model) -> None:
    first = model.crowned()
    with pytest.raises(UsageError, match=r"is the champion.*pandian rollback"):
        model.judge(first.version, "rejected")


def test_where_there_is_no_champion_the_challenger_is_named(model: Model) -> None:
    version = model.add(is_challenger=True)
    with pytest.raises(UsageError, match=rf"has no champion\..*--version {version.version}.*approve"):
        chosen_files(model.config, None)
    by_number = chosen_files(model.config, version.version)
    assert Recommender.load(by_number).recommend(history=["pan"], k=1)[0].product_id == "pot"
    assert chosen_files(model.config, "challenger") == by_number


def test_where_there_is_neither_champion_nor_challenger_the_versions_are_named(model: Model) -> None:
    model.crowned()
    roll_back(model.config, model.lake, by="bob", reason="Clicks fell.", now=model.now())
    with pytest.raises(UsageError, match=r"has no champion\. Ask a version of `pandian review list` .*approve N"):
        chosen_files(model.config, None)


def test_products_of_a_history_that_the_model_does_not_know_are_named(model: Model) -> None:
    files = chosen_files(model.config, model.add().version)
    assert unknown_products(files, ["pan", "zzz", "pot", "zzz"]) == ["zzz"]
    assert unknown_products(files, []) == []
    with pytest.raises(UsageError, match="knows no product of this history: zzz, yyy"):
        unknown_products(files, ["zzz", "yyy"])


def test_the_version_in_mlflow_says_that_search_was_not_measured(
    office: Office, passed: tuple[Registration, Path]
) -> None:
    version = Registry(office.config("t-recommender")).version(passed[0].version)
    assert version.tags["search"] == "Search was not measured."
    assert "gate_warnings" not in version.tags


def test_a_search_that_training_made_worse_is_a_tag_beside_the_gates(office: Office) -> None:
    config, recipe = office.config("worse-recommender"), Recipe(stage="by-hand", revision=1, arguments={"search": 1})
    with office.store.draft(specs.EVALUATION, recipe, run_id="by-hand") as draft:
        (draft.path / EVALUATION_REPORT).write_text(make_evaluation().model_dump_json(), encoding="utf-8")
        draft.metrics.update(search=SEARCH, gain=GAIN)
    evaluation = AssetRef(specs.EVALUATION.key, recipe.version)
    result = register.fn(office.recommender, evaluation, [], config=config, store=office.store)
    (version,) = Registry(config).versions()
    assert (version.tags["gate"], version.review) == ("passed", "pending")
    assert version.tags["gate_warnings"].startswith("Training made search worse")
    assert version.tags["search"].startswith("The shop has no judgments")
    metrics = office.store.manifest(result.primary).metrics
    assert metrics["search_warning"] == version.tags["gate_warnings"]
    assert metrics["gain"].startswith("Not distinguishable from ItemKNN")
    assert any("Warning: Training made search worse" in line for line in shown(config, "1").status)


def test_nothing_is_promoted_or_listed_where_nothing_was_registered(tmp_path: Path) -> None:
    config = RegisterConfig(tracking_uri=f"sqlite:///{tmp_path}/none.db", model_name="none")
    assert promote(config, AssetStore(str(tmp_path / "lake")), now=NOON) is None
    assert "no model was registered yet" in why_not_promoted(config)
    with pytest.raises(UsageError, match="No model was ever registered"):
        chosen_files(config, None)
    assert not (tmp_path / "none.db").exists()


ALONE = """
import socket, sys
def refuse(*args, **kwargs):
    raise OSError("there is no network")
socket.socket.connect = socket.getaddrinfo = refuse
checkout = sys.argv[2]
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in repr(finder).lower()]
sys.path[:] = [path for path in sys.path if path and not path.startswith(checkout) or "site-packages" in path]
try:
    import tasks
    raise SystemExit("the checkout can still be imported")
except ModuleNotFoundError:
    pass
import mlflow, pandas
model = mlflow.pyfunc.load_model(sys.argv[1])
rows = [{"task": "recommend", "history": ["pan"], "k": 1}, {"task": "search", "query": "tea cup", "k": 1}]
found = model.predict(pandas.DataFrame(rows))["results"]
print("answers:", [answer[0]["product_id"] for answer in found])
import tasks
assert not tasks.__file__.startswith(checkout), tasks.__file__
"""


def test_the_logged_model_answers_where_neither_the_checkout_nor_a_network_is(
    office: Office, passed: tuple[Registration, Path], tmp_path: Path
) -> None:
    folder = chosen_files(office.config("t-recommender"), passed[0].version)
    while not (folder / "MLmodel").is_file():
        folder = folder.parent
    moved = shutil.copytree(folder, tmp_path / "elsewhere")
    checkout = str(Path(__file__).parents[3])
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MLFLOW_"))}
    command = [sys.executable, "-I", "-c", ALONE, str(moved), checkout]
    done = subprocess.run(
        command, check=False, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "answers: ['pot', 'cup']" in done.stdout


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("no database, whatever its name says")
    config = RegisterConfig(tracking_uri=f"sqlite:///{tmp_path}/mlflow.db")
    with pytest.raises(UsageError, match=r"MLflow cannot use its database “sqlite:///.*”: file is not a database\."):
        listed(config)
