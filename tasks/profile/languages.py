"""Which language a text is in, cheaply: by its script, and by frequent small words where scripts are shared.

Enough to say that a column is half Chinese; no more. A Latin text without any of these words is just “latin”.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

SCRIPTS: Final = (
    ("ja", re.compile("[\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f]")),
    ("ko", re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]")),
    ("zh", re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]")),
    ("ru", re.compile("[\u0400-\u052f]")),
    ("ar", re.compile("[\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufeff]")),
    ("he", re.compile("[\u0590-\u05ff]")),
    ("el", re.compile("[\u0370-\u03ff\u1f00-\u1fff]")),
    ("th", re.compile("[\u0e00-\u0e7f]")),
    ("hi", re.compile("[\u0900-\u097f]")),
)
"""Japanese before Chinese: one kana tells the two apart. Cyrillic is taken for Russian, Arabic script for Arabic."""

WORDS: Final = {
    "en": "the and of to in is for with that this it you not are was be on as at have from or by but my your they will "
    "can an these so if very all has we great good what how does do when use just like which new out",
    "de": "der die das und ist nicht ein eine mit für auf von den dem zu im sich auch es als sind wird aus bei oder "
    "nach einen einer wie zum zur sehr nur kann ich sie aber wir noch über",
    "fr": "le la les et des est un une dans pour que qui avec sur pas du au par ce je il plus très mais sont vous nous "
    "cette ou en ne être fait tout bien aux",
    "es": "el la los las y de que es un una en para con por no se lo del al como más muy pero su son este esta sin mi "
    "hay fue todo bien cuando también",
    "it": "il lo gli e di che è un una per con non sono del della le si da come più molto ma questo anche nel alla",
    "pt": "o os as e de que é um uma para com não do da em por se mais muito mas como foi são seu ao bom",
    "nl": "de het een en van is niet met voor dat op te in zijn ook maar aan er wordt deze naar bij heel goed",
}
MARKS: Final = {"de": "äöüß", "fr": "àâçèêëîïœùû", "es": "ñ¿¡áíó", "it": "ìòù", "pt": "ãõ"}
LATIN: Final = re.compile("[A-Za-z\u00aa-\u024f\u1e00-\u1eff]+")
LETTER: Final = re.compile(r"[^\W\d_]")
SPACED: Final = re.compile(r"[^\W\d_]\s+[^\W\d_]")
MIN_PROSE: Final = 0.2
LOOKED_AT: Final = 400


def language(text: str) -> str | None:
    """Return the language or the script of a text: `en`, `zh`, …, `latin`, `other`; None without letters."""
    start = text[:LOOKED_AT]
    if not LETTER.search(start):
        return None
    for name, script in SCRIPTS:
        if len(script.findall(start)) * 4 >= len(LETTER.findall(start)) or (
            name in {"ja", "ko"} and script.search(start)
        ):
            return name
    words = [word.lower() for word in LATIN.findall(start)]
    if not words:
        return "other"
    hits = {name: _hits(words, start, name) for name in WORDS}
    best = max(hits.values())
    return next(name for name, count in hits.items() if count == best) if best else "latin"


def language_shares(texts: Iterable[str]) -> dict[str, float]:
    """Return the share of each language among texts with letters, largest first; empty where few are prose.

    Labels of one word, codes and names tell no language, so a column needs spaces or another script in a fifth of them.
    """
    lettered = [text for text in texts if LETTER.search(text[:LOOKED_AT])]
    prose = sum(bool(SPACED.search(text[:LOOKED_AT])) or not LATIN.search(text[:LOOKED_AT]) for text in lettered)
    if not lettered or prose < MIN_PROSE * len(lettered):
        return {}
    found = Counter(map(language, lettered))
    order = sorted(found.items(), key=lambda item: (-item[1], str(item[0])))
    return {str(name): round(count / len(lettered), 4) for name, count in order}


def _hits(words: list[str], text: str, name: str) -> int:
    return sum(word in _SETS[name] for word in words) + sum(mark in text.lower() for mark in MARKS.get(name, ""))


_SETS: Final = {name: frozenset(words.split()) for name, words in WORDS.items()}
