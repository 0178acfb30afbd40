from __future__ import annotations

import contextlib
import json
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

import tasks.register.task as stage_module
from tasks.assets import specs
from tasks.assets.asset import AssetRef
from tasks.assets.reports import Registration
from tasks.assets.store import AssetStore
from tasks.errors import UnavailableError, UsageError
from tasks.register.candidate import Candidate, requirements
from tasks.register.config import RegisterConfig
from tasks.register.registered import listed, registered_assets, shown
from tasks.register.registry import Logged, Registry, Version
from tests.builders import make_products, save_asset, save_table
from tests.tasks.register.registering import MLFLOW_WARNINGS, Shop, evaluation_of, measured

pytestmark = MLFLOW_WARNINGS
PATIENCE_S = 300


def test_the_run_names_every_input_under_our_own_digest(shop: Shop) -> None:
    table = save_table(shop.store, "products", make_products(3))
    shard = save_asset(shop.store, specs.shard("products", "day1"), {}, {"rows-0.txt": "raw"})
    report = shop.register(evaluation_of(), lineage=[table, shard])
    run = shop.registry.client.get_run(report.run_id)
    digest = shop.store.manifest(table).content_digest
    assert run.inputs is not None
    found = {item.dataset.name: item.dataset for item in run.inputs.dataset_inputs}
    assert found.keys() == {"tables/products", "models/recommender", "evaluations/recommender"}
    assert digest.startswith(found["tables/products"].digest)
    assert json.loads(found["tables/products"].source) == {"asset": str(table), "content_digest": digest}
    assert run.data.params["input.tables/products"] == table.version
    assert run.info.status == "FINISHED"
    lineage = json.loads(artifact(shop, report.run_id, "lineage.json"))
    assert lineage[str(shard)] == shop.store.manifest(shard).content_digest
    assert len(lineage) == 4


def test_the_run_holds_all_metrics_and_the_evaluation(shop: Shop) -> None:
    report = shop.register(evaluation_of(0.12))
    metrics = shop.registry.client.get_run(report.run_id).data.metrics
    assert metrics["test.item_knn.ndcg_at_10"] == 0.10
    assert metrics["test.combination.ndcg_at_10.high"] == pytest.approx(0.13)
    assert report.metrics == {"ndcg_at_10": 0.12}
    assert json.loads(artifact(shop, report.run_id, "evaluation.json"))["products"] == 4
    assert artifact(shop, report.run_id, "card.md").startswith(f"# {shop.config.model_name}")


def artifact(shop: Shop, run_id: str, name: str) -> str:
    import mlflow

    mlflow.set_tracking_uri(shop.registry.uri)
    return str(mlflow.artifacts.load_text(f"runs:/{run_id}/{name}"))


@pytest.fixture
def broken_files(recommender_files: Path, tmp_path: Path) -> Path:
    broken = shutil.copytree(recommender_files, tmp_path / "broken")
    (broken / "recommender.json").unlink()
    return broken


def test_a_model_that_cannot_be_served_is_a_version_that_says_so(shop: Shop, broken_files: Path) -> None:
    before = list(sys.path)
    report = shop.register(evaluation_of(), files=broken_files)
    assert (report.decision, report.alias) == ("refused", None)
    (reason,) = report.reasons
    assert reason.startswith("It cannot be served: FileNotFoundError")
    version = shop.registry.version(report.version)
    assert (version.tags["gate"], version.review, version.aliases) == ("refused", "", ())
    assert reason in shop.registry.card(report.version)
    assert sys.path == before, "MLflow leaves the model's code on the path"


def test_a_setting_that_names_nothing_registers_nothing(shop: Shop) -> None:
    config = shop.config.model_copy(update={"baseline": "popular"})
    with pytest.raises(UsageError, match="It has: item_knn, popularity"):
        shop.register(evaluation_of(), config=config)
    assert shop.registry.tags() == {}


def test_an_interrupted_registration_goes_on_with_its_version(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(stage_module, "registration", dies)
        with pytest.raises(KeyboardInterrupt):
            shop.register(evaluation_of())
    report = shop.register(evaluation_of())
    assert list(shop.registry.tags()) == [1]
    assert (report.version, report.alias) == ("1", "challenger")


def dies(*args: object, **kwargs: object) -> None:
    raise KeyboardInterrupt


def test_a_registration_that_died_as_its_version_was_made_goes_on_with_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Registry, "version", dies)
        with pytest.raises(KeyboardInterrupt):
            shop.register(evaluation_of())
    report = shop.register(evaluation_of())
    assert list(shop.registry.tags()) == [1]
    assert (report.version, report.alias) == ("1", "challenger")
    found = shop.registry.client.get_model_version(shop.config.model_name, "1")
    assert str(found.description).startswith(f"# {shop.config.model_name}")


