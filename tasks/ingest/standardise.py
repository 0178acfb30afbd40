"""Standardises one shard: raw rows in, canonical columns out, in one pass of DuckDB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
from duckdb.func import PythonUDFType

from tasks.errors import MissingColumnsError, UsageError, near_miss
from tasks.ingest import cleaning
from tasks.ingest.config import IngestConfig, SourceConfig
from tasks.ingest.rows import REST, RawRows, Reject, csv_rejects, physical_lines
from tasks.ingest.rules import (
    TIMESTAMP_SQL,
    ColumnRules,
    column_rules,
    extra_rules,
    helper_name,
    raw_name,
)
from tasks.schemas import CANONICAL, Column, Table, literal, quoted

SAMPLE_ROWS: Final = 1_000
MILLISECONDS_FROM: Final = 1e11
"""Numbers above this are milliseconds: as seconds they would be the year 5138."""

TEXT_STRUCT: Final = "struct(value varchar, rules utinyint)"
PRICE_STRUCT: Final = "struct(value double, currency varchar)"


@dataclass(frozen=True, slots=True)
class ShardCounts:
    """What came of a shard's rows, and how often each rule changed one, as `column.rule`."""

    rows_read: int
    rows_usable: int
    rows_quarantined: int
    rules: dict[str, int]
    unread: dict[str, int]
    facts: dict[str, str]
    missing_columns: tuple[str, ...]


def connect(config: IngestConfig, spill: Path) -> duckdb.DuckDBPyConnection:
    """Return a connection in memory, bounded, in UTC, that knows the text functions."""
    connection = duckdb.connect(
        config={
            "memory_limit": config.memory_limit,
            "threads": config.threads,
            "temp_directory": str(spill),
        }
    )
    connection.execute("set timezone = 'UTC'")
    connection.execute("set enable_progress_bar = false")
    return connection


def standardise(  # noqa: PLR0913 - what is read, how, and where to
    connection: duckdb.DuckDBPyConnection,
    rows: RawRows,
    source: SourceConfig,
    config: IngestConfig,
    *,
    folder: Path,
    file: str,
    is_one_of_many: bool = False,
) -> ShardCounts:
    """Write a shard's usable rows to `rows-0.parquet` and the others to `quarantine.parquet`.

    The rows carry, beside their columns, `_record`, a flag per rule, and the raw value where it was not understood.

    Args:
        connection: From `connect`.
        rows: What the file holds.
        source: What the source declares.
        config: How parquet is written.
        folder: Where both files go.
        file: The name that quarantined rows carry.
        is_one_of_many: Whether other files of the source may have the columns that this one lacks.

    Raises:
        MissingColumnsError: A required column is not mapped, or a mapped one is not there.
    """
    _register_functions(connection, source)
    plan, missing = _plan(connection, rows, source, is_one_of_many=is_one_of_many)
    table = CANONICAL.get(source.table)
    selected = _statement(plan, rows.relation, table, config.row_group_rows, folder / "all.parquet")
    connection.execute(selected)
    rejects = csv_rejects(connection, rows) if rows.facts.get("format") == "csv" and rows.columns else rows.rejects
    counts = _split(connection, rows, plan, rejects, folder=folder, file=file, missing=missing)
    for name in ("clean_text", "price_of", "path_of"):
        connection.remove_function(name)
    return counts


def _register_functions(connection: duckdb.DuckDBPyConnection, source: SourceConfig) -> None:
    def clean_text(texts: pa.ChunkedArray) -> pa.Array:
        found = [cleaning.cleaned_text(text) for text in texts.to_pylist()]
        arrays = [pa.array([text for text, _ in found], pa.string()), pa.array([bits for _, bits in found], pa.uint8())]
        return pa.StructArray.from_arrays(arrays, names=["value", "rules"])

    def price_of(texts: pa.ChunkedArray) -> pa.Array:
        found = [cleaning.amount(text, decimal_comma=source.decimal_comma) for text in texts.to_pylist()]
        arrays = [
            pa.array([value for value, _ in found], pa.float64()),
            pa.array([sign for _, sign in found], pa.string()),
        ]
        return pa.StructArray.from_arrays(arrays, names=["value", "currency"])

    def path_of(texts: pa.ChunkedArray) -> pa.Array:
        return pa.array([cleaning.path(text) for text in texts.to_pylist()], pa.list_(pa.string()))

    arrow = PythonUDFType.ARROW
    connection.create_function("clean_text", clean_text, ["varchar"], TEXT_STRUCT, type=arrow)
    connection.create_function("price_of", price_of, ["varchar"], PRICE_STRUCT, type=arrow)
    connection.create_function("path_of", path_of, ["varchar"], "varchar[]", type=arrow)


