"""Charts as plain geometry, in the units of their own SVG view box. The templates draw them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from tasks.assets.reports import Bin, Correlation, MetricValue, ValueCount
from tasks.inventory.figures import count, number, score

WIDTH: Final = 320.0
HEIGHT: Final = 72.0
GAP: Final = 1.0
TAIL_WIDTH: Final = 9.0
TAIL_GAP: Final = 7.0
MOST_BARS: Final = 160
MONTH: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle with the words that a pointer or a screen reader gets."""

    x: float
    y: float
    width: float
    height: float
    label: str
    is_tail: bool = False


@dataclass(frozen=True, slots=True)
class Tail:
    """What lies beyond one end of a histogram's axis: how many rows, and how far out the furthest is."""

    end: str
    furthest: str
    rows: str


@dataclass(frozen=True, slots=True)
class BarChart:
    """Bars above a base line, and the words at its two ends. A tail's bar stands apart and is not to scale."""

    bars: tuple[Bar, ...]
    first: str
    last: str
    highest: str
    below: Tail | None = None
    above: Tail | None = None


@dataclass(frozen=True, slots=True)
class Axis:
    """Where the values of a histogram stand: `start` at `left`, `end` so much to the right, tails beyond."""

    start: float
    end: float
    left: float
    width: float

    @classmethod
    def of(cls, bins: Sequence[Bin]) -> Axis:
        """Return the axis of bins, of which one at least is no tail."""
        equal = [item for item in bins if not item.is_tail]
        room = [TAIL_WIDTH + TAIL_GAP if item.is_tail else 0.0 for item in (bins[0], bins[-1])]
        return cls(equal[0].low, equal[-1].high, room[0], WIDTH - sum(room))

    def at(self, value: float) -> float:
        """Return where a value stands; one beyond the ends stands in the middle of its tail."""
        if value < self.start:
            return TAIL_WIDTH / 2
        if value > self.end:
            return WIDTH - TAIL_WIDTH / 2
        span = self.end - self.start
        return self.left + ((value - self.start) / span if span else 0.5) * self.width


@dataclass(frozen=True, slots=True)
class Cell:
    """One pair of columns in a heat map. `strength` is the absolute coefficient."""

    x: int
    y: int
    text: str
    strength: float
    is_negative: bool
    label: str


