"""Cleans the few texts that SQL found suspicious. Pure functions, each says which rules changed a text."""

from __future__ import annotations

import ast
import html
import json
import re
import unicodedata
from typing import Final

from selectolax.lexbor import LexborHTMLParser

TRIM: Final = 1
LIST_LITERAL: Final = 2
MARKUP: Final = 4
ENTITIES: Final = 8
CONTROL_CHARACTERS: Final = 16
NFC: Final = 32

TEXT_RULES: Final = {
    "trim": TRIM,
    "list_literal": LIST_LITERAL,
    "markup": MARKUP,
    "entities": ENTITIES,
    "control_characters": CONTROL_CHARACTERS,
    "nfc": NFC,
}
"""Rule name to its bit."""

TAG: Final = re.compile(r"</?[a-zA-Z][a-zA-Z0-9]*(\s[^<>]*)?/?>|<!--.*?-->", re.DOTALL)
ENTITY: Final = re.compile(r"&(#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\u200b\u2060\ufffe]")
SPACE: Final = re.compile(r"\s+")
AMOUNT: Final = re.compile(r"[-+]?\d[\d.,'\u00a0\u202f ]*")
PATH_SEPARATOR: Final = re.compile(r"\s*[>|»›]\s*")

CURRENCIES: Final = {
    "$": "USD",
    "us$": "USD",
    "€": "EUR",
    "£": "GBP",
    "¥": "CNY",
    "￥": "CNY",
    "元": "CNY",
    "₹": "INR",
    "₽": "RUB",
}
"""Signs to ISO 4217 codes; `$` and `¥` as most shops mean them, `currency` in the source overrides."""


def cleaned_text(text: str) -> tuple[str, int]:
    """Return a text without what does not belong in it, and the bits of the rules that changed it.

    In this order: control characters and byte order marks are dropped, list literals joined, tags dropped, entities
    replaced, the rest composed to Unicode NFC and trimmed.
    """
    rules = 0
    for bit, rule in (
        (CONTROL_CHARACTERS, _without_control_characters),
        (LIST_LITERAL, _without_list),
        (MARKUP, _without_tags),
        (ENTITIES, _without_entities),
        (NFC, _composed),
        (TRIM, str.strip),
    ):
        changed = rule(text)
        if changed != text:
            rules |= bit
            text = changed
    return text, rules


def amount(text: str, *, decimal_comma: bool = False) -> tuple[float | None, str | None]:
    """Return the number in a price text, and its currency where a sign or code names one: `1.234,50 €` is 1234.5, EUR.

    A comma is a decimal one where it is declared, stands last with one or two digits behind it, or follows dots.
    """
    found = AMOUNT.findall(text)
    if len(found) != 1:
        return None, None
    digits = re.sub(r"['\u00a0\u202f ]", "", found[0]).rstrip(".,")
    rest = text.replace(found[0].strip(), "").strip().lower()
    if rest and not re.fullmatch(r"[^\d]{1,5}", rest):
        return None, None
    try:
        return float(_with_decimal_point(digits, decimal_comma=decimal_comma)), _currency(rest)
    except ValueError:
        return None, None


def path(text: str) -> list[str]:
    """Return a category path: `A > B`, `A|B` and list literals become lists; one word is a path of one."""
    literal = _list(text)
    parts = literal if literal is not None else PATH_SEPARATOR.split(text)
    kept = [cleaned_text(str(part))[0] for part in parts]
    return [part for part in kept if part]


def _without_list(text: str) -> str:
    parts = _list(text)
    return text if parts is None else " ".join(str(part) for part in parts if part is not None)


def _list(text: str) -> list[object] | None:
    trimmed = text.strip()
    if not (trimmed.startswith("[") and trimmed.endswith("]")):
        return None
    for parse in (json.loads, ast.literal_eval):
        try:
            value = parse(trimmed)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(value, list):
            return value
    return None


def _without_control_characters(text: str) -> str:
    return CONTROL.sub("", text)


def _without_tags(text: str) -> str:
    if not TAG.search(text):
        return text
    body = LexborHTMLParser(text).body
    return text if body is None else SPACE.sub(" ", body.text(separator=" ")).strip()


def _without_entities(text: str) -> str:
    return html.unescape(text) if ENTITY.search(text) else text


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _with_decimal_point(digits: str, *, decimal_comma: bool) -> str:
    dots, commas = digits.count("."), digits.count(",")
    if dots and commas:
        is_comma = digits.rfind(",") > digits.rfind(".")
    elif commas:
        is_comma = decimal_comma or (commas == 1 and len(digits) - digits.rfind(",") <= 3)
    else:
        is_comma = decimal_comma or dots > 1
    if is_comma:
        return digits.replace(".", "").replace(",", ".")
    return digits.replace(",", "")


def _currency(rest: str) -> str | None:
    if rest in CURRENCIES:
        return CURRENCIES[rest]
    return rest.upper() if re.fullmatch(r"[a-z]{3}", rest) else None