def _plan(
    connection: duckdb.DuckDBPyConnection, rows: RawRows, source: SourceConfig, *, is_one_of_many: bool
) -> tuple[list[ColumnRules], tuple[str, ...]]:
    table = CANONICAL.get(source.table)
    if table is None:
        kept = [extra_rules(name, kind, source) for name, kind in rows.columns.items() if name != REST]
        return [*_constants(source, None), *kept, *_rest(connection, rows, source, set(rows.columns))], ()
    expressions = _expressions(rows, source, table)
    missing = _missing(rows, source, expressions)
    _check(connection, table, source, rows, missing=missing, is_one_of_many=is_one_of_many)
    plan = _constants(source, table)
    for name, expression in expressions.items():
        if name not in missing:
            plan.append(_canonical(connection, rows, source, table.column(name), expression))
    plan += _currency_of_prices(connection, rows, source, table, expressions)
    used = {column for column in source.columns.values() if isinstance(column, str)} | set(expressions)
    if source.extra_columns == "keep":
        plan += [extra_rules(name, kind, source) for name, kind in rows.columns.items() if name not in used | {REST}]
        plan += _rest(connection, rows, source, {rule.name for rule in plan}, table)
    return plan, tuple(sorted(missing))


def _expressions(rows: RawRows, source: SourceConfig, table: Table) -> dict[str, str]:
    """Canonical column to SQL: as mapped, or the source's column of the same name where nothing else takes it."""
    taken = {column for column in source.columns.values() if isinstance(column, str)}
    found = {}
    for column in table.columns:
        mapped = source.columns.get(column.name)
        if mapped is not None:
            found[column.name] = quoted(mapped) if isinstance(mapped, str) else f"({mapped.sql})"
        elif column.name in rows.columns and column.name not in taken and column.name not in source.constants:
            found[column.name] = quoted(column.name)
    unknown = sorted(set(source.columns) - {column.name for column in table.columns})
    for name in unknown:
        mapped = source.columns[name]
        found[name] = quoted(mapped) if isinstance(mapped, str) else f"({mapped.sql})"
    return found


def _missing(rows: RawRows, source: SourceConfig, expressions: Mapping[str, str]) -> set[str]:
    return {
        name
        for name in expressions
        if isinstance(mapped := source.columns.get(name), str) and mapped not in rows.columns
    }


def _check(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    source: SourceConfig,
    rows: RawRows,
    *,
    missing: set[str],
    is_one_of_many: bool,
) -> None:
    mapped = set(source.columns) | set(source.constants) | set(rows.columns)
    unmapped = [name for name in table.required if name not in mapped]
    absent = [name for name in missing if not is_one_of_many or name in table.required]
    absent += _absent_keys(connection, table, source, rows)
    if not unmapped and not absent:
        return
    found = _found(connection, rows)
    wanted = [str(source.columns.get(name, name)) for name in (*absent, *unmapped)]
    hints = "".join(near_miss(word, found) for word in wanted)
    if absent:
        fix = (
            f"{hints}No source column is called {', '.join(f'“{source.columns[n]}”' for n in absent)}: mend `columns`."
        )
    else:
        fix = f"{hints}Map a source column to {', '.join(f'`{n}`' for n in unmapped)} under `columns` in shop.yaml."
    raise MissingColumnsError(table=table.name, missing=sorted({*absent, *unmapped}), found=found, fix=fix)


def _absent_keys(connection: duckdb.DuckDBPyConnection, table: Table, source: SourceConfig, rows: RawRows) -> list[str]:
    """Required columns mapped to a key that no object has; only JSON and literals can have such."""
    names = [name for name in table.required if isinstance(source.columns.get(name), str)]
    if REST not in rows.columns or not names:
        return []
    counts = ", ".join(f"count({quoted(str(source.columns[name]))})" for name in names)
    (row,) = connection.execute(f"select count(*), {counts} from {rows.relation}").fetchall()
    return [name for name, count in zip(names, row[1:], strict=True) if row[0] and not count]


def _found(connection: duckdb.DuckDBPyConnection, rows: RawRows) -> list[str]:
    names = [name for name in rows.columns if name != REST]
    if REST in rows.columns:
        some = f"select {REST} from {rows.relation} limit {SAMPLE_ROWS}"
        keys = f"select distinct unnest(map_keys({REST})) as key from ({some}) order by 1"
        names = [key for (key,) in connection.execute(keys).fetchall()]
    return names


