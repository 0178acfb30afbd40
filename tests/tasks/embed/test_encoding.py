from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tasks.embed.config import EmbedConfig
from tasks.embed.encoding import chunks_of, encode_missing, text_digest
from tasks.retrieval.layout import TextKind
from tests.builders_encoder import HashEncoder

TEXTS = {text_digest(text): text for text in (f"pen {number} {'paper ' * (number % 5)}" for number in range(20))}


@dataclass(frozen=True)
class CountingEncoder(HashEncoder):
    """Remembers what it was asked, and breaks down when it was asked too often."""

    calls: list[list[str]] = field(default_factory=list)
    most_calls: int = 1_000

    def encode(self, texts: Sequence[str], kind: TextKind = "passage") -> NDArray[np.float32]:
        if len(self.calls) == self.most_calls:
            raise KeyboardInterrupt
        self.calls.append(list(texts))
        return super().encode(texts, kind)


def test_every_text_gets_its_vector(tmp_path: Path) -> None:
    encoder = HashEncoder()

    found = encode_missing(TEXTS, encoder, folder=tmp_path, chunk=7)

    assert (found.resumed, found.encoded) == (0, 20)
    assert all((found.vectors[digest] == encoder.encode([text])[0]).all() for digest, text in TEXTS.items())


def test_after_an_interruption_only_the_unfinished_chunk_is_encoded_again(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        encode_missing(TEXTS, CountingEncoder(most_calls=2), folder=tmp_path, chunk=7)
    again = CountingEncoder()

    found = encode_missing(TEXTS, again, folder=tmp_path, chunk=7)

    assert (found.resumed, found.encoded) == (14, 6)
    assert sum(map(len, again.calls)) == 6
    assert found.vectors.keys() == TEXTS.keys()


def test_chunks_after_an_interruption_are_those_of_a_whole_run(tmp_path: Path) -> None:
    whole, second = CountingEncoder(), CountingEncoder()
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    encode_missing(TEXTS, whole, folder=tmp_path / "a", chunk=7)
    with pytest.raises(KeyboardInterrupt):
        encode_missing(TEXTS, CountingEncoder(most_calls=1), folder=tmp_path / "b", chunk=7)

    encode_missing(TEXTS, second, folder=tmp_path / "b", chunk=7)

    assert second.calls == whole.calls[1:]


def test_chunks_of_another_encoder_or_precision_are_not_taken(tmp_path: Path) -> None:
    encode_missing(TEXTS, HashEncoder(), folder=tmp_path, chunk=20)

    assert encode_missing(TEXTS, HashEncoder(dimension=32), folder=tmp_path, chunk=20).resumed == 0
    assert encode_missing(TEXTS, HashEncoder(precision="bf16"), folder=tmp_path, chunk=20).resumed == 0


def test_a_chunk_that_was_cut_off_is_encoded_again(tmp_path: Path) -> None:
    encode_missing(TEXTS, HashEncoder(), folder=tmp_path, chunk=10)
    first, second = sorted(tmp_path.glob("chunk-*.npz"))
    first.write_bytes(first.read_bytes()[:100])
    second.write_bytes(b"")

    found = encode_missing(TEXTS, HashEncoder(), folder=tmp_path, chunk=10)

    assert (found.resumed, found.encoded) == (0, 20)


def test_chunks_of_texts_that_are_gone_are_left_alone(tmp_path: Path) -> None:
    encode_missing(TEXTS, HashEncoder(), folder=tmp_path, chunk=20)
    few = dict(list(TEXTS.items())[:3])

    assert encode_missing(few, HashEncoder(), folder=tmp_path, chunk=20).vectors.keys() == few.keys()


def test_progress_counts_every_text_once(tmp_path: Path) -> None:
    steps: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        encode_missing(TEXTS, CountingEncoder(most_calls=1), folder=tmp_path, chunk=7)

    encode_missing(TEXTS, HashEncoder(), folder=tmp_path, chunk=7, advance=steps.append)

    assert steps == [7, 7, 6]


def test_a_small_shop_too_is_saved_and_told_of_many_times(tmp_path: Path) -> None:
    texts = {text_digest(text): text for text in (f"pen {number}" for number in range(3_000))}
    steps: list[int] = []

    encode_missing(texts, HashEncoder(), folder=tmp_path, chunk=EmbedConfig().chunk_texts, advance=steps.append)

    assert len(list(tmp_path.glob("chunk-*.npz"))) == len([count for count in steps if count]) > 5


def test_nothing_to_encode_is_fine(tmp_path: Path) -> None:
    assert encode_missing({}, HashEncoder(), folder=tmp_path, chunk=7).vectors == {}


@given(st.lists(st.text(max_size=3), unique=True), st.integers(1, 9))
def test_chunks_hold_everything_once_and_never_too_much(ordered: list[str], most: int) -> None:
    chunks = chunks_of(ordered, most)

    assert sorted(item for chunk in chunks for item in chunk) == sorted(ordered)
    assert all(0 < len(chunk) <= most for chunk in chunks)
    assert not chunks or max(map(len, chunks)) - min(map(len, chunks)) <= 1


def test_digests_are_of_the_text_alone() -> None:
    assert text_digest("pen") == text_digest("pen") != text_digest("pen ")
    assert len(text_digest("笔")) == 32
