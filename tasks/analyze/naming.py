"""Names clusters by their most telling words: class-based TF-IDF after Grootendorst, BERTopic (2022)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

Term = tuple[str, ...]
"""One word, or two that stand side by side."""

WORD: Final = re.compile(r"[^\W_][^\W_]*(?:['’&-][^\W_]+)*")
MARKS: Final = re.compile("[-'’]")
HAN: Final = re.compile("[\u3400-\u9fff]+")
PHRASE_SHARE: Final = 0.6
"""Share of a word's texts, in a cluster, in which it stands beside the other for the two to be one term."""

HAN_SHARE: Final = 0.9
"""The same for two pairs of Chinese characters that overlap, since one of them may run across two words."""

STOP_WORDS: Final = frozenset(
    word
    for line in (
        "a an and are as at be by for from has have in is it its not of on or per that the this to was with you your",
        "all can will each use up one two our more than into other others new set misc miscellaneous only plus etc",
        "pack packs packed pk pkg count ct cnt pc pcs piece pieces oz fl lb lbs kg gm gr ml mm cm ft gal qt pt ltr",
        "inch inches size sizes assorted asst color colors colour colours value yes no under over",
        "der die das und mit für von im le la les et de des du pour en el los las con para",
    )
    for word in line.split()
)


def cluster_words(texts: Sequence[str], labels: NDArray[np.int64], k: int, *, words: int) -> list[list[str]]:
    """Return, for each of k clusters, its most telling terms, the most telling first.

    A word's weight in a cluster is the number of its texts that hold it, times log(1 + mean words of a cluster / uses
    of the word). Two words that mostly stand side by side are one term, "dry erase". Chinese has no spaces, so pairs of
    neighbouring characters stand for words, and pairs that overlap are joined; a single character names a cluster only
    where there is no word. Another form of a chosen word is left out.

    Args:
        texts: What names are made of.
        labels: For each text, its cluster.
        k: Number of clusters.
        words: Most terms of each.
    """
    counts: list[Counter[Term]] = [Counter() for _ in range(k)]
    for text, label in zip(texts, labels.tolist(), strict=True):
        counts[label].update(terms(text))
    uses: Counter[Term] = Counter()
    for counted in counts:
        uses.update({term: count for term, count in counted.items() if len(term) == 1})
    mean = uses.total() / max(1, k)
    return [_telling(counted, uses, mean, words) for counted in counts]


def distinct_names(chosen: Sequence[Sequence[str]]) -> list[str]:
    """Return names of joined words; equal names are told apart by a number."""
    seen: Counter[str] = Counter()
    names = []
    for words in chosen:
        name = ", ".join(words) or "without words"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return names


def terms(text: str) -> set[Term]:
    """Return a text's words, and the pairs of words side by side, without stop words, numbers and single letters."""
    said = list(_words(text.lower()))
    kept = {(word,) for word in said if word}
    return kept | {pair for pair in pairwise(said) if all(pair)}


def _words(text: str) -> Iterator[str]:
    """Words in order; an empty one stands where words that do not count part two that do."""
    for run in HAN.findall(text):
        yield from (run[place : place + 2] for place in range(max(1, len(run) - 1)))
        yield ""
    place = 0
    spaced = HAN.sub(" | ", text)
    for match in WORD.finditer(spaced):
        if spaced[place : match.start()].strip():
            yield ""
        place = match.end()
        word = match.group()
        counts = len(word) > 1 and not any(letter.isdigit() for letter in word) and word not in STOP_WORDS
        yield word if counts else ""
    yield ""


def _telling(counted: Counter[Term], uses: Counter[Term], mean: float, words: int) -> list[str]:
    single = [term for term in counted if len(term) == 1]
    counting = [term for term in single if len(term[0]) > 1] or single
    weights = {term: counted[term] * np.log1p(mean / uses[term]) for term in counting}
    pairs = sorted(
        (term for term, n in counted.items() if len(term) == 2 and n > 1),
        key=lambda term: (-counted[term], term),
    )
    chosen: list[Term] = []
    for term in sorted(weights, key=lambda term: (-weights[term], term)):
        if any(_is_form_of(term[0], word) for other in chosen for word in other):
            continue
        chosen.append(_phrase(term, counted, pairs, chosen))
        if len(chosen) == words:
            break
    return [_joined(term) for term in chosen]


def _phrase(term: Term, counted: Counter[Term], pairs: Sequence[Term], chosen: Sequence[Term]) -> Term:
    """The pair that a word mostly stands in, or the word itself."""
    used = {word for other in chosen for word in other}
    for pair in pairs:
        if counted[pair] < PHRASE_SHARE * counted[term]:
            break
        if term[0] in pair and not used.intersection(pair) and _is_phrase(pair, counted):
            return pair
    return term


def _is_phrase(pair: Term, counted: Counter[Term]) -> bool:
    left, right = pair
    overlap = bool(HAN.match(left) and HAN.match(right))
    if not overlap and _is_form_of(left, right):
        return False
    share = HAN_SHARE if overlap else PHRASE_SHARE
    return counted[pair] >= share * max(counted[left,], counted[right,])


def _joined(term: Term) -> str:
    if len(term) == 2 and HAN.match(term[0]) and HAN.match(term[1]):
        return term[0] + (term[1][1:] if term[0][-1] == term[1][0] else term[1])
    return " ".join(term)


def _is_form_of(word: str, other: str) -> bool:
    """Whether one word says the other again: its plural, its spelling with a hyphen or an apostrophe, a part of it."""
    if HAN.match(word) and HAN.match(other):
        return bool(set(word) & set(other))
    short, long = sorted((MARKS.sub("", word), MARKS.sub("", other)), key=len)
    if long == short or word in other.split("-") or other in word.split("-"):
        return True
    return len(short) > 2 and (
        (long.startswith(short) and len(long) - len(short) <= 2)
        or (long.endswith("ies") and short.endswith("y") and long[:-3] == short[:-1])
    )