def _canonical(
    connection: duckdb.DuckDBPyConnection, rows: RawRows, source: SourceConfig, column: Column | None, expression: str
) -> ColumnRules:
    try:
        ((_, kind, *_),) = connection.execute(f"describe select {expression} as x from {rows.relation}").fetchall()
    except duckdb.Error as error:
        raise UsageError(
            problem=f"The expression “{expression}” of “{source.table}” fails: {' '.join(str(error).split())}",
            fix="Mend it under `columns` in shop.yaml.",
        ) from error
    if column is None:
        name = next(
            name
            for name, mapped in source.columns.items()
            if expression in {f"({getattr(mapped, 'sql', '')})", quoted(str(mapped))}
        )
        return ColumnRules(name, expression, raw_name(name))
    form = _form(connection, rows, source, expression, kind) if column.kind == "timestamp" else "iso"
    return column_rules(column, expression, kind, source, form=form)


def _form(
    connection: duckdb.DuckDBPyConnection, rows: RawRows, source: SourceConfig, expression: str, kind: str
) -> str:
    """How times are written: as declared, or the form that reads most of the first rows."""
    if kind.startswith("TIMESTAMP") or kind == "DATE":
        return "iso"
    if source.timestamp_format != "auto":
        return source.timestamp_format
    sample = f"(select {expression} as x from {rows.relation} where {expression} is not null limit {SAMPLE_ROWS})"
    ((number,),) = connection.execute(f"select median(abs(try_cast(x as double))) from {sample}").fetchall()
    if number is not None:
        return "unix_ms" if number > MILLISECONDS_FROM else "unix_s"
    forms = [form for form in ("iso", "month_first", "day_first") if kind == "VARCHAR"]
    counts = ", ".join(f"count({TIMESTAMP_SQL[form].format(x='x')})" for form in forms)
    if not forms:
        return "unix_s"
    (read,) = connection.execute(f"select {counts} from {sample}").fetchall()
    return forms[max(range(len(forms)), key=lambda position: (read[position], -position))]


def _constants(source: SourceConfig, table: Table | None) -> list[ColumnRules]:
    found = []
    for name, value in source.constants.items():
        column = table.column(name) if table else None
        text = literal(value) if isinstance(value, str) else repr(value).lower()
        held = text if column is None else f"{text}::{column.sql_type}"
        found.append(ColumnRules(name, held, raw_name(name)))
    return found


def _currency_of_prices(
    connection: duckdb.DuckDBPyConnection,
    rows: RawRows,
    source: SourceConfig,
    table: Table,
    expressions: Mapping[str, str],
) -> list[ColumnRules]:
    """The currency that prices name or the source declares, where no column is mapped to it."""
    if (
        table.column("currency") is None
        or "price" not in expressions
        or "currency" in {*expressions, *source.constants}
    ):
        return []
    price = expressions["price"]
    ((kind,),) = connection.execute(f"select any_value(typeof({price})) from {rows.relation}").fetchall()
    named = f"{helper_name('price')}.currency"
    if kind != "VARCHAR":
        value = "null" if source.currency is None else literal(source.currency)
        return (
            []
            if source.currency is None
            else [ColumnRules("currency", f"case when {price} is not null then {value} end", raw_name("currency"))]
        )
    default = "null" if source.currency is None else literal(source.currency)
    signs = f"select count(*) from {rows.relation} where regexp_matches({price}, '[^-+0-9.,\\s]')"
    ((count,),) = connection.execute(signs).fetchall()
    if not count and source.currency is None:
        return []
    choice = f"coalesce({default}, {named})"
    return [ColumnRules("currency", "null::varchar", f'case when "price" is not null then {choice} end')]


def _rest(
    connection: duckdb.DuckDBPyConnection,
    rows: RawRows,
    source: SourceConfig,
    taken: set[str],
    table: Table | None = None,
) -> list[ColumnRules]:
    """Keys of objects that are not mapped: the map `attributes` where the table has one, a map `extra` if not."""
    if REST not in rows.columns:
        return []
    name = "attributes" if table is not None and table.column("attributes") and "attributes" not in taken else "extra"
    return [ColumnRules(name, quoted(REST), f"case when cardinality({raw_name(name)}) > 0 then {raw_name(name)} end")]


def _statement(plan: Sequence[ColumnRules], relation: str, table: Table | None, row_group: int, target: Path) -> str:
    raws = ", ".join(f"{rule.raw} as {raw_name(rule.name)}" for rule in plan) or "null as nothing"
    helpers = "".join(f", {rule.helper} as {helper_name(rule.name)}" for rule in plan if rule.helper)
    currency = [rule for rule in plan if rule.name == "currency" and '"price"' in rule.value]
    values = "".join(f", {rule.value} as {quoted(rule.name)}" for rule in plan if rule not in currency)
    late = "".join(f", {rule.value} as {quoted(rule.name)}" for rule in currency)
    kept = ", ".join([*(quoted(rule.name) for rule in plan), "_record"])
    flags = "".join(f", {sql} as {quoted(f'_rule:{r.name}.{rule}')}" for r in plan for rule, sql in r.rules.items())
    unread = "".join(
        f", case when {rule.is_unread} then {raw_name(rule.name)}::varchar end as {quoted(f'_unread:{rule.name}')}"
        for rule in plan
        if rule.can_fail
    )
    return (
        f"copy (with raw as (select _record, {raws} from {relation}), helped as (select *{helpers} from raw), "
        f"valued as (select *{values} from helped), whole as (select *{late} from valued) "
        f"select {kept}{flags}{unread}, {_reason(plan, table)} as _reason from whole) "
        f"to {literal(str(target))} (format parquet, compression zstd, row_group_size {row_group})"
    )


