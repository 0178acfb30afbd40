"""Cleans the few texts that SQL found suspicious. Pure functions, each says which rules changed a text."""

from __future__ import annotations

import ast
import html
import json
import math
import re
import unicodedata
from collections.abc import Callable, Iterable
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

TAG: Final = re.compile(r"</?[a-zA-Z][a-zA-Z0-9]*(\s[^<>]*)?/?>")
COMMENT: Final = ("<!--", "-->")
ENTITY: Final = re.compile(r"&(#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\u200b\u2060\ufffe]")
SPACE: Final = re.compile(r"\s+")
AMOUNT: Final = re.compile(r"(?P<before>[^0-9]*?)\s*(?P<digits>[.,]?[0-9](?:[0-9.,'’ ]*[0-9])?)(?P<after>[^0-9]*)")
GROUPED: Final = {
    **{mark: re.compile(rf"[1-9][0-9]{{0,2}}({re.escape(mark)}[0-9]{{3}})+") for mark in (".", "'", "’", " ")},
    ",": re.compile(r"[1-9][0-9]{0,2}(,[0-9]{3})+|[1-9][0-9]?(,[0-9]{2})+,[0-9]{3}"),
}
"""Whole numbers by what stands between their thousands; commas also as in India, between hundreds of thousands."""

PLAIN: Final[dict[int, int | str]] = {
    **{code: code - 0xFF01 + ord("!") for code in range(0xFF01, 0xFF5F)},
    **dict.fromkeys((0x2010, 0x2011, 0x2012, 0x2013, 0x2212), "-"),
    **dict.fromkeys((0xA0, 0x2009, 0x202F, 0x3000), " "),
}
"""Full width forms, minuses and spaces to what a keyboard has."""

PATH_SEPARATOR: Final = re.compile(r"[>|»›]")

LONGEST_PRICE: Final = 100
"""Characters; a longer text is no price, and is not looked at closely."""

LONGEST_LIST: Final = 100_000
"""Characters; a longer list is read as JSON alone, since Python's parser needs several hundred bytes for each."""

CURRENCIES: Final = {
    "$": "USD",
    "us$": "USD",
    "€": "EUR",
    "£": "GBP",
    "¥": "CNY",
    "￥": "CNY",
    "元": "CNY",
    "rmb": "CNY",
    "₹": "INR",
    "₽": "RUB",
    "r$": "BRL",
    "zł": "PLN",
    "₩": "KRW",
    "₺": "TRY",
    "₴": "UAH",
    "₫": "VND",
    "฿": "THB",
    "₪": "ILS",
    "₱": "PHP",
    "kč": "CZK",
    "円": "JPY",
    "hk$": "HKD",
    "nt$": "TWD",
}
"""Signs to ISO 4217 codes; `$` and `¥` as most shops mean them."""

CODES: Final = frozenset(
    """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP
    CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR
    ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT
    MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD
    SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND
    VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG
    """.split()  # noqa: SIM905 - a list of them is as long as this module
)
"""The codes of ISO 4217 that money has."""

UNCERTAIN: Final = frozenset({"kr", "kr.", "rs", "rs.", "fr", "fr."})
"""Signs of several currencies: there is a price, and no currency."""


def cleaned_text(text: str) -> tuple[str, int]:
    """Return a text without what does not belong in it, and the bits of the rules that changed it.

    In this order: control characters and byte order marks are dropped, list literals joined, tags dropped and entities
    replaced, also where entities spell tags or other entities, the rest composed to Unicode NFC and trimmed.
    """
    rules = (
        (CONTROL_CHARACTERS, _without_control_characters),
        (LIST_LITERAL, _without_list),
        *MARKUP_RULES,
        (NFC, _composed),
        (TRIM, str.strip),
    )
    return _cleaned(text, rules)


def _cleaned(text: str, rules: Iterable[tuple[int, Callable[[str], str]]]) -> tuple[str, int]:
    bits = 0
    for bit, rule in rules:
        changed = rule(text)
        if changed != text:
            bits |= bit
            text = changed
    return text, bits