@dataclass(frozen=True, slots=True)
class HeatMap:
    """A square of cells, and the columns' names along its sides; `left_out` columns did not fit."""

    names: tuple[str, ...]
    cells: tuple[Cell, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class Interval:
    """A model's value as a bar from 0 with its interval, as shares of the chart's width."""

    model: str
    value: float
    low: float
    high: float
    text: str
    interval: str
    is_best: bool
    is_last: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A line as the `points` of an SVG polyline, and what its ends stand for."""

    name: str
    points: str
    first: str
    last: str
    lowest: str
    highest: str


@dataclass(frozen=True, slots=True)
class Spread:
    """Quantiles below a histogram, as shares of its width."""

    low: float
    box_low: float
    middle: float
    box_high: float
    high: float


def histogram(bins: Sequence[Bin]) -> BarChart | None:
    """Return a histogram, each bin as wide as its range, a tail as wide as any other; None without values."""
    highest = max((item.count for item in bins), default=0)
    if not highest:
        return None
    axis = Axis.of(bins)
    below, above = bins[0] if bins[0].is_tail else None, bins[-1] if bins[-1].is_tail else None
    return BarChart(
        tuple(_bin(item, axis, item.count / highest) for item in bins),
        number(axis.start),
        number(axis.end),
        count(highest),
        below=Tail(number(below.high), number(below.low), count(below.count)) if below else None,
        above=Tail(number(above.low), number(above.high), count(above.count)) if above else None,
    )


def months(by_month: Sequence[ValueCount]) -> BarChart | None:
    """Return rows per month, or per year of a long span. A month without rows keeps its empty place."""
    found = {item.value: item.count for item in by_month}
    names = _periods(sorted(found))
    if names and len(names[0]) < len(min(found)):
        found = _per_year(by_month)
    highest = max(found.values(), default=0)
    if not highest:
        return None
    step = WIDTH / len(names)
    bars = [
        _bar(position * step, step, found.get(name, 0) / highest, f"{name}: {count(found.get(name, 0))}")
        for position, name in enumerate(names)
    ]
    return BarChart(tuple(bars), names[0], names[-1], count(highest))


def spread(quantiles: dict[str, float], bins: Sequence[Bin]) -> Spread | None:
    """Return a box from the first to the third quartile, on a line between the outermost quantiles.

    It stands on the axis of the histogram above it. None without quartiles or bins.
    """
    values = {float(name): value for name, value in quantiles.items()}
    if not bins or not {0.25, 0.5, 0.75} <= set(values):
        return None
    axis = Axis.of(bins)
    at = {name: axis.at(value) / WIDTH for name, value in values.items()}
    return Spread(at[min(at)], at[0.25], at[0.5], at[0.75], at[max(at)])


def heat_map(correlations: Sequence[Correlation], most: int) -> HeatMap | None:
    """Return Pearson's coefficients of at most so many columns, in their order; None without any."""
    names = list(dict.fromkeys(name for item in correlations for name in (item.left, item.right)))
    shown = names[:most]
    if not shown:
        return None
    place = {name: position for position, name in enumerate(shown)}
    cells = [
        cell
        for item in correlations
        if item.left in place and item.right in place
        for cell in _mirrored(item, place[item.left], place[item.right])
    ]
    return HeatMap(tuple(shown), tuple(sorted(cells, key=lambda cell: (cell.y, cell.x))), len(names) - len(shown))


def intervals(metrics: Sequence[MetricValue], models: Sequence[str], metric: str, split: str) -> tuple[Interval, ...]:
    """Return each model's value of one metric with its interval, in the order of the models."""
    found = {item.model: item for item in metrics if item.metric == metric and item.split == split}
    highest = max((item.high for item in found.values()), default=0.0) or 1.0
    best = max((item.value for item in found.values()), default=0.0)
    return tuple(
        Interval(
            model=model,
            value=found[model].value / highest,
            low=found[model].low / highest,
            high=found[model].high / highest,
            text=score(found[model].value),
            interval=f"{score(found[model].low)} … {score(found[model].high)}",
            is_best=found[model].value == best,
            is_last=model == models[-1],
        )
        for model in models
        if model in found
    )


def line(name: str, steps: Sequence[float], values: Sequence[float]) -> Line | None:
    """Return values over steps as a line; None with fewer than two points."""
    if len(values) < 2:
        return None
    low, high = min(values), max(values)
    width, rise = steps[-1] - steps[0], high - low
    points = [
        f"{(step - steps[0]) / width * WIDTH if width else 0:.1f},"
        f"{HEIGHT - ((value - low) / rise if rise else 0.5) * HEIGHT:.1f}"
        for step, value in zip(steps, values, strict=True)
    ]
    return Line(name, " ".join(points), number(steps[0]), number(steps[-1]), number(low), number(high))


def _bin(item: Bin, axis: Axis, share: float) -> Bar:
    label = f"{number(item.low)} … {number(item.high)}: {count(item.count)}"
    if item.is_tail:
        return replace(_bar(0 if item.low < axis.start else WIDTH - TAIL_WIDTH, TAIL_WIDTH, share, label), is_tail=True)
    left = axis.at(item.low) if axis.start < axis.end else axis.left
    width = (item.high - item.low) / (axis.end - axis.start) * axis.width if axis.start < axis.end else axis.width
    return _bar(left, width, share, label)


def _bar(x: float, width: float, share: float, label: str) -> Bar:
    height = max(share * HEIGHT, 1.0) if share else 0.0
    gap = min(GAP, width / 4)
    return Bar(round(x, 2), round(HEIGHT - height, 2), round(max(width - gap, 0.5), 2), round(height, 2), label)


def _mirrored(item: Correlation, left: int, right: int) -> list[Cell]:
    value = item.pearson
    words = f"{item.left} × {item.right}: r = {number(value)}, ρ = {number(item.spearman)}, {count(item.rows)}"
    text = "" if value is None else f"{value:.2f}".replace("-", "−")
    strength = round(abs(value or 0.0), 3)
    return [Cell(x, y, text, strength, (value or 0.0) < 0, words) for x, y in ((left, right), (right, left))]


def _periods(found: list[str]) -> list[str]:
    if not found or not all(MONTH.fullmatch(name) for name in found):
        return found
    (first_year, first), (last_year, last) = (map(int, name.split("-")) for name in (found[0], found[-1]))
    months_in_span = (last_year - first_year) * 12 + last - first + 1
    if months_in_span <= MOST_BARS:
        places = range(first_year * 12 + first - 1, last_year * 12 + last)
        return [f"{place // 12:04d}-{place % 12 + 1:02d}" for place in places]
    if last_year - first_year < MOST_BARS:
        return [f"{year:04d}" for year in range(first_year, last_year + 1)]
    return sorted({name[:4] for name in found})


def _per_year(by_month: Sequence[ValueCount]) -> dict[str, int]:
    found: dict[str, int] = {}
    for item in by_month:
        found[item.value[:4]] = found.get(item.value[:4], 0) + item.count
    return found