def _reason(plan: Sequence[ColumnRules], table: Table | None) -> str:
    required = [rule for rule in plan if table is not None and rule.name in table.required]
    branches = []
    for rule in required:
        invalid = "unknown_event_type" if rule.name == "event_type" else f"invalid_{rule.name}"
        branches.append(
            f"when {quoted(rule.name)} is null and {raw_name(rule.name)} is not null then {literal(invalid)}"
        )
        branches.append(f"when {quoted(rule.name)} is null then {literal(f'missing_{rule.name}')}")
    return f"case {' '.join(branches)} end" if branches else "null::varchar"


def _split(  # noqa: PLR0913 - what was read, how, and where to
    connection: duckdb.DuckDBPyConnection,
    rows: RawRows,
    plan: Sequence[ColumnRules],
    rejects: Sequence[Reject],
    *,
    folder: Path,
    file: str,
    missing: tuple[str, ...],
) -> ShardCounts:
    everything = folder / "all.parquet"
    relation = f"read_parquet({literal(str(everything))})"
    flags = [f"{r.name}.{rule}" for r in plan for rule in r.rules]
    unread = [rule.name for rule in plan if rule.can_fail]
    sums = "".join(f", coalesce(sum({quoted(f'_rule:{flag}')}::int), 0)" for flag in flags)
    sums += "".join(f", count({quoted(f'_unread:{name}')})" for name in unread)
    (counted,) = connection.execute(f"select count(*), count(_reason){sums} from {relation}").fetchall()
    total, unusable, *figures = counted
    if rows.plain is not None and rows.facts["format"] == "csv":
        lines = total + 1 + len(rejects)
        rows.facts["rows_span_lines"] = "no" if lines == rows.plain.lines else "yes"
    _write_quarantine(connection, rows, rejects, relation, unusable, folder / "quarantine.parquet", file)
    if unusable:
        connection.execute(
            f"copy (select * exclude (_reason) from {relation} where _reason is null) "
            f"to {literal(str(folder / 'rows-0.parquet'))} (format parquet, compression zstd)"
        )
        everything.unlink()
    else:
        everything.rename(folder / "rows-0.parquet")
    rules = dict(zip(flags, map(int, figures[: len(flags)]), strict=True))
    lost = dict(zip(unread, map(int, figures[len(flags) :]), strict=True))
    return ShardCounts(
        rows_read=total + len(rejects),
        rows_usable=total - unusable,
        rows_quarantined=unusable + len(rejects),
        rules={name: count for name, count in rules.items() if count},
        unread={name: count for name, count in lost.items() if count},
        facts=dict(rows.facts),
        missing_columns=missing,
    )


def _write_quarantine(  # noqa: PLR0913 - what was read, how, and where to
    connection: duckdb.DuckDBPyConnection,
    rows: RawRows,
    rejects: Sequence[Reject],
    relation: str,
    unusable: int,
    target: Path,
    file: str,
) -> None:
    schema = pa.schema(
        {"reason": pa.string(), "detail": pa.string(), "source": pa.string(), "line": pa.int64(), "row": pa.string()}
    )
    table = pa.Table.from_pylist(
        [{"reason": r.reason, "detail": r.detail, "source": file, "line": r.line, "row": r.row} for r in rejects],
        schema=schema,
    )
    connection.register("rejected", table)
    originals = "select * from rejected"
    if unusable:
        bad = connection.execute(
            f"select _record, _reason from {relation} where _reason is not null order by 1"
        ).fetchall()
        records = [record for record, _ in bad]
        lines = physical_lines(rows, sorted(reject.line for reject in rejects), records)
        numbered = {
            "_record": pa.array(records, pa.int64()),
            "_reason": pa.array([reason for _, reason in bad], pa.string()),
            "line": pa.array([lines[record] for record in records], pa.int64()),
        }
        connection.register("unusable", pa.table(numbered))
        fields = ", ".join(quoted(name) for name in rows.columns)
        originals += (
            f" union all select _reason, null, {literal(file)}, unusable.line, to_json(original)::varchar from "
            f"(select _record, struct_pack({fields}) as original from {rows.relation}) join unusable using (_record)"
        )
    connection.execute(
        f'copy (select * from ({originals}) order by line, "row") to {literal(str(target))} (format parquet)'
    )
