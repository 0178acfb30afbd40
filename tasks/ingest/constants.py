"""Constants of a source: whether each fits its column, and the SQL of its value."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from tasks.schemas import EVENT_TYPES, Column, literal

Constant = str | int | float | bool

YEARS: Final = (1990, 2099)
"""The years that the times of a shop lie in, the first and the last."""

BIGINT: Final = 2**63


def constant_sql(column: Column | None, value: Constant, event_types: Mapping[str, str]) -> str:
    """Return the SQL of a constant; of a column that is not canonical it is as it stands.

    Raises:
        ValueError: The value does not fit its column.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is no number")
    if column is None:
        return literal(value) if isinstance(value, str) else repr(value).lower()
    if column.name == "event_type":
        return literal(_event_type(str(value), event_types))
    if column.kind in {"number", "money"}:
        return f"{_number(value)!r}::double"
    if column.kind == "integer":
        return f"{_integer(value)}::bigint"
    if column.kind == "timestamp":
        return f"timestamptz {literal(_moment(value).isoformat())}"
    if column.kind == "map":
        return f"{literal(_map(value))}::json::map(varchar, varchar)"
    text = str(value).strip()
    if not text:
        raise ValueError("it is empty")
    return f"[{', '.join(map(literal, _path(text)))}]" if column.kind == "path" else f"{literal(text)}::varchar"


def _event_type(value: str, event_types: Mapping[str, str]) -> str:
    word, own = value.strip().lower(), {shop.strip().lower(): name for shop, name in event_types.items()}
    found = own.get(word, word if word in EVENT_TYPES else None)
    if found is None:
        raise ValueError(f"“{value}” is none of {', '.join(EVENT_TYPES)}, nor a word of `event_types`")
    return found


def _number(value: Constant) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"“{value}” is no number")
    return number


def _integer(value: Constant) -> int:
    try:
        number = int(value) if isinstance(value, str) else value
    except ValueError:
        number = math.nan
    if isinstance(number, bool) or not float(number).is_integer() or not -BIGINT <= number < BIGINT:
        raise ValueError(f"“{value}” is no whole number")
    return int(number)


def _moment(value: Constant) -> datetime:
    try:
        moment = datetime.fromisoformat(str(value)) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or not YEARS[0] <= moment.year <= YEARS[1]:
        raise ValueError(f"“{value}” is no time of {YEARS[0]} to {YEARS[1]} as ISO 8601 writes it")
    return moment.replace(tzinfo=moment.tzinfo or UTC)


def _map(value: Constant) -> str:
    try:
        found = json.loads(str(value))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ValueError(f"“{value}” is no JSON object")  # noqa: TRY004 - a setting that does not fit
    return str(value)


def _path(text: str) -> list[str]:
    from tasks.ingest.cleaning import path  # its HTML parser is heavy, and the settings are read at every command

    parts = path(text)
    if not parts:
        raise ValueError(f"“{text}” is no category")
    return parts
