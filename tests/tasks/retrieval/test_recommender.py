from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tasks.retrieval.encoder import open_encoder
from tasks.retrieval.histories import histories_of
from tasks.retrieval.neighbours import item_knn
from tasks.retrieval.passages import Passages
from tasks.retrieval.popularity import Popularity
from tasks.retrieval.recommender import ENCODER_FOLDER, Recommender
from tasks.retrieval.recommender_files import Bundle, read_bundle, write_bundle
from tasks.retrieval.words import Words
from tests.builders_behaviour import interactions_of
from tests.builders_encoder import write_encoder, write_prompts

IDS = ["pen", "ink", "paper", "pan", "pot", "cup"]
TITLES = ["blue pen", "blue ink", "white paper", "iron pan", "iron pot", "tea cup"]
ALL = {"popularity": 0.1, "buy_again": 0.1, "due_again": 0.1, "item_knn": 0.4, "words": 0.2, "finetuned_encoder": 0.1}


def written(folder: Path, *, query_prompt: str = "", last: tuple[str, str] = ("c3", "pot"), **weights: float) -> Path:
    """A recommender of nine users: writers buy pen, ink and paper, cooks pan and pot; `w0` buys ink every other day.

    `last` is the last purchase of all.
    """
    rows = [("w0", product) for product in ("ink", "pen", "ink", "pen", "ink")]
    rows += [(f"w{user}", product) for user in range(1, 5) for product in ("pen", "ink", "paper")]
    rows += [(f"c{user}", product) for user in range(4) for product in ("pan", "pot")]
    rows[-1:] = [last]
    histories = histories_of(interactions_of(rows), pa.array(IDS))
    folder.mkdir()
    encoder = write_prompts(write_encoder(folder / ENCODER_FOLDER), query=query_prompt)
    bundle = Bundle(
        product_ids=tuple(IDS),
        titles=tuple(TITLES),
        histories=histories,
        now_s=float(histories.last_s.max()),
        weights={**dict.fromkeys(ALL, 0.0), **(weights or ALL)},
        popularity=Popularity.fit(histories),
        neighbours=(item_knn(histories, neighbours=3, min_users=1),),
        words=Words.fit(TITLES),
        passages=Passages(
            "finetuned_encoder", open_encoder(str(encoder), device="cpu", precision="fp32").encode(TITLES)
        ),
    )
    write_bundle(bundle, folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("recommender") / "model")


def test_a_known_user_is_recommended_what_similar_users_bought(tmp_path: Path) -> None:
    found = Recommender.load(written(tmp_path / "model", item_knn=1.0)).recommend("w0", k=3)
    assert [(item.product_id, item.title) for item in found] == [("paper", "white paper")]
    assert found[0].reasons == ("bought with “blue ink”",)


def test_a_habit_is_said_with_its_interval(tmp_path: Path) -> None:
    found = Recommender.load(written(tmp_path / "model", buy_again=1.0)).recommend("w0", k=3)
    assert [(item.product_id, item.reasons) for item in found] == [
        ("ink", ("you buy it every 2 days",)),
        ("pen", ("you buy it every 2 days",)),
    ]


def test_a_single_purchase_is_no_habit(tmp_path: Path) -> None:
    found = Recommender.load(written(tmp_path / "model", buy_again=1.0)).recommend("c1", k=3)
    assert {item.reasons for item in found} == {("you bought it before",)}


def test_texts_give_the_reason_like(tmp_path: Path) -> None:
    by_words = Recommender.load(written(tmp_path / "words", words=1.0)).recommend(history=["pan"], k=1)
    assert [(item.product_id, item.reasons) for item in by_words] == [("pot", ("like “iron pan”",))]
    by_encoder = Recommender.load(written(tmp_path / "encoder", finetuned_encoder=1.0)).recommend(history=["pan"], k=1)
    assert by_encoder[0].reasons == ("like “iron pan”",)


def test_one_product_of_the_history_speaks_only_once(folder: Path) -> None:
    found = Recommender.load(folder).recommend(history=["pan"], k=6)
    for item in found:
        assert sum("iron pan" in reason for reason in item.reasons) <= 1


