"""Judges a table: hands frames to the engine, adds up its counts, and has every failing row written.

Each count is made twice, by Great Expectations on the frame and by DuckDB in SQL, and the rows written are counted a
third time; a difference is an error, never a result.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from expectations.expectation import Expectation
from tasks.errors import CountsDisagreeError
from tasks.validate.checks import Check, accepted_types, counts_rows
from tasks.validate.engine import Demand, Judged, judge
from tasks.validate.predicates import NUMBERS, TIMES
from tasks.validate.rows import KEYED_LIMIT, Rows
from tasks.validate.sql import ROW, ROWS, VALUE, Condition

SHARE_OF_ROWS: Final = 0.2
"""A column with more distinct values than this share of its rows is not worth grouping."""
ON_DISTINCT: Final = frozenset(
    {
        "expect_column_distinct_values_to_be_in_set",
        "expect_column_distinct_values_to_contain_set",
        "expect_column_distinct_values_to_equal_set",
        "expect_column_unique_value_count_to_be_between",
    }
)
ON_EXTREMES: Final = frozenset({"expect_column_max_to_be_between", "expect_column_min_to_be_between"})
ORDERED: Final = frozenset({*NUMBERS, *TIMES})
"""The types whose values DuckDB orders as pandas does, and that Great Expectations has limits for."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one check, over the whole table.

    Args:
        checked: Rows that were judged; nulls are, for the nullness expectations only.
        failed: Rows of these that fail.
        frames: Frames handed to Great Expectations.
        repeated: Values that stand in several of the failed rows; None where none is to stand in one row only.
        condition: Which rows failed; None where a failure is no matter of rows.
        observed: What was seen, where rows are not counted.
    """

    check: Check
    checked: int
    failed: int
    frames: int
    is_met: bool
    repeated: int | None = None
    condition: Condition | None = None
    observed: str = ""


def outcomes(checks: Sequence[Check], rows: Rows, parents: Mapping[str, Sequence[Path]]) -> list[Outcome]:
    """Return what becomes of each check, in their order.

    Args:
        checks: What to judge.
        rows: The table.
        parents: The parquet files of the tables that are referred to.
    """
    by_scope: dict[str, list[Check]] = defaultdict(list)
    for check in checks:
        by_scope[check.scope].append(check)
    found = [
        *_on_facts(by_scope["fact"], rows),
        *(_on_column_names(check, rows) for check in by_scope["columns"]),
        *_on_nulls(by_scope["nullness"], rows),
        *_on_values(by_scope["values"], rows),
        *(_on_keys(check, rows) for check in by_scope["keys"]),
        *(_on_parent(check, rows, parents) for check in by_scope["parent"]),
        *(_on_rows(check, rows) for check in by_scope["rows"]),
        *(_on_column(check, rows) for check in by_scope["column"]),
    ]
    named = {item.check.id: item for item in found}
    return [named[check.id] for check in checks]


def demand(item: Expectation) -> Demand:
    """Return an expectation as Great Expectations takes it; `mostly` and the severity are decided here instead."""
    about = {"column": item.column} if item.column is not None else {}
    pair = dict(zip(("column_A", "column_B"), item.columns, strict=False))
    together = pair if item.type.startswith("expect_column_pair") else {"column_list": list(item.columns)}
    return Demand(item.id, item.type, {**about, **(together if item.columns else {}), **item.kwargs})


@dataclass(frozen=True, slots=True)
class _Fact:
    """What is known of a table without a look at its rows, as shown, and what Great Expectations asks of it."""

    value: int | str
    seen: str
    type: str
    kwargs: Mapping[str, Any]  # arguments of any JSON type


def _on_facts(checks: Sequence[Check], rows: Rows) -> list[Outcome]:
    """Judge the number of rows and the columns' types together: one row, in which each check has a cell of its own."""
    if not checks:
        return []
    facts = {str(cell): (check, _fact(check.expectation, rows)) for cell, check in enumerate(checks)}
    judged = judge(
        pa.table({cell: [fact.value] for cell, (_, fact) in facts.items()}),
        [Demand(check.id, fact.type, {"column": cell, **fact.kwargs}) for cell, (check, fact) in facts.items()],
    )
    return [_uncounted(check, judged[check.id], rows, observed=fact.seen) for check, fact in facts.values()]


