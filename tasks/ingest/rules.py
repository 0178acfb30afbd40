"""The rules that standardise a column, as SQL: its value, which rules changed it, and whether it was understood.

Text functions written in Python (`clean_text`, `price_of`, `path_of`) are only called for the rows that a cheap SQL
test finds suspicious; all else is vectorised SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from tasks.ingest.cleaning import CURRENCIES, NFC, TEXT_RULES, TRIM
from tasks.ingest.config import SourceConfig
from tasks.ingest.null_words import is_padded_null, without_null_words
from tasks.ingest.own_columns import bits_name, given_name, helper_name, parsed_name, raw_name
from tasks.ingest.padding import bare
from tasks.ingest.times import CUT, NUMBER_SQL, is_time, time_sql
from tasks.schemas import EVENT_TYPES, Column, literal, quoted

INVISIBLE: Final = r"\x{0}-\x{8}\x{b}\x{c}\x{e}-\x{1f}\x{7f}-\x{9f}\x{feff}\x{200b}\x{2060}\x{fffe}"
SUSPICIOUS: Final = rf"[<&{INVISIBLE}]|^[\s\p{{Z}}]|[\s\p{{Z}}]$|^\["
SIGNED: Final = r"[$€£¥￥₹₽][0-9]+(\.[0-9]+)?|[$€£¥￥₹₽]?[1-9][0-9]{0,2}(,[0-9]{3})+(\.[0-9]+)?"
"""Prices that are read without Python: a sign before digits, commas between thousands."""

SEPARATED: Final = rf"[>|»›\[]|{SUSPICIOUS}"
UNTIDY: Final = rf'[>|»›&<\\{INVISIBLE}]|"[\s\p{{Z}}]|[\s\p{{Z}}]"|""|null|\{{'
"""What a list in JSON has where one of its parts is more, or less, than a plain word."""

NUMERIC: Final = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "UHUGEINT",
)
FLOATING: Final = ("DOUBLE", "FLOAT")
WHOLE: Final = r"\s*[-+]?[0-9]+(\.0*)?\s*"
EXACT: Final = 2**53
"""Up to here a double holds every whole number."""

FINITE: Final = "case when isfinite({x}) then {x} end"

FLOAT_ID: Final = 64
OTHER: Final = 128
TEXT_OFFSET: Final = 64
"""What `clean_text` adds to the bits to make them the first character of what it returns."""

NULL_WORD: Final = "null_word"
NULL_BIT: Final = 256
RULE_BITS: Final[Mapping[str, int]] = MappingProxyType(
    {**TEXT_RULES, "float_id": FLOAT_ID, NULL_WORD: NULL_BIT, CUT: 512}
)
"""Rule to its bit, where its column may have others."""


@dataclass(frozen=True, slots=True)
class ColumnRules:
    """How one column comes about.

    Args:
        raw: SQL of the source's value, null where it means nothing.
        value: SQL of the standardised value.
        given: SQL of the source's value, where it may be a word that means nothing.
        parsed: SQL of the raw value as a number or a time, which all that follows calls by `parsed_name`: it is parsed
            once.
        helper: SQL of a value that `value` and `bits` share; they call it by `helper_name`.
        bits: SQL of the bits of the rules that changed the value.
        rules: Rules that `bits` tells of.
        always: Rules that change every value there is.
        can_fail: Whether a value that is there may turn out to be none.
        is_missing: SQL that is true where a value that turned out to be none is a word that means nothing.
    """

    name: str
    raw: str
    value: str
    given: str | None = None
    parsed: str | None = None
    helper: str | None = None
    bits: str | None = None
    rules: tuple[str, ...] = field(default=())
    always: tuple[str, ...] = field(default=())
    can_fail: bool = False
    is_missing: str = "false"

    @property
    def changes(self) -> str | None:
        """SQL of the bits of all rules that changed the value, which may have become null."""
        if self.given is None:
            return self.bits
        given, raw = given_name(self.name), raw_name(self.name)
        # Of most values it is enough to know that they are there.
        return f"case when {raw} is not null then {self.bits or '0'} when {given} is not null then {NULL_BIT} end"

    @property
    def is_unread(self) -> str:
        """SQL that is true where there is a value and it was not understood."""
        return f"{raw_name(self.name)} is not null and {quoted(self.name)} is null"


def is_changed_by(column: str, rule: str) -> str:
    """Return SQL that is true where a rule of `ColumnRules.rules` changed a column's value."""
    bits = bits_name(column)
    return f"{bits} > 0 and ({bits} & {bit_of(rule)}) <> 0"


def bit_of(rule: str) -> int:
    """Return the bit that tells of a rule; one that stands alone in its column has the bit `OTHER`."""
    return RULE_BITS.get(rule, OTHER)


