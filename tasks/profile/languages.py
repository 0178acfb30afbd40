"""Which languages texts are in, cheaply: by script, and for Latin letters by the commonest words of a language.

Good for shares over many texts, not for a verdict on one. Words: the most frequent function words of each language.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

WORDS: Final = re.compile(r"[^\W\d_]+")
SCRIPTS: Final = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("ko", re.compile("[\uac00-\ud7af\u1100-\u11ff]")),
    ("zh", re.compile("[\u3400-\u9fff]")),
    ("ru", re.compile("[\u0400-\u04ff]")),
    ("ar", re.compile("[\u0600-\u06ff]")),
    ("he", re.compile("[\u0590-\u05ff]")),
    ("th", re.compile("[\u0e00-\u0e7f]")),
    ("hi", re.compile("[\u0900-\u097f]")),
    ("el", re.compile("[\u0370-\u03ff]")),
)
FUNCTION_WORDS: Final = {
    "en": ["the", "and", "of", "to", "in", "is", "for", "with", "that", "it", "on", "this", "you", "are", "not", "have", "my", "was", "but", "as", "be", "they", "very", "good", "great"],
    "de": ["der", "die", "und", "das", "ist", "nicht", "ein", "eine", "mit", "für", "auf", "den", "von", "zu", "im", "sehr", "ich", "auch", "es", "dem", "sich"],
    "fr": ["le", "la", "les", "et", "des", "est", "pas", "une", "pour", "dans", "que", "avec", "sur", "très", "je", "ce", "du", "au", "il", "plus", "en"],
    "es": ["el", "los", "las", "que", "y", "en", "una", "por", "con", "para", "es", "muy", "del", "no", "se", "lo", "como", "está", "su", "al"],
    "it": ["il", "di", "che", "è", "per", "un", "una", "con", "non", "sono", "molto", "della", "del", "nel", "le", "gli", "ma", "anche"],
    "pt": ["o", "os", "as", "que", "e", "em", "uma", "por", "com", "para", "é", "muito", "do", "da", "não", "se", "como", "mais", "no", "na"],
    "nl": ["de", "het", "een", "en", "van", "is", "niet", "met", "voor", "op", "dat", "zijn", "maar", "ook", "heel", "ik", "te", "er"],
}


def language_shares(texts: Iterable[str]) -> dict[str, float]:
    """Return the share of each language among texts that have letters, the largest first.

    Latin texts without a function word count as `latin`: titles and names often have none.
    """
    counts = Counter(language for text in texts if (language := language_of(text)) is not None)
    total = sum(counts.values())
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return {language: count / total for language, count in ordered}


def language_of(text: str) -> str | None:
    """Return a text's language code, `latin` or `other` where letters do not tell, None where there are no letters."""
    for language, pattern in SCRIPTS:
        if pattern.search(text):
            return language
    words = [word.lower() for word in WORDS.findall(text)]
    if not words:
        return None
    hits = {language: sum(word in known for word in words) for language, known in _KNOWN.items()}
    best = max(hits, key=lambda language: hits[language])
    if hits[best]:
        return best
    return "latin" if any(word.isascii() or "\u00c0" <= word[0] <= "\u024f" for word in words) else "other"


_KNOWN: Final = {language: frozenset(words) for language, words in FUNCTION_WORDS.items()}
