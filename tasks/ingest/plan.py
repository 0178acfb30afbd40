"""Decides what becomes of each column of a file: which rules make it, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import duckdb

from tasks.errors import EmptyTableError, MissingColumnsError, UsageError, near_miss
from tasks.ingest.config import SourceConfig
from tasks.ingest.raw import REST, RawRows
from tasks.ingest.rules import (
    TIMESTAMP_SQL,
    ColumnRules,
    column_rules,
    currency_of,
    extra_rules,
    helper_name,
    raw_name,
)
from tasks.schemas import CANONICAL, Table, literal, quoted

SAMPLE_ROWS: Final = 1_000
MILLISECONDS_FROM: Final = 1e11
"""Numbers above this are milliseconds: as seconds they would be the year 5138."""


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
        UsageError: An expression fails.
    """
    table = CANONICAL.get(source.table)
    planner = _Planner(connection, rows, source)
    if table is None:
        kept = [extra_rules(name, kind, source) for name, kind in rows.columns.items() if name != REST]
        return Plan((*planner.constants(None), *kept, *planner.rest(set(rows.columns), None)), ())
    return planner.canonical(table, is_one_of_many=is_one_of_many)


@dataclass(frozen=True, slots=True)
class _Planner:
    connection: duckdb.DuckDBPyConnection
    rows: RawRows
    source: SourceConfig

    def canonical(self, table: Table, *, is_one_of_many: bool) -> Plan:
        expressions = self.expressions(table)
        mapped = {name: column for name, column in self.source.columns.items() if isinstance(column, str)}
        missing = {name for name, column in mapped.items() if column not in self.rows.columns}
        self.check(table, missing, is_one_of_many=is_one_of_many)
        kinds = {name: self.kind(sql) for name, sql in expressions.items() if name not in missing}
        plan = self.constants(table)
        plan += [self.column(table, name, expressions[name], kind) for name, kind in kinds.items()]
        plan += self.currency(table, expressions, kinds)
        if self.source.extra_columns == "keep":
            used = {*mapped.values(), *expressions, REST}
            extra = {name: kind for name, kind in self.rows.columns.items() if name not in used}
            plan += [extra_rules(name, kind, self.source) for name, kind in extra.items()]
            plan += self.rest({rule.name for rule in plan}, table)
        return Plan(tuple(plan), tuple(sorted(missing)))

    def expressions(self, table: Table) -> dict[str, str]:
        """Column to SQL: as mapped, or the source's column of the same name where nothing else takes it."""
        taken = {column for column in self.source.columns.values() if isinstance(column, str)}
        found = {}
        names = [column.name for column in table.columns]
        for name in [*names, *sorted(set(self.source.columns) - set(names))]:
            mapped = self.source.columns.get(name)
            if mapped is not None:
                found[name] = quoted(mapped) if isinstance(mapped, str) else f"({mapped.sql})"
            elif name in self.rows.columns and name not in taken and name not in self.source.constants:
                found[name] = quoted(name)
        return found

    def check(self, table: Table, missing: set[str], *, is_one_of_many: bool) -> None:
        if not self.rows.columns:
            raise EmptyTableError(
                table=table.name,
                rows_read=0,
                rows_quarantined=0,
                fix="A file is empty: deliver it again, or remove it.",
            )
        mapped = set(self.source.columns) | set(self.source.constants) | set(self.rows.columns)
        unmapped = [name for name in table.required if name not in mapped]
        absent = [name for name in sorted(missing) if not is_one_of_many or name in table.required]
        absent += self.absent_keys(table)
        if not unmapped and not absent:
            return
        found = self.names()
        wanted = [str(self.source.columns.get(name, name)) for name in (*absent, *unmapped)]
        hints = "".join(near_miss(word, found) for word in wanted)
        lacking = ", ".join(f"“{self.source.columns[name]}”" for name in absent)
        words = ", ".join(f"`{name}`" for name in unmapped)
        fix = f"{hints}Map a source column to {words} under `columns` in shop.yaml."
        if absent:
            fix = f"{hints}No source column is called {lacking}: mend `columns`."
        raise MissingColumnsError(table=table.name, missing=sorted({*absent, *unmapped}), found=found, fix=fix)

    def absent_keys(self, table: Table) -> list[str]:
        """Required columns mapped to a key that no object has; only JSON and literals can have such."""
        names = [name for name in table.required if isinstance(self.source.columns.get(name), str)]
        if REST not in self.rows.columns or not names:
            return []
        counts = ", ".join(f"count({quoted(str(self.source.columns[name]))})" for name in names)
        (row,) = self.connection.execute(f"select count(*), {counts} from {self.rows.relation}").fetchall()
        return [name for name, count in zip(names, row[1:], strict=True) if row[0] and not count]

    def names(self) -> list[str]:
        """What the source calls its columns."""
        if REST not in self.rows.columns:
            return list(self.rows.columns)
        some = f"select {REST} from {self.rows.relation} limit {SAMPLE_ROWS}"
        keys = f"select distinct unnest(map_keys({REST})) as key from ({some}) order by 1"
        return [key for (key,) in self.connection.execute(keys).fetchall()]

    def kind(self, expression: str) -> str:
        query = f"describe select {expression} as x from {self.rows.relation}"
        try:
            ((_, kind, *_),) = self.connection.execute(query).fetchall()
        except duckdb.Error as error:
            raise UsageError(
                problem=f"The expression “{expression}” of “{self.source.table}” fails: {' '.join(str(error).split())}",
                fix="Mend it under `columns` in shop.yaml.",
            ) from error
        return str(kind)

    def column(self, table: Table, name: str, expression: str, kind: str) -> ColumnRules:
        column = table.column(name)
        if column is None:
            return ColumnRules(name, expression, raw_name(name))
        form = self.form(expression, kind) if column.kind == "timestamp" else "iso"
        return column_rules(column, expression, kind, self.source, form=form)

    def form(self, expression: str, kind: str) -> str:
        """How times are written: as declared, or the form that reads most of the first rows."""
        if kind.startswith("TIMESTAMP") or kind == "DATE":
            return "iso"
        if self.source.timestamp_format != "auto":
            return self.source.timestamp_format
        forms = ("iso", "month_first", "day_first")
        counts = ", ".join(f"count({TIMESTAMP_SQL[form].format(x='x::varchar')})" for form in forms)
        some = f"select {expression} as x from {self.rows.relation} where {expression} is not null limit {SAMPLE_ROWS}"
        query = f"select median(abs(try_cast(x as double))), {counts} from ({some})"
        ((number, *read),) = self.connection.execute(query).fetchall()
        if number is not None:
            return "unix_ms" if number > MILLISECONDS_FROM else "unix_s"
        if kind != "VARCHAR":
            return "unix_s"
        return forms[max(range(len(forms)), key=lambda position: (read[position], -position))]

    def constants(self, table: Table | None) -> list[ColumnRules]:
        found = []
        for name, value in self.source.constants.items():
            column = table.column(name) if table else None
            text = literal(value) if isinstance(value, str) else repr(value).lower()
            held = text if column is None else f"{text}::{column.sql_type}"
            found.append(ColumnRules(name, held, raw_name(name)))
        return found

    def currency(self, table: Table, expressions: Mapping[str, str], kinds: Mapping[str, str]) -> list[ColumnRules]:
        """The currency that prices name or the source declares, where no column is mapped to it."""
        is_given = "currency" in {*expressions, *self.source.constants}
        if table.column("currency") is None or "price" not in kinds or is_given:
            return []
        declared = None if self.source.currency is None else literal(self.source.currency)
        if kinds["price"] != "VARCHAR":
            if declared is None:
                return []
            return [ColumnRules("currency", "null::varchar", f"case when price is not null then {declared} end")]
        named = currency_of(helper_name("price"))
        choice = named if declared is None else declared
        return [ColumnRules("currency", "null::varchar", f"case when price is not null then {choice} end")]

    def rest(self, taken: set[str], table: Table | None) -> list[ColumnRules]:
        """Keys of objects that are not mapped: the map `attributes` where the table has one, a map `extra` if not."""
        if REST not in self.rows.columns:
            return []
        has_attributes = table is not None and table.column("attributes") and "attributes" not in taken
        name = "attributes" if has_attributes else "extra"
        held = raw_name(name)
        return [ColumnRules(name, quoted(REST), f"case when cardinality({held}) > 0 then {held} end")]