def _fact(item: Expectation, rows: Rows) -> _Fact:
    if item.column is not None:
        seen = rows.columns[item.column]
        return _Fact(seen.upper(), seen, "expect_column_values_to_be_in_set", {"value_set": accepted_types(item)})
    exact = {"min_value": item.kwargs["value"], "max_value": item.kwargs["value"]} if "value" in item.kwargs else {}
    return _Fact(rows.total, f"{rows.total} rows", "expect_column_values_to_be_between", exact or item.kwargs)


def _on_column_names(check: Check, rows: Rows) -> Outcome:
    frame = pa.table({name: pa.array([], pa.string()) for name in rows.columns})
    judged = judge(frame, [demand(check.expectation)])[check.id]
    return _uncounted(check, judged, rows, observed=", ".join(rows.columns))


def _on_column(check: Check, rows: Rows) -> Outcome:
    item = check.expectation
    if counts_rows(item.type):
        return _on_rows(check, rows, is_whole=True)
    judged = judge(_telling(item, rows), [demand(item)])[check.id]
    return _uncounted(check, judged, rows, observed=str(judged.observed))


def _telling(item: Expectation, rows: Rows) -> pa.Table:
    """Return the fewest rows of which an expectation says what it says of the whole column."""
    if item.column is not None and "row_condition" not in item.kwargs:
        if item.type in ON_DISTINCT:
            return rows.distinct(item.column)
        if item.type in ON_EXTREMES and rows.columns[item.column] in ORDERED:
            return rows.extremes(item.column)
    return rows.whole(_needed(item, rows))


def _needed(item: Expectation, rows: Rows) -> list[str]:
    """The columns judged, and those that the row condition names: one at least, for the number of rows."""
    said = list(_texts(item.kwargs.get("row_condition")))
    named = [name for name in rows.columns if any(name in text for text in said)]
    return list(dict.fromkeys((*item.judged, *named))) or list(rows.columns)[:1]


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for part in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from _texts(part)


def _uncounted(check: Check, judged: Judged, rows: Rows, *, observed: str) -> Outcome:
    failed = 0 if judged.is_met else rows.total
    return Outcome(check, rows.total, failed, frames=1, is_met=judged.is_met, observed=observed)


def _on_nulls(checks: Sequence[Check], rows: Rows) -> list[Outcome]:
    asked = [(check.expectation.judged[0], check.expectation.where) for check in checks]
    return [
        _on_nullness(check, looked=looked, nulls=nulls)
        for check, (looked, nulls) in zip(checks, rows.nulls(asked), strict=True)
    ]


def _on_nullness(check: Check, *, looked: int, nulls: int) -> Outcome:
    classes = [(name, n) for name, n in ((None, nulls), ("value", looked - nulls)) if n]
    frame = pa.table({check.expectation.judged[0]: pa.array([name for name, _ in classes], pa.string())})
    judged = judge(frame, [demand(check.expectation)], wants_positions=True)[check.id]
    failed = sum(classes[position][1] for position in judged.positions)
    counted = nulls if "is null" in (check.failure or "") else looked - nulls
    _agree(check, failed, counted)
    return _counted(check, checked=looked, failed=failed, frames=1, condition=_condition(check))


def _on_values(checks: Sequence[Check], rows: Rows) -> list[Outcome]:
    groups: dict[tuple[str, str | None], list[Check]] = defaultdict(list)
    for check in checks:
        groups[check.expectation.judged[0], check.expectation.where].append(check)
    sizes = rows.approximate_distinct(sorted({column for column, _ in groups}))
    found = []
    for (column, where), group in groups.items():
        is_distinct = sizes[column] <= max(KEYED_LIMIT, SHARE_OF_ROWS * rows.total)
        found += _ValueGroup(column, where, group, rows).outcomes(is_distinct=is_distinct)
    return found