def amount(text: str, *, decimal_comma: bool = False) -> tuple[float | None, str | None]:
    """Return the number in a price text, and its currency where a sign or code names one: `1.234,50 €` is 1234.5, EUR.

    Anything else beside the number makes it no price: `5%`, `from 5`, `1 to 3`. A minus, or parentheses around it all,
    make it negative. A comma is a decimal one where it is declared, or where it parts no thousands.
    """
    plain = text.translate(PLAIN).strip()
    is_negative = plain.startswith("(") and plain.endswith(")")
    bare = plain[1:-1].strip() if is_negative else plain
    found = AMOUNT.fullmatch(bare) if len(bare) <= LONGEST_PRICE else None
    if found is None:
        return None, None
    before, after = found["before"].strip().lower(), found["after"].strip().lower()
    after = re.sub(r"^[.,]-{1,2}", "", after).strip()  # `5,-` is 5 and no cents
    minuses = before.count("-") + after.count("-") + is_negative
    signs = [part for part in (before.strip("-+ "), after.strip("-+ ")) if part]
    digits = _with_decimal_point(found["digits"], decimal_comma=decimal_comma)
    is_price = minuses <= 1 and len(signs) <= 1 and all(_is_currency(sign) for sign in signs) and "+" not in after
    if digits is None or not is_price or not math.isfinite(float(digits)):
        return None, None
    return (-float(digits) if minuses else float(digits)), _currency(signs[0]) if signs else None


def path(text: str) -> list[str]:
    """Return a category path: `A > B`, `A|B` and list literals become lists; one word is a path of one."""
    literal = _list(text)
    parts = literal if literal is not None else PATH_SEPARATOR.split(_cleaned(text, MARKUP_RULES)[0])
    kept = [cleaned_text(str(part))[0] for part in parts if part is not None]
    return [part for part in kept if part]


def _without_list(text: str) -> str:
    parts = _list(text)
    return text if parts is None else " ".join(str(part) for part in parts if part is not None)


def _list(text: str) -> list[object] | None:
    trimmed = text.strip()
    if not (trimmed.startswith("[") and trimmed.endswith("]")):
        return None
    for parse in (json.loads, ast.literal_eval) if len(trimmed) <= LONGEST_LIST else (json.loads,):
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
    begin = text.find(COMMENT[0])
    if not TAG.search(text) and (begin < 0 or COMMENT[1] not in text[begin:]):
        return text
    body = LexborHTMLParser(text).body
    return text if body is None else SPACE.sub(" ", body.text(separator=" ")).strip()


def _without_entities(text: str) -> str:
    if not ENTITY.search(text):
        return text
    try:
        return html.unescape(text)
    except ValueError:  # a number of more digits than Python reads, which is no character
        return ENTITY.sub(lambda entity: html.unescape(entity[0]), text)


MARKUP_RULES: Final = (
    (MARKUP, _without_tags),
    (ENTITIES, _without_entities),
    (MARKUP, _without_tags),
    (ENTITIES, _without_entities),
    (MARKUP, _without_tags),
)
"""Entities may spell tags, or entities that do."""


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _with_decimal_point(digits: str, *, decimal_comma: bool) -> str | None:
    """Return the digits of a number as Python reads them, or None where its marks fit no way of writing one."""
    whole, mark, decimals = digits, "", ""
    last = max(digits.rfind("."), digits.rfind(","))
    if last >= 0:
        whole, mark, decimals = digits[:last], digits[last], digits[last + 1 :]
    thousands = next((grouped for grouped, form in GROUPED.items() if form.fullmatch(digits)), None)
    # A lone mark may part thousands or decimals: a comma does the first and a point the second, unless declared.
    if thousands is not None and (digits.count(thousands) > 1 or thousands == ("." if decimal_comma else ",")):
        return digits.replace(thousands, "")
    if thousands is not None and thousands not in {".", ","}:
        return digits.replace(thousands, "")
    if mark and not decimals.isdigit():
        return None
    parting = next((grouped for grouped, form in GROUPED.items() if grouped != mark and form.fullmatch(whole)), "")
    plain = whole.replace(parting, "") if parting else whole
    return f"{plain or 0}.{decimals or 0}" if plain.isdigit() or not plain else None


def _is_currency(sign: str) -> bool:
    return sign in CURRENCIES or sign in UNCERTAIN or sign.upper() in CODES


def _currency(sign: str) -> str | None:
    return CURRENCIES.get(sign) or (sign.upper() if sign.upper() in CODES else None)
