"""Known-item search, for shops that have judged nothing: can a product be found by a few words of its own title?

Azzopardi, de Rijke and Balog 2007, "Building simulated queries for known-item topics". It tells two encoders apart; it
says little of what people type, and flatters the words, which stand in the title as they are asked for.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.retrieval.judged import query_key
from tasks.retrieval.metrics import Judged
from tasks.retrieval.ranked import NOTHING
from tasks.retrieval.words import TOKEN, WITHOUT_SPACES, Words

ITEMS: Final = 300
LEAST_ITEMS: Final = 20
"""With fewer, an interval says nothing."""
WORDS: Final = 3
BLOCK: Final = 16
"""Queries scored by words at once."""


def known_items(product_ids: pa.Array, titles: Sequence[str], seed: int) -> tuple[tuple[str, ...], Judged] | None:
    """Return queries and the one product that each is about, or None where too few products can be asked for.

    A product can be asked for whose title is no other product's and has two words or more. Which are asked for, and by
    which words, is decided by digests: the same catalogue and seed give the same queries.

    Args:
        product_ids: The catalogue.
        titles: The title of each product.
        seed: Another one gives another sample.
    """
    keys = [query_key(title) for title in titles]
    times = Counter(keys)
    able = [place for place, key in enumerate(keys) if times[key] == 1 and len(_pieces(titles[place])) > 1]
    if len(able) < LEAST_ITEMS:
        return None
    ids = {place: str(product_ids[place].as_py()) for place in able}
    chosen = sorted(able, key=lambda place: _digest(seed, ids[place]))[:ITEMS]
    queries = tuple(drawn_words(titles[place], f"{seed} {ids[place]}") for place in chosen)
    return queries, Judged(
        starts=np.arange(len(chosen) + 1, dtype=np.int64),
        products=np.array(chosen, np.int64),
        gains=np.ones(len(chosen)),
    )


def drawn_words(title: str, salt: str) -> str:
    """Return up to three words of a title in its order, never all of them.

    Where a script has no spaces, two characters are a word.

    Args:
        title: With two words or more.
        salt: Decides which words are drawn.
    """
    pieces = _pieces(title)
    drawn = sorted(pieces, key=lambda piece: _digest(salt, piece))[: min(WORDS, len(pieces) - 1)]
    return " ".join(piece for piece in pieces if piece in drawn)


def ranked_by_words(texts: Sequence[str], queries: Sequence[str], k: int) -> NDArray[np.int64]:
    """Return the k products of each query whose texts share its most telling words, `NOTHING` where none does.

    Args:
        texts: The catalogue's.
        queries: What is searched for.
        k: Products per query.
    """
    words = Words.fit([*texts, *queries])
    products, asked = (words.terms[places] for places in np.split(words.text_of, [len(texts)]))
    return np.concatenate([_best(asked[at : at + BLOCK] @ products.T, k) for at in range(0, len(queries), BLOCK)])


def _best(scores: Any, k: int) -> NDArray[np.int64]:  # scipy.sparse ships no types
    import torch

    top = torch.from_numpy(scores.toarray()).topk(min(k, scores.shape[1]), dim=1)
    found: NDArray[np.int64] = np.where(top.values.numpy() > 0, top.indices.numpy(), NOTHING)
    return found


def _pieces(title: str) -> list[str]:
    found = [piece for word in TOKEN.findall(title) for piece in _split(word)]
    return list(dict.fromkeys(found))


def _split(word: str) -> list[str]:
    return [word[at : at + 2] for at in range(0, len(word), 2)] if WITHOUT_SPACES.fullmatch(word) else [word]


def _digest(*parts: object) -> bytes:
    return hashlib.md5(" ".join(map(str, parts)).encode(), usedforsecurity=False).digest()