def test_scores_fall_and_no_product_comes_twice(folder: Path) -> None:
    for user in ("w0", "c0", None):
        found = Recommender.load(folder).recommend(user, k=6)
        assert [item.score for item in found] == sorted((item.score for item in found), reverse=True)
        assert len({item.product_id for item in found}) == len(found)
        assert all(item.reasons for item in found)


def test_an_unknown_user_without_history_gets_what_is_popular(folder: Path) -> None:
    found = Recommender.load(folder).recommend("nobody", k=2)
    assert [(item.product_id, item.reasons) for item in found] == [("pen", ("popular",)), ("ink", ("popular",))]
    assert found == Recommender.load(folder).recommend(k=2)


def test_a_session_changes_what_a_known_user_sees(tmp_path: Path) -> None:
    recommender = Recommender.load(written(tmp_path / "model", item_knn=1.0))
    assert {item.product_id for item in recommender.recommend("w0", k=3)} == {"paper"}
    assert {item.product_id for item in recommender.recommend("w0", history=["pan"], k=3)} == {"paper", "pot"}


def test_what_a_session_brings_is_later_than_anybodys_last_purchase(tmp_path: Path) -> None:
    recommender = Recommender.load(written(tmp_path / "model", last=("w9", "ink"), item_knn=1.0))
    assert recommender.recommend("w9", k=1)[0].reasons == ("bought with “blue ink”",)
    assert recommender.recommend("w9", history=["pen"], k=1)[0].reasons == ("bought with “blue pen”",)


def test_unknown_products_are_passed_over(folder: Path) -> None:
    recommender = Recommender.load(folder)
    assert recommender.recommend(history=["gone", "pan"], k=3) == recommender.recommend(history=["pan"], k=3)
    assert recommender.recommend(history=["gone"], k=1)[0].reasons == ("popular",)


def test_search_finds_the_product_whose_title_is_asked_for(folder: Path) -> None:
    found = Recommender.load(folder).search("iron pot", k=3)
    assert found[0].product_id == "pot"
    assert found[0].score == pytest.approx(1.0, abs=2e-3)
    assert found[0].reasons == ("its title has “iron pot”",)
    assert {reason for item in found for reason in item.reasons} <= {
        "its title has “iron pot”",
        "its title has “iron”",
        "near in meaning",
    }
    assert Recommender.load(folder).search("  ") == []


def test_what_is_searched_for_has_the_encoders_prompt_of_queries(tmp_path: Path) -> None:
    found = Recommender.load(written(tmp_path / "model", query_prompt="iron ")).search("pot", k=1)
    assert found[0].product_id == "pot"
    assert found[0].score == pytest.approx(1.0, abs=2e-3)


def test_what_is_written_is_what_is_read(folder: Path, tmp_path: Path) -> None:
    first = read_bundle(folder)
    again = tmp_path / "again"
    again.mkdir()
    write_bundle(first, again)
    second = read_bundle(again)
    assert second.weights == first.weights
    assert second.product_ids == first.product_ids
    np.testing.assert_array_equal(second.passages.vectors, first.passages.vectors)
    np.testing.assert_array_equal(second.histories.last_s, first.histories.last_s)
    assert (second.neighbours[0].similarity != first.neighbours[0].similarity).nnz == 0


def test_it_runs_without_the_pipeline_and_without_a_network(folder: Path) -> None:
    program = f"""
import socket, sys
def refuse(*args, **kwargs):
    raise OSError("no network")
socket.socket.connect = refuse
from pathlib import Path
from tasks.retrieval.recommender import Recommender
model = Recommender.load(Path({str(folder)!r}))
assert model.recommend("w0") and model.search("pen")
stages = "ingest validate profile embed analyze finetune evaluate register inventory stage assets".split()
found = [name for name in sys.modules if name.split(".")[0] in ("prefect", "mlflow", "pydantic_settings")]
found += [name for name in sys.modules if name.startswith(tuple("tasks." + stage for stage in stages))]
assert not found, found
"""
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, check=False, cwd=root, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
