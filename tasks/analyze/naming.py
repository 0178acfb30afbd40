"""Names clusters by their most telling words: class-based TF-IDF after Grootendorst, BERTopic (2022)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

WORD: Final = re.compile(r"[^\W\d_][^\W_]*(?:[-'’][^\W_]+)*")
HAN: Final = re.compile("[\u3400-\u9fff]+")
STOP_WORDS: Final = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "by",
        "for",
        "from",
        "has",
        "have",
        "in",
        "is",
        "it",
        "its",
        "not",
        "of",
        "on",
        "or",
        "per",
        "that",
        "the",
        "this",
        "to",
        "was",
        "with",
        "you",
        "your",
        "all",
        "can",
        "will",
        "each",
        "use",
        "up",
        "one",
        "two",
        "our",
        "more",
        "than",
        "into",
        "other",
        "new",
        "set",
        "pack",
        "count",
        "ct",
        "oz",
        "lb",
        "size",
        "assorted",
        "color",
        "colors",
        "inch",
        "inches",
        "x",
        "der",
        "die",
        "das",
        "und",
        "mit",
        "für",
        "von",
        "le",
        "la",
        "les",
        "et",
        "de",
        "des",
        "du",
        "pour",
        "el",
        "los",
        "las",
        "y",
        "con",
        "para",
    ]
)


def cluster_words(texts: Sequence[str], labels: NDArray[np.int64], k: int, *, words: int) -> list[list[str]]:
    """Return, for each of k clusters, its most telling words, the most telling first.

    A word's weight in a cluster is the number of its texts that hold it, times log(1 + mean words of a cluster / uses
    of the word). Chinese has no spaces, so pairs of neighbouring characters stand for words. Another form of a chosen
    word is left out.
    """
    counts, vocabulary = _counts(texts, labels, k)
    uses = np.asarray(counts.sum(axis=0)).ravel()
    weights = counts.multiply(np.log1p(counts.sum() / max(1, k) / np.maximum(uses, 1))).tocsr()
    return [_best(weights[cluster], vocabulary, words) for cluster in range(k)]


def distinct_names(chosen: Sequence[Sequence[str]]) -> list[str]:
    """Return names of joined words; equal names are told apart by a number."""
    seen: dict[str, int] = {}
    names = []
    for words in chosen:
        name = ", ".join(words) or "without words"
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return names


def tokens(text: str) -> Iterator[str]:
    """Yield a text's words in lower case without stop words; of Chinese, pairs of neighbouring characters."""
    for run in HAN.findall(text):
        yield from (run[position : position + 2] for position in range(max(1, len(run) - 1)))
    for word in WORD.findall(HAN.sub(" ", text)):
        lowered = word.lower()
        if len(lowered) > 1 and lowered not in STOP_WORDS:
            yield lowered


def _counts(
    texts: Sequence[str], labels: NDArray[np.int64], k: int
) -> tuple[Any, list[str]]:  # scipy.sparse has no types
    from scipy import sparse

    index: dict[str, int] = {}
    rows: list[int] = []
    columns: list[int] = []
    for text, label in zip(texts, labels.tolist(), strict=True):
        for token in set(tokens(text)):
            rows.append(label)
            columns.append(index.setdefault(token, len(index)))
    ones = np.ones(len(rows), np.float64)
    matrix = sparse.coo_matrix((ones, (rows, columns)), shape=(k, max(1, len(index)))).tocsr()
    return matrix, list(index)


def _best(row: Any, vocabulary: Sequence[str], words: int) -> list[str]:  # scipy.sparse has no types
    order = sorted(
        zip(row.indices.tolist(), row.data.tolist(), strict=True), key=lambda item: (-item[1], vocabulary[item[0]])
    )
    chosen: list[str] = []
    for column, _ in order:
        word = vocabulary[column]
        if not any(_is_form_of(word, other) for other in chosen):
            chosen.append(word)
        if len(chosen) == words:
            break
    return chosen


def _is_form_of(word: str, other: str) -> bool:
    short, long = sorted((word, other), key=len)
    return long == short or (len(short) > 2 and long.startswith(short) and len(long) - len(short) <= 2)
