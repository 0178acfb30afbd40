"""Training batches: drawn by seed and step alone, so that a resumed run sees what an uninterrupted one would."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.finetune.pairs import Pairs


@dataclass(frozen=True, slots=True)
class Batch:
    """Some pairs and the distinct texts in them, each encoded once.

    Args:
        texts: Positions of the distinct texts, the shortest first.
        anchors: Per pair, its first text's place in `texts`.
        positives: Per pair, its second text's place in `texts`.
        is_masked: Pairs x texts: neither the positive nor a negative of that anchor.
    """

    texts: NDArray[np.int64]
    anchors: NDArray[np.int64]
    positives: NDArray[np.int64]
    is_masked: NDArray[np.bool_]


def drawn_batch(
    pairs: Pairs, lengths: NDArray[np.int64], *, step: int, seed: int, most_pairs: int, most_tokens: int
) -> Batch:
    """Return the batch of a step: as many pairs, drawn by weight, as fit the budget of tokens, and at least two.

    Args:
        pairs: What to draw from.
        lengths: Tokens of each text.
        step: The training step.
        seed: The run's seed.
        most_pairs: Most pairs.
        most_tokens: Most tokens over the distinct texts.
    """
    rng = np.random.default_rng([seed, step])
    size = min(most_pairs, len(pairs))
    drawn = rng.choice(len(pairs), size=size, replace=False, p=pairs.weights / pairs.weights.sum())
    kept = drawn[: max(2, _fitting(pairs, drawn, lengths, most_tokens))]
    anchors, positives = pairs.anchors[kept], pairs.positives[kept]
    texts = np.unique(np.concatenate([anchors, positives]))
    texts = texts[np.argsort(lengths[texts], kind="stable")]
    place = {int(text): index for index, text in enumerate(texts)}
    anchor_place = np.array([place[int(text)] for text in anchors])
    positive_place = np.array([place[int(text)] for text in positives])
    is_masked = pairs.belong_together(texts)[anchor_place]
    is_masked[np.arange(len(kept)), positive_place] = False
    return Batch(texts=texts, anchors=anchor_place, positives=positive_place, is_masked=is_masked)


def _fitting(pairs: Pairs, drawn: NDArray[np.int64], lengths: NDArray[np.int64], most_tokens: int) -> int:
    seen: set[int] = set()
    tokens = 0
    for count, index in enumerate(drawn):
        new = {int(pairs.anchors[index]), int(pairs.positives[index])} - seen
        tokens += int(sum(lengths[text] for text in new))
        if tokens > most_tokens:
            return count
        seen |= new
    return len(drawn)


def length_groups(lengths: NDArray[np.int64], most_tokens: int) -> list[slice]:
    """Return consecutive runs of texts, sorted by length, whose padded size stays within `most_tokens`."""
    groups: list[slice] = []
    start = 0
    for end in range(1, len(lengths) + 1):
        is_last = end == len(lengths)
        if is_last or (end + 1 - start) * int(lengths[end]) > most_tokens:
            groups.append(slice(start, end))
            start = end
    return groups