def column_rules(column: Column, expression: str, kind: str, source: SourceConfig, *, form: str = "iso") -> ColumnRules:
    """Return how a canonical column is made of an expression.

    Args:
        column: The canonical column.
        expression: SQL over the source's columns.
        kind: The expression's DuckDB type.
        source: What the source declares.
        form: How its times are written, where it is a time in a text.
    """
    raw = _present(expression, kind, source)
    make = _event_type if column.name == "event_type" else RULES[column.kind]
    return _with_null_words(make(_Given(column.name, raw, kind, source, form)), expression, raw)


def extra_rules(name: str, expression: str, kind: str, source: SourceConfig) -> ColumnRules:
    """Return how a column that is not canonical is kept: as it is, nulls for words that mean nothing."""
    raw = _present(expression, kind, source)
    return _with_null_words(ColumnRules(name, raw, raw_name(name)), expression, raw)


def unfit(column: Column, kind: str) -> str:
    """Return what a canonical column must be and values of a DuckDB type cannot; nothing where they can."""
    is_number = kind in {*NUMERIC, *FLOATING, "VARCHAR", '"NULL"'} or kind.startswith("DECIMAL")
    if kind.endswith("]") or not is_number:
        if column.kind in {"number", "integer", "money"}:
            return "number"
        if column.kind == "timestamp" and not is_time(kind):
            return "time"
    return ""


def _present(expression: str, kind: str, source: SourceConfig) -> str:
    if kind == "VARCHAR":
        return without_null_words(expression, source.null_words)
    return _without_nan(expression) if kind in FLOATING else expression


def _with_null_words(rule: ColumnRules, expression: str, raw: str) -> ColumnRules:
    """Let a rule also count the words that mean nothing, where there may be any."""
    return rule if raw == expression else replace(rule, given=expression, rules=(*rule.rules, NULL_WORD))


def _without_nan(expression: str) -> str:
    return f"case when isnan({expression}) then null else {expression} end"


@dataclass(frozen=True, slots=True)
class _Given:
    """What a column is made of: SQL of its values and their DuckDB type, and what its source declares.

    Args:
        form: How its times are written, where it is a time in a text.
    """

    name: str
    raw: str
    kind: str
    source: SourceConfig
    form: str

    @property
    def is_text(self) -> bool:
        return self.kind == "VARCHAR"

    @property
    def as_text(self) -> str:
        """SQL of the values as texts; of a list as JSON, which is read as a list literal is."""
        if self.is_text:
            return self.raw
        return f"to_json({self.raw})::varchar" if self.kind.endswith("[]") else f"({self.raw})::varchar"

    @property
    def held(self) -> str:
        return raw_name(self.name)

    @property
    def helper(self) -> str:
        return helper_name(self.name)

    @property
    def is_padded_null(self) -> str:
        """SQL that is true where a text is a padded word that means nothing."""
        return is_padded_null(self.held, self.source.null_words)

    def is_plain(self, number: str) -> str:
        """SQL that is true where a text is the number that SQL reads it as."""
        return f"{number} is not null" + (f" and not contains({self.held}, '.')" if self.source.decimal_comma else "")


def _text(given: _Given) -> ColumnRules:
    held, helper = given.held, given.helper
    test = f"regexp_matches({held}, {literal(SUSPICIOUS)}) or not {_is_composed(held)}"
    return ColumnRules(
        given.name,
        given.as_text,
        value=f"nullif(case when {helper} is null then {held} else {helper}[2:] end, '')",
        helper=f"case when {test} then clean_text({held}) end",
        bits=f"case when {helper} is null then 0 else ascii({helper}) - {TEXT_OFFSET} end",
        rules=tuple(TEXT_RULES),
        is_missing=given.is_padded_null,
    )


def _is_composed(text: str) -> str:
    """Return SQL of whether a text is in Unicode NFC, as one of ASCII always is."""
    return f"(strlen({text}) = length({text}) or nfc_normalize({text}) = {text})"


