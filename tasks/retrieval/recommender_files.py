"""The files of a recommender: what is written is what is read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse as sp

from tasks.retrieval.buy_again import BuyAgain, DueAgain
from tasks.retrieval.histories import Histories
from tasks.retrieval.neighbours import Neighbours
from tasks.retrieval.passages import Passages
from tasks.retrieval.popularity import Popularity
from tasks.retrieval.ranked import Part
from tasks.retrieval.words import Words

SETTINGS: Final = "recommender.json"
PRODUCTS: Final = "products.parquet"
USERS: Final = "users.parquet"
HISTORIES: Final = "histories.npz"
VECTORS: Final = "vectors.npy"
WORDS: Final = "words.npz"
TEXT_OF: Final = "text_of.npy"
ARRAYS: Final = ("starts", "products", "count", "days", "first_s", "last_s")


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything a recommender knows but its encoder.

    Args:
        product_ids: The catalogue, in the order of all positions.
        titles: The catalogue's titles.
        histories: What every user chose.
        now_s: When the histories end, in seconds since 1970.
        weights: Part name to weight.
        popularity: The part for who is unknown.
        neighbours: ItemKNN and its like.
        words: The TF-IDF part.
        passages: The part of the encoder; also what is searched.
    """

    product_ids: tuple[str, ...]
    titles: tuple[str, ...]
    histories: Histories
    now_s: float
    weights: dict[str, float]
    popularity: Popularity
    neighbours: tuple[Neighbours, ...]
    words: Words
    passages: Passages

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts of the combination."""
        return (
            self.popularity,
            BuyAgain(self.now_s),
            DueAgain(self.now_s),
            *self.neighbours,
            self.words,
            self.passages,
        )


def write_bundle(bundle: Bundle, folder: Path) -> None:
    """Write a bundle's files into a folder; vectors in half precision."""
    products = pa.table(
        {"product_id": bundle.product_ids, "title": bundle.titles, "users": bundle.popularity.users_of.astype(np.int64)}
    )
    pq.write_table(products, folder / PRODUCTS, compression="zstd")
    pq.write_table(pa.table({"user_id": pa.array(bundle.histories.user_ids, pa.string())}), folder / USERS)
    np.savez(folder / HISTORIES, **{name: getattr(bundle.histories, name) for name in ARRAYS})
    for part in bundle.neighbours:
        sp.save_npz(folder / f"{part.name}.npz", part.similarity, compressed=False)
    sp.save_npz(folder / WORDS, bundle.words.terms, compressed=False)
    np.save(folder / TEXT_OF, bundle.words.text_of)
    np.save(folder / VECTORS, bundle.passages.vectors.astype(np.float16))
    settings = {
        "weights": bundle.weights,
        "now_s": bundle.now_s,
        "neighbours": [part.name for part in bundle.neighbours],
        "passages": bundle.passages.name,
    }
    (folder / SETTINGS).write_text(json.dumps(settings, indent=2), encoding="utf-8")


def read_bundle(folder: Path) -> Bundle:
    """Return the bundle that a folder holds."""
    settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    products = pq.read_table(folder / PRODUCTS)
    users = pq.read_table(folder / USERS)["user_id"].to_pylist()
    with np.load(folder / HISTORIES) as arrays:
        histories = Histories(
            user_ids=np.array(users, dtype=object), width=len(products), **{name: arrays[name] for name in ARRAYS}
        )
    return Bundle(
        product_ids=tuple(products["product_id"].to_pylist()),
        titles=tuple(products["title"].to_pylist()),
        histories=histories,
        now_s=settings["now_s"],
        weights=settings["weights"],
        popularity=Popularity(products["users"].to_numpy()),
        neighbours=tuple(Neighbours(name, sp.load_npz(folder / f"{name}.npz")) for name in settings["neighbours"]),
        words=Words(sp.load_npz(folder / WORDS), np.load(folder / TEXT_OF)),
        passages=Passages(settings["passages"], np.load(folder / VECTORS).astype(np.float32)),
    )
