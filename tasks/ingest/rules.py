"""The rules that standardise a column, as SQL: its value, which rule changed a row, and whether the row was understood.

Text functions written in Python (`clean_text`, `price_of`, `path_of`) are only called for the rows that a cheap SQL
test finds suspicious; all else is vectorised SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from tasks.ingest.cleaning import TEXT_RULES
from tasks.ingest.config import SourceConfig
from tasks.schemas import EVENT_TYPES, Column, literal, quoted

SUSPICIOUS: Final = r"[<&\x{1}-\x{8}\x{b}\x{c}\x{e}-\x{1f}\x{7f}-\x{9f}\x{feff}\x{200b}\x{2060}]|^\s|\s$|^\["
SEPARATED: Final = r"[>|»›\[]"
NUMERIC: Final = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
TIMESTAMP_SQL: Final[Mapping[str, str]] = {
    "iso": "try_cast({x} as timestamp with time zone)",
    "unix_s": "to_timestamp(try_cast({x} as double))",
    "unix_ms": "to_timestamp(try_cast({x} as double) / 1000)",
    "day_first": "try_strptime({x}, ['%d/%m/%Y', '%d.%m.%Y', '%d-%m-%Y', '%d/%m/%Y %H:%M:%S', '%d.%m.%Y %H:%M:%S', "
    "'%d/%m/%Y %H:%M', '%d.%m.%Y %H:%M', '%d %b %Y', '%d %B %Y'])::timestamp with time zone",
    "month_first": "try_strptime({x}, ['%m %d, %Y', '%b %d, %Y', '%B %d, %Y', '%m/%d/%Y', '%m-%d-%Y', "
    "'%m/%d/%Y %H:%M:%S', '%m/%d/%Y %H:%M', '%b %d %Y'])::timestamp with time zone",
}
"""How each declared form is read; forms without a zone are UTC."""


@dataclass(frozen=True, slots=True)
class ColumnRules:
    """How one column comes about.

    Args:
        raw: SQL of the source's value, null where it means nothing.
        helper: SQL of a value that `value` and `rules` share; they call it by `"_helper:NAME"`.
        value: SQL of the standardised value.
        rules: Rule name to SQL that is true where the rule changed the row.
        can_fail: Whether a value that is there may turn out to be none.
    """

    name: str
    raw: str
    value: str
    helper: str | None = None
    rules: Mapping[str, str] = field(default_factory=dict)
    can_fail: bool = False

    @property
    def is_unread(self) -> str:
        """SQL that is true where there is a value and it was not understood."""
        return f"{raw_name(self.name)} is not null and {quoted(self.name)} is null"


def raw_name(name: str) -> str:
    """Return the quoted name of a column's raw value between the steps."""
    return quoted(f"_raw:{name}")


def helper_name(name: str) -> str:
    """Return the quoted name of a column's helper between the steps."""
    return quoted(f"_helper:{name}")


def column_rules(column: Column, expression: str, kind: str, source: SourceConfig, *, form: str = "iso") -> ColumnRules:
    """Return how a canonical column is made of an expression.

    Args:
        column: The canonical column.
        expression: SQL over the source's columns.
        kind: The expression's DuckDB type.
        source: What the source declares.
        form: How its times are written, where it is a time in a text.
    """
    is_text = kind == "VARCHAR"
    raw = _without_null_words(expression, source) if is_text else expression
    if column.name == "event_type":
        return _event_type(raw, source)
    make = RULES[column.kind]
    return make(column.name, raw, is_text, kind, source, form)


def extra_rules(name: str, kind: str, source: SourceConfig) -> ColumnRules:
    """Return how a column that is not canonical is kept: as it is, nulls for words that mean nothing."""
    raw = _without_null_words(quoted(name), source) if kind == "VARCHAR" else quoted(name)
    return ColumnRules(name, raw, raw_name(name))


def _without_null_words(expression: str, source: SourceConfig) -> str:
    longest = max(map(len, source.null_words), default=0) + 2
    words = ", ".join(literal(word) for word in source.null_words)
    if not words:
        return expression
    is_word = f"length({expression}) <= {longest} and lower(trim({expression})) in ({words})"
    return f"case when {is_word} then null else {expression} end"


def _text(name: str, raw: str, is_text: bool, kind: str, source: SourceConfig, form: str) -> ColumnRules:
    raw = raw if is_text else f"({raw})::varchar"
    held, helper = raw_name(name), helper_name(name)
    test = f"regexp_matches({held}, {literal(SUSPICIOUS)}) or strlen({held}) <> length({held})"
    suspicious = f"case when {test} then clean_text({held}) end"
    rules = {rule: f"coalesce(({helper}.rules & {bit}) <> 0, false)" for rule, bit in TEXT_RULES.items()}
    value = f"nullif(case when {helper} is null then {held} else {helper}.value end, '')"
    return ColumnRules(name, raw, value, suspicious, rules)


def _id(name: str, raw: str, is_text: bool, kind: str, source: SourceConfig, form: str) -> ColumnRules:
    held = raw_name(name)
    if not is_text:
        if kind in {"DOUBLE", "FLOAT"} or kind.startswith("DECIMAL"):
            text = f"case when {held} = floor({held}) then {held}::hugeint::varchar else {held}::varchar end"
            return ColumnRules(name, raw, text, rules={"float_id": f"{held} is not null"})
        return ColumnRules(name, raw, f"{held}::varchar")
    is_float = f"(contains({held}, '.') and regexp_full_match(trim({held}), '-?[0-9]+\\.0+'))"
    value = f"nullif(case when {is_float} then split_part(trim({held}), '.', 1) else trim({held}) end, '')"
    return ColumnRules(
        name,
        raw,
        value,
        rules={"float_id": f"coalesce({is_float}, false)", "trim": f"coalesce({held} <> trim({held}), false)"},
    )