def _id(given: _Given) -> ColumnRules:
    held, value, is_plain = given.held, quoted(given.name), given.helper
    if not given.is_text:
        if given.kind in FLOATING or given.kind.startswith("DECIMAL"):
            whole = (
                f"case when {held} = floor({held}) then try_cast({held} as hugeint)::varchar else {held}::varchar end"
            )
            text = f"case when isfinite({held}::double) then {whole} end"
            return ColumnRules(given.name, given.raw, text, always=("float_id",), can_fail=True)
        return ColumnRules(given.name, given.raw, f"{held}::varchar")
    is_float = f"regexp_full_match({held}, '-?[0-9]+\\.0+')"
    closely = (
        f"case when {is_float} then split_part({held}, '.', 1) when regexp_full_match({held}, '[!-~]+') then {held} "
        f"when {given.is_padded_null} then null "
        f"else nullif(regexp_replace(nfc_normalize({bare(held)}), '^(-?[0-9]+)\\.0+$', '\\1'), '') end"
    )
    return ColumnRules(
        given.name,
        given.raw,
        # Most ids are of ASCII alone, without a space or a point, and only the others are looked at more closely.
        value=f"case when not {is_plain} then ({closely}) else {held} end",
        helper=f"regexp_full_match({held}, '[!-\\-/-~]+')",
        is_missing=given.is_padded_null,
        bits=f"case when {is_plain} then 0 when {value} is null and {given.is_padded_null} then {NULL_BIT} "
        f"when {held} <> {value} then "
        f"(case when regexp_matches({held}, '^[^.]*\\.0+[^0-9]*$') and not contains({value}, '.') then {FLOAT_ID} "
        f"else 0 end) + (case when {held} <> {bare(held)} then {TRIM} else 0 end) "
        f"+ (case when {_is_composed(held)} then 0 else {NFC} end) else 0 end",
        rules=("float_id", "trim", "nfc"),
    )


def _number(given: _Given) -> ColumnRules:
    held, helper, number = given.held, given.helper, FINITE.format(x=parsed_name(given.name))
    parsed = NUMBER_SQL.format(x=held)
    if not given.is_text:
        return ColumnRules(given.name, given.raw, number, parsed=parsed, can_fail=True)
    return ColumnRules(
        given.name,
        given.raw,
        value=f"case when {helper} is null then {number} else {_amount(helper)} end",
        parsed=parsed,
        helper=f"case when {held} is not null and not ({given.is_plain(number)}) then {_price_of(held)} end",
        bits=_bits_of(helper),
        rules=("number_text",),
        can_fail=True,
    )


def _integer(given: _Given) -> ColumnRules:
    held, helper = given.held, given.helper
    if given.kind in NUMERIC:
        return ColumnRules(given.name, given.raw, f"try_cast({held} as bigint)", can_fail=True)
    if given.kind.startswith("DECIMAL"):
        return ColumnRules(
            given.name,
            given.raw,
            f"case when {held} = floor({held}) then try_cast({held} as bigint) end",
            can_fail=True,
        )
    number = NUMBER_SQL.format(x=held)
    if not given.is_text:
        return ColumnRules(given.name, given.raw, _whole(number), can_fail=True)
    is_whole = f"regexp_full_match({held}, {literal(WHOLE)})"
    value = f"case when {is_whole} then try_cast(split_part({held}, '.', 1) as bigint) else {_whole(number)} end"
    if not given.source.decimal_comma:
        return ColumnRules(given.name, given.raw, value, can_fail=True)
    return ColumnRules(
        given.name,
        given.raw,
        value=f"case when {helper} is null then {value} else {_whole(_amount(helper))} end",
        helper=f"case when {held} is not null and not ({given.is_plain(number)}) then {_price_of(held)} end",
        bits=f"case when {quoted(given.name)} is not null then {_bits_of(helper)} end",
        rules=("number_text",),
        can_fail=True,
    )


def _whole(number: str) -> str:
    return f"case when {number} = floor({number}) and abs({number}) <= {EXACT} then {number}::bigint end"


def _money(given: _Given) -> ColumnRules:
    held, helper, number = given.held, given.helper, FINITE.format(x=parsed_name(given.name))
    parsed = NUMBER_SQL.format(x=held)
    scale = "" if given.source.price_scale == 1 else f" / {given.source.price_scale!r}"
    always = () if given.source.price_scale == 1 else ("price_scale",)
    if not given.is_text:
        return ColumnRules(given.name, given.raw, f"({number}){scale}", parsed=parsed, always=always, can_fail=True)
    is_signed = f"when regexp_full_match({held}, {literal(SIGNED)}) then {_signed(held)} "
    signed = "" if given.source.decimal_comma else is_signed
    return ColumnRules(
        given.name,
        given.raw,
        value=f"(case when {helper} is null then {number} else {_amount(helper)} end){scale}",
        parsed=parsed,
        helper=f"case when {held} is null or ({given.is_plain(number)}) then null {signed}else {_price_of(held)} end",
        bits=_bits_of(helper),
        rules=("price_text",),
        always=always,
        can_fail=True,
    )


def _price_of(held: str) -> str:
    return f"nullif(price_of({held}), '')"


def _signed(held: str) -> str:
    """SQL of what `price_of` says of `SIGNED` prices, at a fraction of its cost."""
    return f"(case {held}[1] {_branches(CURRENCIES)} else '' end) || ' ' || regexp_replace({held}, '[^0-9.]', '', 'g')"


