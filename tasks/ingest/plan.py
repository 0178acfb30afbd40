"""Decides what becomes of each column of a file: which rules make it, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import duckdb

from tasks.errors import EmptyTableError, MissingColumnsError, UsageError, near_miss
from tasks.ingest.config import SourceConfig, SqlExpression
from tasks.ingest.constants import constant_sql
from tasks.ingest.expressions import SESSION, columns_of, expression_kind
from tasks.ingest.own_columns import INTERNAL, helper_name, raw_name
from tasks.ingest.raw import REST, RawRows
from tasks.ingest.rules import ColumnRules, column_rules, currency_of, extra_rules, unfit
from tasks.ingest.times import GUESSED, TIMESTAMP_SQL, is_time, numbers_as_text
from tasks.schemas import CANONICAL, Table, literal, quoted

SAMPLE_ROWS: Final = 1_000
FORMS: Final = ("iso", "unix_s", "unix_ms", "month_first", "day_first")
"""How times may be written; where two read as many values, the earlier one is taken."""

DATES: Final = """
select
  count(*) filter (month_first is not null and day_first is null),
  count(*) filter (day_first is not null and month_first is null),
  count(*) filter (month_first <> day_first)
from (select {month_first} as month_first, {day_first} as day_first from (select {x}::varchar as x from {rows}))
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a file's columns come about.

    Args:
        columns: In the order of the file that is written.
        missing: Canonical columns that are mapped to a column that this file lacks and others may have.
    """

    columns: tuple[ColumnRules, ...]
    missing: tuple[str, ...]


def plan_of(
    connection: duckdb.DuckDBPyConnection, rows: RawRows, source: SourceConfig, *, is_one_of_many: bool
) -> Plan:
    """Return the plan of a file's columns.

    Args:
        connection: What the rows are read by.
        rows: What the file holds.
        source: What the source declares.
        is_one_of_many: Whether other files of the source may have the columns that this one lacks.

    Raises:
        EmptyTableError: The file holds nothing, not even the names of its columns.
        MissingColumnsError: A required column is not mapped, or a mapped one is not there.
        UsageError: An expression fails, a column cannot be what it is mapped to, or has a name that is ingest's own.
    """
    table = CANONICAL.get(source.table)
    planner = _Planner(connection, rows, source)
    planner.check_names()
    if not rows.columns:
        raise EmptyTableError(
            table=source.table,
            rows_read=0,
            rows_quarantined=0,
            fix=f"“{rows.name}” is empty: deliver it again, or remove it.",
        )
    if table is None:
        return planner.extra(is_one_of_many=is_one_of_many)
    return planner.canonical(table, is_one_of_many=is_one_of_many)


def readable_rows(
    connection: duckdb.DuckDBPyConnection, rows: RawRows, source: SourceConfig, *, is_one_of_many: bool
) -> RawRows:
    """Return rows with every column that a source's expressions may read, and without those that no object fills.

    Args:
        connection: What the rows are read by.
        rows: What the file holds.
        source: What the source declares.
        is_one_of_many: Whether other files may have columns that this one lacks: they are null here.
    """
    filled = _filled_keys(connection, rows, source)
    absent = _absent(connection, filled, source) if is_one_of_many else {}
    if not absent:
        return filled
    null = "null" if rows.facts["format"] == "parquet" else "null::varchar"
    nulls = ", ".join(f"{null} as {quoted(name)}" for name in absent.values())
    return replace(filled, relation=f"(select *, {nulls} from {filled.relation})")


def _filled_keys(connection: duckdb.DuckDBPyConnection, rows: RawRows, source: SourceConfig) -> RawRows:
    """Rows of objects without the columns that are not mapped, and no object fills."""
    if not rows.has_rest:
        return rows
    mapped = {column for column in source.columns.values() if isinstance(column, str)}
    asked = [name for name in rows.columns if name not in mapped and name != REST]
    if not asked:
        return rows
    counts = ", ".join(f"count({quoted(name)})" for name in asked)
    (filled,) = connection.execute(f"select {counts} from {rows.relation}").fetchall()
    empty = {name for name, count in zip(asked, filled, strict=True) if not count}
    if not empty:
        return rows
    columns = {name: kind for name, kind in rows.columns.items() if name not in empty}
    without = f"(select * exclude ({', '.join(map(quoted, sorted(empty)))}) from {rows.relation})"
    return replace(rows, columns=columns, relation=without)


def _absent(connection: duckdb.DuckDBPyConnection, rows: RawRows, source: SourceConfig) -> dict[str, str]:
    """Columns that expressions speak of and the rows lack, by their lower case."""
    there = {name.lower() for name in rows.columns}
    return {
        lower: name
        for column in source.columns.values()
        if not isinstance(column, str)
        for lower, name in columns_of(connection, column.sql).items()
        if lower not in there | SESSION
    }


@dataclass(frozen=True, slots=True)
class _Planner:
    connection: duckdb.DuckDBPyConnection
    rows: RawRows
    source: SourceConfig

    def check_names(self) -> None:
        wrong = [name for name in self.rows.columns if name.lower().startswith(INTERNAL)]
        if wrong:
            raise UsageError(
                problem=f"A source of “{self.source.table}” has a column “{wrong[0]}”, and ingest keeps names that "
                f"begin with “{INTERNAL}” for itself.",
                fix="Give it another name at the source.",
            )

    def canonical(self, table: Table, *, is_one_of_many: bool) -> Plan:
        named = self.named(table)
        expressions = self.expressions(table, named)
        mapped = self.mapped()
        missing = {name for name, column in mapped.items() if column not in self.rows.columns}
        self.check(table, missing, named, is_one_of_many=is_one_of_many)
        kinds = {name: self.kind(name, sql) for name, sql in expressions.items() if name not in missing}
        plan = self.constants(table)
        plan += [self.column(table, name, expressions[name], kind) for name, kind in kinds.items()]
        plan += self.currency(table, expressions, kinds)
        if self.source.extra_columns == "keep":
            plan += self.extras(table, frozenset({*mapped.values(), *named.values()}))
            plan += self.rest([rule.name for rule in plan], table)
        return Plan(tuple(plan), tuple(sorted(missing)))

    def extra(self, *, is_one_of_many: bool) -> Plan:
        """The plan of a table that is not canonical: what is mapped stands first, by its new name."""
        if self.source.extra_columns == "drop" and not self.source.columns:
            raise UsageError(
                problem=f"`extra_columns` of a source of “{self.source.table}” drops all of its columns.",
                fix="Name those to keep under `columns` in shop.yaml, or leave `extra_columns` out.",
            )
        mapped = self.mapped()
        missing = {name for name, column in mapped.items() if column not in self.rows.columns}
        if not is_one_of_many:
            self.demand(sorted(missing), [])
        plan = self.constants(None)
        for name, column in self.source.columns.items():
            if name not in missing:
                plan.append(extra_rules(name, _sql(column), self.kind(name, _sql(column)), self.source))
        if self.source.extra_columns == "keep":
            plan += self.extras(None, frozenset(mapped.values()))
            plan += self.rest([rule.name for rule in plan], None)
        return Plan(tuple(plan), tuple(sorted(missing)))

    def mapped(self) -> dict[str, str]:
        """Columns that are mapped to one of the source's, to its name."""
        return {name: column for name, column in self.source.columns.items() if isinstance(column, str)}

    def named(self, table: Table) -> dict[str, str]:
        """Column to the source's column of that name, whatever its case, where neither is taken."""
        taken = {column.lower() for column in self.source.columns.values() if isinstance(column, str)}
        given = {*self.source.columns, *self.source.constants}
        found = {name.lower(): name for name in self.columns() if name.lower() not in taken}
        return {
            column.name: found[column.name]
            for column in table.columns
            if column.name in found and column.name not in given
        }

    def columns(self) -> list[str]:
        """The source's columns, without the map of an object's other keys."""
        return [name for name in self.rows.columns if not (self.rows.has_rest and name == REST)]

    def expressions(self, table: Table, named: Mapping[str, str]) -> dict[str, str]:
        """Column to SQL: as mapped, or the source's column of the same name."""
        found = {}
        names = [column.name for column in table.columns]
        for name in [*names, *sorted(set(self.source.columns) - set(names))]:
            mapped = self.source.columns.get(name)
            if mapped is not None:
                found[name] = _sql(mapped)
            elif name in named:
                found[name] = quoted(named[name])
        return found

    def check(self, table: Table, missing: set[str], named: Mapping[str, str], *, is_one_of_many: bool) -> None:
        mapped = set(self.source.columns) | set(self.source.constants) | set(named)
        unmapped = [name for name in table.required if name not in mapped]
        absent = [name for name in sorted(missing) if not is_one_of_many or name in table.required]
        absent += self.absent_keys(table) + (self.unmade(table) if is_one_of_many else [])
        self.demand(absent, unmapped)

    def demand(self, absent: Sequence[str], unmapped: Sequence[str]) -> None:
        """Refuse a file that lacks what is mapped, or what must be."""
        if not unmapped and not absent:
            return
        found = self.names()
        lacking = [column for name in absent for column in self.made_of(name)]
        hints = "".join(near_miss(word, found) for word in (*lacking, *unmapped)) + self.misspelt(unmapped)
        words = ", ".join(f"`{name}`" for name in unmapped)
        fix = f"{hints}Map a column of “{self.rows.name}” to {words} under `columns` in shop.yaml."
        if absent:
            called = ", ".join(f"“{column}”" for column in lacking)
            fix = f"{hints}No column of “{self.rows.name}” is called {called}: mend `columns`."
        raise MissingColumnsError(table=self.source.table, missing=sorted({*absent, *unmapped}), found=found, fix=fix)

    def misspelt(self, unmapped: Sequence[str]) -> str:
        """Say which names that are mapped, and are none of the table's, look like required ones that are not."""
        table = CANONICAL.get(self.source.table)
        strange = [name for name in self.source.columns if table is None or table.column(name) is None]
        near = ((name, word) for word in unmapped for name in strange if near_miss(word, [name]))
        return "".join(f"`columns` maps “{name}”: did you mean “{word}”? " for name, word in near)

    def made_of(self, name: str) -> list[str]:
        """The source's columns that a column is mapped to, or its expression speaks of."""
        mapped = self.source.columns.get(name)
        if mapped is None or isinstance(mapped, str):
            return [] if mapped is None else [mapped]
        return list(columns_of(self.connection, mapped.sql).values())

    def unmade(self, table: Table) -> list[str]:
        """Required columns whose expression speaks of no column that is there: of several, each alone may be absent."""
        there = {name.lower() for name in self.rows.columns}
        made = {name: {column.lower() for column in self.made_of(name)} for name in table.required}
        return [
            name
            for name, columns in made.items()
            if columns and columns.isdisjoint(there) and not isinstance(self.source.columns[name], str)
        ]

    def absent_keys(self, table: Table) -> list[str]:
        """Required columns mapped to a key that no object has; only JSON and literals can have such."""
        names = [name for name in table.required if isinstance(self.source.columns.get(name), str)]
        if not self.rows.has_rest or not names:
            return []
        counts = ", ".join(f"count({quoted(str(self.source.columns[name]))})" for name in names)
        (row,) = self.connection.execute(f"select count(*), {counts} from {self.rows.relation}").fetchall()
        return [name for name, count in zip(names, row[1:], strict=True) if row[0] and not count]

    def names(self) -> list[str]:
        """What the source calls its columns."""
        if not self.rows.has_rest:
            return list(self.rows.columns)
        some = f"select {REST} from {self.rows.relation} limit {SAMPLE_ROWS}"
        keys = f"select distinct unnest(map_keys({REST})) as key from ({some}) order by 1"
        return [key for (key,) in self.connection.execute(keys).fetchall()]

    def kind(self, name: str, expression: str) -> str:
        mapped = self.source.columns.get(name)
        if mapped is None or isinstance(mapped, str):
            return self.rows.columns[self.source_column(expression)]
        return expression_kind(self.connection, self.rows, self.source.table, name, mapped.sql)

    def source_column(self, expression: str) -> str:
        return next(name for name in self.rows.columns if quoted(name) == expression)

    def column(self, table: Table, name: str, expression: str, kind: str) -> ColumnRules:
        column = table.column(name)
        if column is None:
            return ColumnRules(name, expression, raw_name(name))
        wanted = unfit(column, kind)
        if wanted:
            raise UsageError(
                problem=f"What is mapped to “{name}” of “{table.name}” is of the type {kind}, and no {wanted}.",
                fix=f"Map another column, or an expression that makes it one, to `{name}` under `columns`.",
            )
        form = self.form(expression, kind) if column.kind == "timestamp" else "iso"
        return column_rules(column, expression, kind, self.source, form=form)

    def form(self, expression: str, kind: str) -> str:
        """How times are written: as declared, or the form that reads most of the first rows."""
        if is_time(kind):
            return "iso"
        if self.source.timestamp_format != "auto":
            return self.source.timestamp_format
        is_text = kind == "VARCHAR"
        forms = FORMS if is_text else FORMS[:3]
        held = "x" if is_text else numbers_as_text("x")
        counts = ", ".join(f"count({TIMESTAMP_SQL[form].format(x=held)})" for form in forms)
        some = f"select {expression} as x from {self.rows.relation} where {expression} is not null limit {SAMPLE_ROWS}"
        (read,) = self.connection.execute(f"select {counts} from ({some})").fetchall()
        best = forms[max(range(len(forms)), key=lambda position: (read[position], -position))]
        return self.dates(expression) if best in {"month_first", "day_first"} else best

    def dates(self, expression: str) -> str:
        """Whether dates are written month first or day first, by all rows; `GUESSED` before it where none tells."""
        forms = {name: TIMESTAMP_SQL[name].format(x="x") for name in ("month_first", "day_first")}
        query = DATES.format(x=expression, rows=self.rows.relation, **forms)
        ((only_month, only_day, either),) = self.connection.execute(query).fetchall()
        form = "day_first" if only_day > only_month else "month_first"
        is_guess = either > 0 and (only_month > 0) == (only_day > 0)
        return f"{GUESSED}{form}" if is_guess else form

    def constants(self, table: Table | None) -> list[ColumnRules]:
        found = []
        for name, value in self.source.constants.items():
            column = table.column(name) if table else None
            found.append(ColumnRules(name, constant_sql(column, value, self.source.event_types), raw_name(name)))
        return found

    def currency(self, table: Table, expressions: Mapping[str, str], kinds: Mapping[str, str]) -> list[ColumnRules]:
        """The currency that prices name, or else the source declares, where no column is mapped to it."""
        is_given = "currency" in {*expressions, *self.source.constants}
        if table.column("currency") is None or "price" not in kinds or is_given:
            return []
        declared = None if self.source.currency is None else literal(self.source.currency)
        if kinds["price"] != "VARCHAR":
            if declared is None:
                return []
            return [ColumnRules("currency", "null::varchar", f"case when price is not null then {declared} end")]
        named = currency_of(helper_name("price"))
        choice = named if declared is None else f"coalesce({named}, {declared})"
        return [ColumnRules("currency", "null::varchar", f"case when price is not null then {choice} end")]

    def extras(self, table: Table | None, used: frozenset[str]) -> list[ColumnRules]:
        """The source's other columns; one whose name is taken, whatever its case, is called `NAME_source`."""
        taken = {name.lower() for name in (*self.source.columns, *self.source.constants)}
        taken |= {column.name for column in table.columns} if table else set()
        names = {name.lower() for name in self.rows.columns}
        found = []
        for name in self.columns():
            if name in used or self.is_read(name):
                continue
            target = _free(name, taken, names)
            taken.add(target.lower())
            found.append(extra_rules(target, quoted(name), self.rows.columns[name], self.source))
        return found

    def is_read(self, name: str) -> bool:
        """Whether an expression makes a column of a source's column of the same name."""
        mapped = self.source.columns.get(name)
        is_expression = mapped is not None and not isinstance(mapped, str)
        return is_expression and name.lower() in {column.lower() for column in self.made_of(name)}

    def rest(self, taken: Sequence[str], table: Table | None) -> list[ColumnRules]:
        """Keys of objects that are not mapped: the map `attributes` where the table has one, a map `extra` if not."""
        if not self.rows.has_rest:
            return []
        has_attributes = table is not None and table.column("attributes") and "attributes" not in taken
        name = "attributes" if has_attributes else _free("extra", {item.lower() for item in taken}, set())
        held = raw_name(name)
        return [ColumnRules(name, quoted(REST), f"case when cardinality({held}) > 0 then {held} end")]


def _sql(mapped: str | SqlExpression) -> str:
    return quoted(mapped) if isinstance(mapped, str) else f"(\n{mapped.sql}\n)"


def _free(name: str, taken: set[str], names: set[str]) -> str:
    """Return a name, or one made of it that nothing is called, whatever the case."""
    if name.lower() not in taken:
        return name
    choice, number = f"{name}_source", 1
    while choice.lower() in taken | names:
        number += 1
        choice = f"{name}_source_{number}"
    return choice
