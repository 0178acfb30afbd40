"""Times as SQL: the forms they are written in, and which of them are times of a shop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from tasks.ingest.constants import YEARS
from tasks.ingest.padding import BARE, IS_PADDED
from tasks.schemas import literal

BETWEEN: Final = (
    f"between timestamptz '{YEARS[0]}-01-01 00:00:00+00' and timestamptz '{YEARS[1]}-12-31 23:59:59.999999+00'"
)
"""What a time must be to be one of a shop: not 1970 for a zero, not the year 3 for two digits, not infinity."""

SECONDS: Final = tuple(int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (YEARS[0], YEARS[1] + 1))
"""The same in seconds since 1970, the last one excluded."""

COMPACT: Final = "['%Y%m%d', '%Y%m%d%H%M%S', '%Y%m%d%H%M', '%Y%m%dT%H%M%S', '%Y%m%dT%H%M%SZ']"
WORDED: Final = "'%b %d, %Y', '%B %d, %Y', '%b %d %Y', '%d %b %Y', '%d %B %Y'"
CLOCKS: Final = ("", " %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p")


def _strptime(*forms: str) -> str:
    written = ", ".join(literal(f"{form}{clock}") for form in forms for clock in CLOCKS)
    return f"try_strptime({{x}}, [{written}, {WORDED}])::timestamp with time zone"


def _since_1970(scale: int) -> str:
    first, last = (second * scale for second in SECONDS)
    moment = f"to_timestamp({{x}}{'' if scale == 1 else f' / {scale}'})"
    return f"case when {{x}} >= {first} and {{x}} < {last} then {moment} end"


def _or_bare(read: str) -> str:
    """SQL that reads a text, or, where it cannot and the text is padded, what is left of that."""
    return f"coalesce({read}, case when {IS_PADDED} then {read.replace('{x}', BARE)} end)"


NUMBER_SQL: Final = "try_cast({x} as double)"
IN_YEARS: Final = f"case when {{x}} {BETWEEN} then {{x}} end"

PARSED_SQL: Final[Mapping[str, str]] = MappingProxyType(
    {
        # Only what is no ISO 8601 with dashes is looked at for the form without them.
        "iso": _or_bare(
            f"coalesce(try_cast({{x}} as timestamptz), try_strptime({{x}}, {COMPACT})::timestamp with time zone)"
        ),
        "unix_s": _or_bare(NUMBER_SQL),
        "unix_ms": _or_bare(NUMBER_SQL),
        "day_first": _or_bare(_strptime("%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y")),
        "month_first": _or_bare(_strptime("%m/%d/%Y", "%m-%d-%Y", "%m %d, %Y")),
    }
)
"""How each declared form of a text is parsed; forms without a zone are UTC."""

MOMENT_SQL: Final[Mapping[str, str]] = MappingProxyType(
    {**dict.fromkeys(PARSED_SQL, IN_YEARS), "unix_s": _since_1970(1), "unix_ms": _since_1970(1000)}
)
"""What is a time of a shop of what was parsed."""

TIMESTAMP_SQL: Final[Mapping[str, str]] = MappingProxyType(
    {form: MOMENT_SQL[form].format(x=f"({parsed})") for form, parsed in PARSED_SQL.items()}
)
"""Both in one expression."""

GUESSED: Final = "guessed_"
"""Stands before the form of dates that can be read either way, with nothing that tells which is meant."""

AMBIGUOUS: Final = "date_guessed"
CUT: Final = "nanoseconds"
"""Rule of times that lost what stands behind their microseconds."""

LONGEST: Final = len("2024-01-02 03:04:05.123456")
"""Bytes of a text with a time that has no more than microseconds, and no zone."""

CUT_TEXT: Final = rf"strlen({{x}}) > {LONGEST} and regexp_matches({{x}}, '[.,][0-9]{{{{6}}}}[0-9]*[1-9]')"


@dataclass(frozen=True, slots=True)
class TimeSql:
    """How times come about.

    Args:
        parsed: SQL of the source's value as a time, or as a number.
        value: SQL of the time, where what was parsed is one of a shop.
        changes: Rules that change some values, to SQL that is true for those.
        always: Rules that change every value there is.
    """

    parsed: str
    value: str
    changes: Mapping[str, str] = field(default_factory=dict)
    always: tuple[str, ...] = ()


def time_sql(kind: str, form: str, *, held: str, parsed: str) -> TimeSql:
    """Return how times come about.

    Args:
        kind: The DuckDB type of the source's values.
        form: How they are written, where they are not of a type of times.
        held: SQL of the source's value.
        parsed: What the parsed value is called.
    """
    if is_time(kind):
        return _typed(kind, held, parsed)
    is_text = kind == "VARCHAR"
    known = form.removeprefix(GUESSED)
    is_number = known in {"unix_s", "unix_ms"}
    read = PARSED_SQL[known].format(x=held if is_text else numbers_as_text(held))
    if is_number and not is_text:
        read = NUMBER_SQL.format(x=held)
    value = MOMENT_SQL[known].format(x=parsed)
    always = (f"timestamp_{known}",)
    if is_number or not is_text:
        return TimeSql(read, value, always=always)
    changes = {CUT: CUT_TEXT.format(x=held)}
    if known != "iso":
        read = f"coalesce({read}, {PARSED_SQL['iso'].format(x=held)})"
    if form != known:
        month, day = (TIMESTAMP_SQL[either].format(x=held) for either in ("month_first", "day_first"))
        changes[AMBIGUOUS] = f"{month} <> {day}"
    return TimeSql(read, value, changes, always)


def _typed(kind: str, held: str, parsed: str) -> TimeSql:
    value = IN_YEARS.format(x=parsed)
    if not kind.endswith("_NS"):
        return TimeSql(f"{held}::timestamp with time zone", value)
    # A cast would round what texts are cut of.
    return TimeSql(f"make_timestamptz(epoch_ns({held}) // 1000)", value, {CUT: f"epoch_ns({held}) % 1000 <> 0"})


def is_time(kind: str) -> bool:
    """Return whether values of a DuckDB type are times or days."""
    return kind == "DATE" or (kind.startswith("TIMESTAMP") and not kind.endswith("]"))


def numbers_as_text(expression: str) -> str:
    """Return SQL of a number as its digits, as `20240101` is written."""
    return f"try_cast({expression} as hugeint)::varchar"