def _amount(helper: str) -> str:
    return f"split_part({helper}, ' ', 2)::double"


def _bits_of(helper: str) -> str:
    return f"case when {helper} is null then 0 else {OTHER} end"


def currency_of(helper: str) -> str:
    """Return SQL of the currency that `price_of` found, where it found one."""
    return f"nullif(split_part({helper}, ' ', 1), '')"


def _timestamp(given: _Given) -> ColumnRules:
    times = time_sql(given.kind, given.form, held=given.held, parsed=parsed_name(given.name))
    bits = (
        f"case when {test} and {quoted(given.name)} is not null then {bit_of(rule)} else 0 end"
        for rule, test in times.changes.items()
    )
    return ColumnRules(
        given.name,
        given.raw,
        value=times.value,
        parsed=times.parsed,
        bits=" + ".join(bits) or None,
        rules=tuple(times.changes),
        always=times.always,
        can_fail=True,
    )


def _path(given: _Given) -> ColumnRules:
    held, helper = given.held, given.helper
    is_list = given.kind.endswith("[]")
    test, whole = (UNTIDY, f"from_json({held}, '[\"VARCHAR\"]')") if is_list else (SEPARATED, f"[{held}]")
    is_null = "false" if is_list else given.is_padded_null
    is_untidy = f"(regexp_matches({held}, {literal(test)}) or not {_is_composed(held)}) and not {is_null}"
    is_trimmed = "false" if is_list else f"{helper} = [{bare(held)}]"
    return ColumnRules(
        given.name,
        given.as_text,
        value=f"case when len({helper}) > 0 then {helper} when {is_null} then null "
        f"when {helper} is null and len({whole}) > 0 then {whole} end",
        helper=f"case when {is_untidy} then path_of({held}) end",
        bits=f"case when {is_null} then {NULL_BIT} when {helper} is null or {helper} = {whole} then 0 "
        f"when {is_trimmed} then {TRIM} else {OTHER} end",
        rules=("category_path", "trim"),
    )


def _map(given: _Given) -> ColumnRules:
    held = given.held
    if given.kind.startswith("MAP"):
        return ColumnRules(given.name, given.raw, f"{held}::map(varchar, varchar)")
    json = f"try_cast({held} as json)" if given.is_text else f"to_json({held})"
    return ColumnRules(given.name, given.raw, f"try_cast({json} as map(varchar, varchar))", can_fail=True)


def _language(given: _Given) -> ColumnRules:
    return _word(given, "lower(replace({x}, '_', '-'))", "language_code")


def _currency(given: _Given) -> ColumnRules:
    return _word(given, "upper({x})", "currency_code")


def _uri(given: _Given) -> ColumnRules:
    return _word(given, "{x}", "trim")


def _word(given: _Given, form: str, rule: str) -> ColumnRules:
    held = f"{given.held}::varchar"
    value, is_null = quoted(given.name), given.is_padded_null
    changed = (
        f"case when {value} is null and {is_null} then {NULL_BIT} when {held} <> {value} then {bit_of(rule)} else 0 end"
    )
    # Most values are words of ASCII.
    word = f"case when regexp_full_match({held}, '[!-~]+') then {held} when {is_null} then null else {bare(held)} end"
    value = f"nullif({form.format(x=f'({word})')}, '')"
    return ColumnRules(given.name, given.raw, value, bits=changed, rules=(rule,))


def _event_type(given: _Given) -> ColumnRules:
    held = f"{given.held}::varchar"
    own: dict[str, str] = {shop.strip().lower(): name for shop, name in given.source.event_types.items()}
    others: dict[str, str] = {name: name for name in EVENT_TYPES if name not in own}
    known = own | others
    spelled = {form(word): name for form in (str, str.capitalize, str.upper) for word, name in known.items()}
    return ColumnRules(
        given.name,
        given.raw,
        # Most words are spelled in a known way, and only the others are looked at more closely.
        value=f"case {held} {_branches(spelled)} else case lower({bare(held)}) {_branches(known)} end end",
        bits=f"case when {held} <> {quoted(given.name)} then {OTHER} else 0 end",
        rules=("event_vocabulary",),
        can_fail=True,
    )


def _branches(words: Mapping[str, str]) -> str:
    return " ".join(f"when {literal(word)} then {literal(name)}" for word, name in words.items())


RULES: Final[Mapping[str, Callable[[_Given], ColumnRules]]] = {
    "id": _id,
    "text": _text,
    "label": _text,
    "path": _path,
    "number": _number,
    "integer": _integer,
    "money": _money,
    "currency": _currency,
    "timestamp": _timestamp,
    "language": _language,
    "uri": _uri,
    "map": _map,
}
"""Column kind to the function that makes its rules."""