def test_a_version_that_another_run_made_meanwhile_is_taken(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Registry.log
    elsewhere = Shop(AssetStore(f"{shop.store.url}-copy"), shop.config, shop.files)

    def overtaken(registry: Registry, candidate: Candidate) -> Logged:
        monkeypatch.setattr(Registry, "log", log)
        elsewhere.register(evaluation_of())
        return log(registry, candidate)

    monkeypatch.setattr(Registry, "log", overtaken)
    assert shop.register(evaluation_of()).version == "1"
    assert list(shop.registry.tags()) == [1]


def test_a_registration_that_died_after_its_refused_version_was_made_goes_on_with_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, broken_files: Path
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(stage_module, "registration", dies)
        with pytest.raises(KeyboardInterrupt):
            shop.register(evaluation_of(0.04), files=broken_files)
    report = shop.register(evaluation_of(0.04), files=broken_files)
    assert len(report.reasons) > 1
    assert "It cannot be served: FileNotFoundError" in report.reasons[-1]
    assert (report.version, report.decision, list(shop.registry.tags())) == ("1", "refused", [1])


def test_what_was_refused_is_asked_anew_when_it_is_registered_anew(shop: Shop) -> None:
    first = shop.register(evaluation_of(0.04))
    shop.champion(0.12)
    shop.store.discard(shop.store.versions(specs.REGISTRATION.key)[0].ref)
    again = shop.register(evaluation_of(0.04))
    assert (first.version, again.version) == ("1", "3")
    assert set(first.reasons) < set(again.reasons)
    assert any("the champion's" in reason for reason in again.reasons)


def test_of_several_versions_that_were_made_at_once_the_first_stays(shop: Shop) -> None:
    assert shop.logged is not None
    tags = {"recipe": "r", "gate": "passed"}
    for review in ("pending", "pending", "approved", "pending"):
        shop.registry.publish(shop.logged, "# card", {**tags, "review": review})
    shop.registry.set_alias("challenger", "4")
    found = shop.registry.settled(tags)
    assert found is not None
    assert found.version == "1"
    assert sorted(shop.registry.tags()) == [1, 3, 4], "what somebody decided about is not removed"


def test_two_registrations_at_once_make_one_version(shop: Shop) -> None:
    lakes = [f"{shop.store.url}-{number}" for number in range(2)]  # runs on an object store do not wait for each other
    spawning = get_context("spawn")
    with spawning.Manager() as manager, ProcessPoolExecutor(2, spawning) as pool:
        beside = partial(register_beside, shop.config, shop.files, manager.Barrier(2))
        reports = list(pool.map(beside, lakes))
    assert [(report.version, report.alias) for report in reports] == [("1", "challenger")] * 2
    assert list(shop.registry.tags()) == [1]


def register_beside(config: RegisterConfig, files: Path, barrier: Barrier, lake: str) -> Registration:
    """Register in a process of its own, which makes its version when the other one has found none, either."""
    publish, shop = Registry.publish, Shop(AssetStore(lake), config, files)
    with pytest.MonkeyPatch.context() as patch:

        def together(*args: Any) -> Version:  # what `publish` takes
            patch.undo()
            barrier.wait(PATIENCE_S)
            return publish(*args)

        patch.setattr(Registry, "publish", together)
        for _ in range(3):
            with contextlib.suppress(UnavailableError):  # they can be in each other's way, and are tried again by a run
                return shop.register(evaluation_of())
    return shop.register(evaluation_of())


def test_the_newest_candidate_takes_the_alias_of_the_challenger(shop: Shop) -> None:
    first, second = shop.register(evaluation_of(0.12)), shop.register(evaluation_of(0.13))
    assert shop.alias("challenger") == second.version
    assert shop.registry.version(first.version).review == "pending", "it can still be approved"
    assert [item.version for item in listed(shop.config)] == ["2", "1"]
    protected = set(registered_assets(shop.config))
    told = [item.ref for item in shop.store.versions(specs.REGISTRATION.key)]
    assert len(told) == 2
    assert set(told) <= protected
    assert {ref.key for ref in protected} == {specs.RECOMMENDER.key, specs.EVALUATION.key, specs.REGISTRATION.key}


def test_the_card_compares_with_the_champion_of_the_day(shop: Shop) -> None:
    shop.champion(0.12)
    found = shown(shop.config, shop.register(evaluation_of(0.13)).version)
    assert "| ndcg_at_10 | 0.1300 (0.1200–0.1400) | 0.1200 (0.1100–0.1300) |" in found.card
    assert found.version.review == "pending"
    assert found.status[0].endswith("version 2: challenger; version 1 is the champion.")


def test_the_champion_is_compared_by_its_value_on_the_same_split_and_by_its_lead_on_another(shop: Shop) -> None:
    split, later = (save_asset(shop.store, specs.SPLIT, {}, {"split.json": name}) for name in ("today", "tomorrow"))
    first = shop.register(evaluation_of(0.12), lineage=[split])
    shop.approve(first.version)
    shop.promote()
    values = (measured("popularity", 0.05), measured("item_knn", 0.09), measured("combination", 0.1))
    same = shop.register(evaluation_of(metrics=values), lineage=[split])
    assert same.reasons == ("Its ndcg_at_10 of 0.1000 is more than 2% below the champion's 0.1200.",)
    other = shop.register(evaluation_of(metrics=values), lineage=[later])
    assert other.reasons == ()
    assert "their leads over popularity: 2.00 times here, 2.40 there" in shop.registry.card(other.version)
    shop.approve(other.version)
    assert shop.promote(minutes=9) is not None, "the second look knows the splits too"


def test_a_remote_model_is_downloaded_once(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow import MlflowClient

    version = shop.registered()
    local = shop.registry.files(version.version, tmp_path / "cache")
    assert not (tmp_path / "cache").exists(), "what is local already is not copied"
    folder = next(path for path in local.parents if (path / "MLmodel").is_file())
    monkeypatch.setattr(MlflowClient, "get_model_version_download_uri", lambda *args: f"copy+{folder.as_uri()}")
    monkeypatch.setattr("mlflow.artifacts.download_artifacts", copying)
    found = shop.registry.files(version.version, tmp_path / "cache")
    assert (found / "recommender.json").is_file()
    monkeypatch.delattr("mlflow.artifacts.download_artifacts")
    assert shop.registry.files(version.version, tmp_path / "cache") == found


def copying(artifact_uri: str, dst_path: str) -> str:
    from urllib.parse import urlparse

    return str(shutil.copytree(urlparse(artifact_uri).path, f"{dst_path}/artifacts"))


def test_a_version_whose_run_is_gone_can_still_be_shown(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST

    version = shop.registered()

    def gone(client: MlflowClient, run_id: str) -> None:
        raise MlflowException("Run not found", error_code=RESOURCE_DOES_NOT_EXIST)

    monkeypatch.setattr(MlflowClient, "get_run", gone)
    found = shop.registry.version(version.version)
    assert (found.metrics, found.params, found.review) == ({}, {}, "pending")


def test_a_model_names_what_it_runs_on_in_the_versions_it_was_tried_with(shop: Shop) -> None:
    files = shop.registry.files(shop.registered().version)
    folder = next(path for path in files.parents if (path / "MLmodel").is_file())
    assert (folder / "requirements.txt").read_text(encoding="utf-8").splitlines() == requirements()


def test_an_experiment_that_was_deleted_in_mlflow_is_no_matter_of_trying_again(shop: Shop) -> None:
    shop.registry.client.delete_experiment(shop.registry.client.create_experiment(shop.config.experiment))
    with pytest.raises(UsageError, match=r"refused what it was asked.*must be in the 'active' state"):
        shop.register(evaluation_of())


def test_a_server_that_does_not_answer_is_a_transient_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    registry = Registry(RegisterConfig(tracking_uri="http://127.0.0.1:9", model_name="m"))
    for ask in (lambda: registry.by_alias("champion"), registry.tags, lambda: registry.version("1")):
        with pytest.raises(UnavailableError, match=r"“http://127\.0\.0\.1:9” is not available.*Check that MLflow runs"):
            ask()


def test_the_assets_of_a_version_are_found_again(shop: Shop) -> None:
    version = shop.registered()
    again = AssetStore(shop.store.url)
    assert [again.path(ref).is_dir() for ref in version.assets] == [True, True]
    assert AssetRef(specs.RECOMMENDER.key, shop.save_recommender().version) in version.assets
