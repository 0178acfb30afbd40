from __future__ import annotations

from pathlib import Path

import pytest

from tasks.errors import UnavailableError
from tasks.finetune.config import FinetuneConfig
from tasks.finetune.tracking import NoTracker, tracked

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")  # MLflow's models use it


@pytest.fixture(scope="module")
def tracking_uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


@pytest.fixture
def config(tracking_uri: str, tmp_path: Path) -> FinetuneConfig:
    return FinetuneConfig(
        tracking_uri=tracking_uri, artifact_location=(tmp_path / "artifacts").as_uri(), experiment="shop"
    )


def test_what_is_logged_can_be_read_while_training_runs(config: FinetuneConfig, tmp_path: Path) -> None:
    from mlflow import MlflowClient

    with tracked(config, tmp_path, {"asset": "models/encoder@1"}) as tracker:
        tracker.log(1, {"loss": 2.0, "learning_rate": 0.1})
        tracker.log(2, {"loss": 1.5})
        client = MlflowClient(config.tracking_uri)
        run = client.get_run(str(tracker.run_id))
        assert run.info.status == "RUNNING"
        assert [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, "loss")] == [(1, 2.0), (2, 1.5)]
    run = client.get_run(run.info.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["asset"] == "models/encoder@1"
    assert run.data.params["method"] == "lora"
    assert client.get_experiment(run.info.experiment_id).name == "shop"


def test_a_resumed_training_goes_on_with_its_run_which_failed_before(config: FinetuneConfig, tmp_path: Path) -> None:
    from mlflow import MlflowClient

    with pytest.raises(KeyboardInterrupt), tracked(config, tmp_path, {}) as first:
        raise KeyboardInterrupt
    client = MlflowClient(config.tracking_uri)
    assert client.get_run(str(first.run_id)).info.status == "FAILED"
    with tracked(config, tmp_path, {}) as second:
        assert second.run_id == first.run_id
        assert client.get_run(str(second.run_id)).info.status == "RUNNING"


@pytest.mark.parametrize("is_emptied", [True, False], ids=["emptied", "run deleted"])
def test_a_resumed_training_whose_run_is_gone_goes_on_in_a_new_one(
    config: FinetuneConfig, tmp_path: Path, *, is_emptied: bool
) -> None:
    from mlflow import MlflowClient

    with pytest.raises(KeyboardInterrupt), tracked(config, tmp_path, {}) as first:
        raise KeyboardInterrupt
    if is_emptied:
        config = config.model_copy(update={"tracking_uri": f"sqlite:///{tmp_path / 'emptied.db'}"})
    else:
        MlflowClient(config.tracking_uri).delete_run(str(first.run_id))
    for _ in range(2):
        with tracked(config, tmp_path, {"asset": "models/encoder@1"}) as again:
            again.log(3, {"loss": 1.0})
        run = MlflowClient(config.tracking_uri).get_run(str(again.run_id))
        assert (run.data.params["method"], run.data.tags["asset"]) == ("lora", "models/encoder@1")
    assert again.run_id != first.run_id
    assert len(MlflowClient(config.tracking_uri).get_metric_history(run.info.run_id, "loss")) == 2


def test_a_server_that_does_not_answer_is_a_transient_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    config = FinetuneConfig(tracking_uri="http://127.0.0.1:9", experiment="shop")
    with pytest.raises(UnavailableError, match="Check that MLflow runs") as caught, tracked(config, tmp_path, {}):
        pass
    assert caught.value.is_transient


def test_without_an_address_nothing_is_recorded(tmp_path: Path) -> None:
    with tracked(FinetuneConfig(), tmp_path, {}) as tracker:
        tracker.log(1, {"loss": 1.0})
    assert isinstance(tracker, NoTracker)
    assert list(tmp_path.iterdir()) == []
