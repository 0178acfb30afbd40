"""Products that share telling words with what a user chose: TF-IDF, a text baseline without any model."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from tasks.retrieval.histories import Histories
from tasks.retrieval.ranked import Ranked, ranked_dense

MOST_COMMON: Final = 0.2
TOKEN: Final = re.compile(r"[^\W_]+")
WITHOUT_SPACES: Final = re.compile(r"[぀-ヿ㐀-鿿]+")


class Words:
    """Ranks unseen products by the cosine of TF-IDF vectors to the sum of a user's products.

    Term weighting is Salton and Buckley 1988, with `1 + log(count)`; a word in more than a fifth of the products, or in
    one alone, tells nothing here. Equal texts are scored once.

    Args:
        terms: Distinct texts x words, unit rows.
        text_of: Per product, the row of its text.
    """

    name = "words"

    def __init__(self, terms: Any, text_of: NDArray[np.int64]) -> None:  # scipy.sparse ships no types
        self.terms = terms
        self.text_of = text_of

    @classmethod
    def fit(cls, texts: Sequence[str]) -> Words:
        """Count the words of the catalogue's texts."""
        distinct, text_of = np.unique(np.asarray(texts, dtype=object), return_inverse=True)
        return cls(_tf_idf(distinct, np.bincount(text_of)), text_of)

    def rank(self, histories: Histories, k: int) -> Ranked:
        """Return the k best unseen products of each user."""
        weights = histories.recency() ** 2
        texts = sp.csr_array(
            (weights, self.text_of[histories.products], histories.starts), shape=(len(histories), self.terms.shape[0])
        )
        wishes, terms = texts @ self.terms, self.terms.T.tocsr()

        def score(block: slice) -> NDArray[np.float32]:
            dense: NDArray[np.float32] = (wishes[block] @ terms).toarray()
            return np.ascontiguousarray(dense[:, self.text_of])

        return ranked_dense(score, histories, k)


def tokens(text: str) -> Iterable[str]:
    """Yield the lower-case words of a text; where a script has no spaces, its pairs of characters."""
    for word in TOKEN.findall(text.lower()):
        if WITHOUT_SPACES.fullmatch(word) and len(word) > 2:
            yield from (word[i : i + 2] for i in range(len(word) - 1))
        else:
            yield word


def _tf_idf(texts: Iterable[str], copies: NDArray[np.int64]) -> Any:  # scipy.sparse ships no types
    counted = [Counter(tokens(text)) for text in texts]
    products_with: Counter[str] = Counter()
    for words, times in zip(counted, copies, strict=True):
        for word in words:
            products_with[word] += int(times)
    total = int(copies.sum())
    kept = sorted(word for word, products in products_with.items() if 1 < products <= max(2, MOST_COMMON * total))
    column = {word: index for index, word in enumerate(kept)}
    idf = np.log(total / np.array([products_with[word] for word in kept], np.float64))
    rows = [[(column[word], count) for word, count in words.items() if word in column] for words in counted]
    starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    columns = np.array([index for row in rows for index, _ in row], np.int64)
    counts = np.array([count for row in rows for _, count in row], np.float64)
    matrix = sp.csr_array(((1 + np.log(counts)) * idf[columns], columns, starts), shape=(len(counted), len(kept)))
    lengths = np.sqrt((matrix * matrix).sum(axis=1))
    return (sp.diags_array(1 / np.maximum(lengths, 1e-12)) @ matrix).astype(np.float32).tocsr()
