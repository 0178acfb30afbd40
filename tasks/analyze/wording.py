"""What a title says, in a form that two titles of one product share: sizes and numbers, variants, words."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

NOT_WORDS: Final = re.compile(r"(?:[^\w.]|_|(?<=[^\W\d_])\.|\.(?!\d))+")
"""All but letters, digits, and the point of a decimal: `.13 oz` is not `13 oz`."""

UNITS: Final = {
    alias: unit
    for unit, aliases in {
        "count": "count counts cnt ct pcs pc piece pieces 支 个 只 片 枚 粒 抽 张 件",
        "pack": "pack packs pk pkg 包 盒 袋 箱",
        "oz": "oz ounce ounces floz 盎司",
        "lb": "lb lbs pound pounds 磅",
        "g": "g gr gm gram grams 克",
        "kg": "kg kilo kilos kilogram kilograms 千克 公斤",
        "ml": "ml milliliter milliliters millilitre millilitres 毫升",
        "l": "l liter liters litre litres ltr 升",
        "mm": "mm millimeter millimeters millimetre millimetres 毫米",
        "cm": "cm centimeter centimeters centimetre centimetres 厘米",
        "m": "m meter meters metre metres 米",
        "in": "in inch inches 英寸 寸",
        "ft": "ft foot feet 英尺",
    }.items()
    for alias in aliases.split()
}
_BY_LENGTH: Final = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))
MEASURE: Final = re.compile(
    rf"(?<![^\W_])((?:(?<![\w.])\.)?\d+(?:[.,/]\d+)*)(?:[\s-]*(?:fl\.?\s*(?=oz|ounce))?({_BY_LENGTH})(?![a-z0-9])|(?![a-z0-9]))"
)
INCHES: Final = re.compile(r"(?<=\d)\s*(?:\"|”|″|'')")
FEET: Final = re.compile(r"(?<=\d)\s*(?:'|’|′)(?![\w])")
APOSTROPHES: Final = re.compile("['’]")
WITH_DIGIT: Final = re.compile(r"(?<![^\W_])[^\W\d_]*\d[^\W_]*")
"""A whole word with a digit in it; looked for from its first letter only, so that a long word costs its length."""
DECIMALS: Final = re.compile(r"\.\d+")
VARIANTS: Final = frozenset(
    word
    for line in (
        "black blue red green white yellow pink purple orange brown grey gray silver gold cyan magenta clear teal navy",
        "beige ivory turquoise violet lime multicolor bk",
        "xs s m l xl xxl xxxl small medium large jumbo mini king queen twin",
        "left right men mens women womens boys girls boy girl kids adult baby",
        "single double triple wide narrow college legal letter fine bold extra hot cold raw cooked smoked fresh frozen",
        "diet light lite decaf unsweetened sugarfree unscented scented organic mild spicy whole half wireless wired",
        "high low refill refurbished used renewed not no non without free",
        "sm md med lg lrg xlrg gal gallon qt quart pt pint cup",
    )
    for word in line.split()
)
"""Words that tell variants of one product apart: titles of which only one has such a word are not the same."""

OPPOSITES: Final = ("less", "free")
"""Endings that turn a word round: boneless is no longer form of bone."""

HAN_VARIANTS: Final = frozenset("黑白红蓝绿黄紫粉灰棕银金橙青大小男女左右童")
FORM_LENGTH: Final = 4
"""Letters from which a word may differ in one letter, or be cut short, and still be the same word."""


@dataclass(frozen=True, slots=True)
class Wording:
    """What a title says.

    Args:
        key: The title without case, width and punctuation; equal keys are equal texts.
        telling: Sizes, numbers, model names and variants; products that differ in any are different.
        words: The other words, and how often each is said.
    """

    key: str
    telling: tuple[str, ...]
    words: Counter[str]


def wording(title: str) -> Wording:
    """Return what a title says; what `12-Count`, `12 ct` and `12 pcs` say is the same, what `24 ct` says is not."""
    text = unicodedata.normalize("NFKC", title).casefold()
    key = NOT_WORDS.sub(" ", text).strip()
    rest = FEET.sub(" ft ", INCHES.sub(" in ", text))
    measures = [_measure(match.group(1), match.group(2)) for match in MEASURE.finditer(rest)]
    rest = MEASURE.sub(" ", rest)
    models = WITH_DIGIT.findall(rest)
    words = Counter(NOT_WORDS.sub(" ", APOSTROPHES.sub("", WITH_DIGIT.sub(" ", rest))).split())
    variants = {word for word in words if word in VARIANTS} | {letter for letter in HAN_VARIANTS if letter in key}
    for word in variants:
        del words[word]
    return Wording(key, tuple(sorted([*measures, *models, *variants])), words)


def is_same_wording(one: Wording, other: Wording) -> bool:
    """Return whether two wordings can be one product's: the same telling parts, and no word in place of another.

    Words may come in any order and form (`pen`, `pens`), and one of the two may say more; where each says what the
    other does not, as in `metal tip` and `needle tip`, they are variants.
    """
    if one.telling != other.telling:
        return False
    left, right = one.words - other.words, other.words - one.words
    return not (_unmatched(left, right) and _unmatched(right, left))


def _unmatched(words: Iterable[str], others: Iterable[str]) -> bool:
    return any(not any(_is_form(word, other) for other in others) for word in words)


def _measure(amount: str, unit: str | None) -> str:
    number = re.sub(r",(?=\d{3}\b)", "", f"0{amount}" if amount.startswith(".") else amount)
    number = DECIMALS.sub(lambda found: found[0].rstrip("0"), number).rstrip(".")
    return f"{number} {UNITS[unit]}" if unit else number


def _is_form(word: str, other: str) -> bool:
    """Whether words differ by a plural, by one letter of many, or by being cut short."""
    short, long = sorted((word, other), key=len)
    if short == long:
        return True
    if len(short) < FORM_LENGTH:
        return long in (f"{short}s", f"{short}es") and len(short) > 1
    return (long.startswith(short) and not long.endswith(OPPOSITES)) or _is_one_edit(short, long)


def _is_one_edit(short: str, long: str) -> bool:
    """Whether one letter was added, left out or changed, or two neighbours swapped."""
    if len(long) - len(short) > 1:
        return False
    start = next((place for place, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    if len(long) > len(short):
        return short[start:] == long[start + 1 :]
    is_swap = short[start : start + 2] == long[start : start + 2][::-1] and short[start + 2 :] == long[start + 2 :]
    return is_swap or short[start + 1 :] == long[start + 1 :]
