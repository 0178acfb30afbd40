"""A small real recommender in a folder, as `evaluate` leaves it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from tasks.retrieval.encoder import open_encoder
from tasks.retrieval.histories import histories_of
from tasks.retrieval.neighbours import item_knn
from tasks.retrieval.passages import Passages
from tasks.retrieval.popularity import Popularity
from tasks.retrieval.recommender import ENCODER_FOLDER
from tasks.retrieval.recommender_files import Bundle, write_bundle
from tasks.retrieval.words import Words
from tests.builders_behaviour import interactions_of
from tests.builders_encoder import write_encoder

PRODUCTS = {
    "pen": "blue pen",
    "ink": "blue ink",
    "paper": "white paper",
    "pan": "iron pan",
    "pot": "iron pot",
    "cup": "tea cup",
}


def write_recommender(folder: Path) -> Path:
    """A recommender of eight users: writers `w0` … buy pen, ink and paper, cooks `c0` … pan and pot."""
    rows = [(f"w{user}", product) for user in range(4) for product in ("pen", "ink", "paper")]
    rows += [(f"c{user}", product) for user in range(4) for product in ("pan", "pot")]
    histories = histories_of(interactions_of(rows), pa.array(list(PRODUCTS)))
    titles = list(PRODUCTS.values())
    folder.mkdir(parents=True, exist_ok=True)
    encoder = open_encoder(str(write_encoder(folder / ENCODER_FOLDER)), device="cpu", precision="fp32")
    bundle = Bundle(
        product_ids=tuple(PRODUCTS),
        titles=tuple(titles),
        histories=histories,
        now_s=float(histories.last_s.max()),
        weights={
            **dict.fromkeys(("buy_again", "due_again"), 0.0),
            "popularity": 0.2,
            "item_knn": 0.5,
            "words": 0.2,
            "finetuned_encoder": 0.1,
        },
        popularity=Popularity.fit(histories),
        neighbours=(item_knn(histories, neighbours=3, min_users=1),),
        words=Words.fit(titles),
        passages=Passages("finetuned_encoder", encoder.encode(titles)),
    )
    write_bundle(bundle, folder)
    return folder