class _ValueGroup:
    """Checks on one column, over the rows that meet one condition: they share their frames."""

    def __init__(self, column: str, where: str | None, checks: Sequence[Check], rows: Rows) -> None:
        self.column, self.where, self.rows = column, where, rows
        self.plain = [check for check in checks if check.failure is not None]
        self.located = [check for check in checks if check.failure is None]
        self.failed: dict[str, int] = defaultdict(int)
        self.values: dict[str, list[pa.Table]] = defaultdict(list)

    def outcomes(self, *, is_distinct: bool) -> list[Outcome]:
        """Return what becomes of the checks."""
        checked = frames = 0
        for frame in self.rows.values(self.column, self.where, is_distinct=is_distinct):
            checked += int(frame[ROWS].to_numpy().sum())
            frames += 1
            self._judge(frame)
        return [
            _counted(
                check, checked=checked, failed=self.failed[check.id], frames=frames, condition=self._failing(check)
            )
            for check in (*self.plain, *self.located)
        ]

    def _judge(self, frame: pa.Table) -> None:
        shown = frame.select([VALUE]).rename_columns([self.column])
        if self.plain:
            judged = judge(shown, [demand(check.expectation) for check in self.plain])
            for check in self.plain:
                tally = self.rows.tally(frame, check.failure or "")
                _agree(check, judged[check.id].failed, tally.failed_entries)
                self.failed[check.id] += tally.failed_rows
        if self.located:
            judged = judge(shown, [demand(check.expectation) for check in self.located], wants_positions=True)
            for check in self.located:
                failing = frame.take(pa.array(judged[check.id].positions, pa.int64()))
                _agree(check, judged[check.id].failed, failing.num_rows)
                self.failed[check.id] += int(failing[ROWS].to_numpy().sum())
                self.values[check.id].append(failing.select([VALUE]).rename_columns([self.column]))

    def _failing(self, check: Check) -> Condition:
        if not self.values[check.id]:
            return _condition(check)
        name = f"values of {check.id}"
        self.rows.keep(name, pa.concat_tables(self.values[check.id]))
        return Condition((self.column,), among=name, on=(self.column,), where=self.where)


def _on_keys(check: Check, rows: Rows) -> Outcome:
    item, name = check.expectation, f"keys of {check.id}"
    looked, repeated = rows.repeated(name, item.judged, over=item.over, where=item.where)
    judged = frames = 0
    for frame in rows.keys(name):
        judged += judge(pa.concat_tables([frame, frame]), [demand(check.expectation)])[check.id].failed
        frames += 1
    _agree(check, judged, 2 * repeated)
    condition = Condition(item.judged, among=name, on=item.judged, where=item.where)
    failed = rows.count_failing(condition) if repeated else 0
    return replace(
        _counted(check, checked=looked, failed=failed, frames=frames, condition=condition), repeated=repeated
    )


def _on_parent(check: Check, rows: Rows, parents: Mapping[str, Sequence[Path]]) -> Outcome:
    item = check.expectation
    parent, column = item.parent or ("", "")
    name, own = f"values of {check.id}", item.judged[0]
    looked, orphans, failed = rows.look_up(name, own, parent=column, files=parents[parent])
    asked = Demand(item.id, item.type, {"column": "is_known", "value_set": [True]})
    judged = [judge(frame, [asked])[item.id].failed for frame in rows.looked_up(name)]
    _agree(check, sum(judged), orphans)
    condition = Condition((own,), among=name, on=(own,), known=True)
    return _counted(check, checked=looked, failed=failed, frames=len(judged), condition=condition)


def _on_rows(check: Check, rows: Rows, *, is_whole: bool = False) -> Outcome:
    item, name = check.expectation, f"rows of {check.id}"
    columns = _needed(item, rows)
    numbers, checked, failed, frames = [], 0, 0, 0
    for frame in rows.numbered(columns, is_whole=is_whole):
        judged = judge(frame.select(columns), [demand(check.expectation)], wants_positions=True)[check.id]
        failing = frame.take(pa.array(judged.positions, pa.int64())).select([ROW])
        _agree(check, judged.failed, failing.num_rows)
        numbers.append(failing)
        checked, failed, frames = checked + judged.entries, failed + judged.failed, frames + 1
    rows.keep(name, pa.concat_tables(numbers))
    condition = Condition(item.judged, among=name, on=(ROW,))
    return _counted(check, checked=checked, failed=failed, frames=frames, condition=condition)


def _counted(check: Check, *, checked: int, failed: int, frames: int, condition: Condition) -> Outcome:
    is_met = checked - failed >= check.expectation.mostly * checked
    return Outcome(check, checked, failed, frames=frames, is_met=is_met, condition=condition)


def _condition(check: Check) -> Condition:
    return Condition(check.expectation.judged, failure=check.failure or "true", where=check.expectation.where)


def _agree(check: Check, judged: int, counted: int) -> None:
    if judged != counted:
        raise CountsDisagreeError(
            expectation=check.id,
            judged=judged,
            counted=counted,
            fix="Report this with the expectation and the values of its column: nothing was published.",
        )
