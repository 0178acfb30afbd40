"""Words that mean that nothing is there, as SQL: `null`, `n/a`, in any case, and padded or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tasks.ingest.padding import bare
from tasks.schemas import literal

SPACES: Final = (32, 160, 0x3000)
"""Characters that a null word may be padded by."""


def without_null_words(text: str, words: Sequence[str]) -> str:
    """Return SQL that is null for a word that means nothing, if hardly padded: most are, and it is soon seen.

    Most values are told apart by their length or first character. The words stand in a `case`, because DuckDB makes a
    join of `in`, and that looks at every row closely.

    Args:
        text: SQL of a text.
        words: The words, in lower case.
    """
    if not words:
        return text
    longest = max(len(word.encode()) for word in words) + 2
    letters = {ord(letter) for word in words for letter in word[:1].lower() + word[:1].upper()}
    firsts = sum(1 << code for code in {code % 64 for code in (0, *SPACES, *letters)})
    is_word = (
        f"strlen({text}) <= {longest} and ({firsts}::ubigint >> (ascii({text})::ubigint & 63)) & 1 = 1 "
        f"and {_is_word(f'trim({text})', words)}"
    )
    return f"case when {is_word} then null else {text} end"


def is_padded_null(text: str, words: Sequence[str]) -> str:
    """Return SQL that is true for such a word, however it is padded: for the few texts that are looked at closely.

    Args:
        text: SQL of a value, which may be of another type.
        words: The words, in lower case.
    """
    return _is_word(bare(f"{text}::varchar"), words) if words else "false"


def _is_word(text: str, words: Sequence[str]) -> str:
    branches = " ".join(f"when {literal(word)} then true" for word in words)
    return f"(case lower({text}) {branches} else false end)"