def _number(name: str, raw: str, is_text: bool, kind: str, source: SourceConfig, form: str) -> ColumnRules:
    held = raw_name(name)
    if not is_text:
        return ColumnRules(name, raw, f"{held}::double")
    helper = f"case when try_cast({held} as double) is null and {held} is not null then price_of({held}) end"
    value = f"coalesce(try_cast({held} as double), {helper_name(name)}.value)"
    return ColumnRules(
        name, raw, value, helper, {"number_text": f"{helper_name(name)}.value is not null"}, can_fail=True
    )


def _integer(name: str, raw: str, is_text: bool, kind: str, source: SourceConfig, form: str) -> ColumnRules:
    held = raw_name(name)
    if kind in NUMERIC:
        return ColumnRules(name, raw, f"try_cast({held} as bigint)", can_fail=True)
    number = f"try_cast({held} as double)"
    value = f"case when {number} = floor({number}) then try_cast({number} as bigint) end"
    return ColumnRules(name, raw, value, can_fail=True)


def _money(name: str, raw: str, is_text: bool, kind: str, source: SourceConfig, form: str) -> ColumnRules:
    held, helper = raw_name(name), helper_name(name)
    scale = "" if source.price_scale == 1 else f" / {source.price_scale!r}"
    scaled = {} if source.price_scale == 1 else {"price_scale": f"{held} is not null"}
    if not is_text:
        return ColumnRules(name, raw, f"{held}::double{scale}", rules=scaled)
    plain = f"try_cast({held} as double)"
    looks_plain = f"{plain} is not null" + (f" and not contains({held}, '.')" if source.decimal_comma else "")
    suspicious = f"case when {held} is not null and not ({looks_plain}) then price_of({held}) end"
    value = f"(case when {helper} is null then {plain} else {helper}.value end){scale}"
    rules = {"price_text": f"coalesce({helper}.value is not null, false)", **scaled}
    return ColumnRules(name, raw, value, suspicious, rules, can_fail=True)


def _timestamp(name: str, raw: str, is_text: bool, kind: str, source: SourceConfig, form: str) -> ColumnRules:
    held = raw_name(name)
    if kind.startswith("TIMESTAMP") or kind == "DATE":
        return ColumnRules(name, raw, f"{held}::timestamp with time zone")
    value = TIMESTAMP_SQL[form].format(x=held)
    if is_text and form in {"day_first", "month_first"}:
        value = f"coalesce({value}, {TIMESTAMP_SQL['iso'].format(x=held)})"
    return ColumnRules(name, raw, value, rules={f"timestamp_{form}": f"{held} is not null"}, can_fail=True)


def _path(name: str, raw: str, is_text: bool, kind: str, source: SourceConfig, form: str) -> ColumnRules:
    held, helper = raw_name(name), helper_name(name)
    if kind.endswith("[]"):
        kept = f"list_filter(list_transform({held}, lambda part: trim(part::varchar)), lambda part: part <> '')"
        return ColumnRules(name, raw, f"case when len({kept}) > 0 then {kept} end")
    raw = raw if is_text else f"({raw})::varchar"
    suspicious = f"case when regexp_matches({held}, {literal(SEPARATED)}) then path_of({held}) end"
    one = f"when {helper} is null and {held} is not null then [trim({held})]"
    value = f"case when len({helper}) > 0 then {helper} {one} end"
    return ColumnRules(name, raw, value, suspicious, {"category_path": f"{helper} is not null"})


def _map(name: str, raw: str, is_text: bool, kind: str, source: SourceConfig, form: str) -> ColumnRules:
    held = raw_name(name)
    if kind.startswith("MAP"):
        return ColumnRules(name, raw, f"{held}::map(varchar, varchar)")
    json = f"try_cast({held} as json)" if is_text else f"to_json({held})"
    return ColumnRules(name, raw, f"try_cast({json} as map(varchar, varchar))", can_fail=True)


def _language(name: str, raw: str, is_text: bool, kind: str, source: SourceConfig, form: str) -> ColumnRules:
    held = f"{raw_name(name)}::varchar"
    value = f"nullif(lower(replace(trim({held}), '_', '-')), '')"
    return ColumnRules(name, raw, value, rules={"language_code": f"coalesce({held} <> {value}, false)"})


def _currency(name: str, raw: str, is_text: bool, kind: str, source: SourceConfig, form: str) -> ColumnRules:
    held = f"{raw_name(name)}::varchar"
    value = f"nullif(upper(trim({held})), '')"
    return ColumnRules(name, raw, value, rules={"currency_code": f"coalesce({held} <> {value}, false)"})


def _uri(name: str, raw: str, is_text: bool, kind: str, source: SourceConfig, form: str) -> ColumnRules:
    held = f"{raw_name(name)}::varchar"
    return ColumnRules(
        name, raw, f"nullif(trim({held}), '')", rules={"trim": f"coalesce({held} <> trim({held}), false)"}
    )


def _event_type(raw: str, source: SourceConfig) -> ColumnRules:
    held = raw_name("event_type")
    word = f"lower(trim({held}::varchar))"
    own = {shop.strip().lower(): canonical for shop, canonical in source.event_types.items()}
    known = {**{name: name for name in EVENT_TYPES}, **own}
    branches = " ".join(f"when {literal(shop)} then {literal(canonical)}" for shop, canonical in known.items())
    value = f"case {word} {branches} end"
    return ColumnRules(
        "event_type",
        raw,
        value,
        rules={"event_vocabulary": f"coalesce({held}::varchar <> ({value}), false)"},
        can_fail=True,
    )


RULES: Final[Mapping[str, Callable[[str, str, bool, str, SourceConfig, str], ColumnRules]]] = {
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
