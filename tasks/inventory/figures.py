"""Numbers, sizes, times and texts as a person reads them. Pure: the same value gives the same words."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any, Final

UNITS: Final = ("B", "kB", "MB", "GB", "TB")
NOTHING: Final = "–"


def count(value: int | None) -> str:
    """Return a whole number with thousands separators: `1,469,307`."""
    return NOTHING if value is None else f"{value:,}"


def compact(value: int | None) -> str:
    """Return a whole number in three digits: `22.5 M`; below ten thousand all its digits."""
    if value is None:
        return NOTHING
    if abs(value) < 10_000:
        return f"{value:,}"
    for limit, unit in ((1e6, "k"), (1e9, "M"), (1e12, "G")):
        if abs(value) < limit * 0.9995:
            return f"{_three_digits(value / (limit / 1000))} {unit}"
    return f"{_three_digits(value / 1e12)} T"


def number(value: float | None) -> str:
    """Return a number in four significant digits, whole ones in full: `3.142`, `20,940,529`, `0.00012`."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 1e15 or abs(value) < 1e-4:
        return f"{value:.3g}"
    digits = max(0, 3 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}".rstrip("0").rstrip(".") if digits else f"{value:,.0f}"


def score(value: float | None) -> str:
    """Return a ranking metric with four decimals: `0.1432`."""
    return NOTHING if value is None else f"{value:.4f}"


def share(value: float | None) -> str:
    """Return a share in per cent; never `0.0 %` for something, nor `100.0 %` for not quite all."""
    if value is None:
        return NOTHING
    if 0 < value < 0.001:
        return "< 0.1 %"
    if 0.999 < value < 1:
        return "> 99.9 %"
    return f"{value * 100:.1f} %".replace(".0 %", " %") if value in {0, 1} else f"{value * 100:.1f} %"


def size(value: int | None) -> str:
    """Return a number of bytes with a decimal unit: `21.6 MB`."""
    if value is None:
        return NOTHING
    amount = float(value)
    for unit in UNITS[:-1]:
        if amount < 999.5:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{_three_digits(amount)} {unit}"
        amount /= 1000
    return f"{_three_digits(amount)} {UNITS[-1]}"


def duration(seconds: float | None) -> str:
    """Return a duration: `85 ms`, `12.4 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds is None:
        return NOTHING
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def minute(value: datetime | None) -> str:
    """Return a time in UTC to the minute: `2026-11-24 11:47`."""
    return NOTHING if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M}"


def moment(value: datetime | None) -> str:
    """Return a time to the minute with its zone: `2026-11-24 11:47 UTC`."""
    return NOTHING if value is None else f"{minute(value)} UTC"


def clipped(text: str, longest: int) -> str:
    """Return a text of at most so many characters, with an ellipsis where it was longer."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def cell(value: Any, longest: int = 160) -> str:  # a value of any column type
    """Return a value of a data table as text."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return count(value)
    if isinstance(value, float):
        return number(value)
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, list | tuple):
        return clipped(
            ", ".join(" + ".join(map(str, i)) if isinstance(i, list | tuple) else str(i) for i in value), longest
        )
    return clipped(str(value), longest)


def as_json(value: Any) -> str:  # JSON values of any shape
    """Return JSON for reading, in stable order of keys."""
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)


def _three_digits(value: float) -> str:
    if value < 9.995:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 99.95 else f"{value:.0f}"
