"""Standardises one file: raw rows in, canonical columns out, in one pass of DuckDB."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from duckdb.func import PythonUDFType

from tasks.errors import RowsLostError
from tasks.ingest import cleaning
from tasks.ingest.config import IngestConfig, SourceConfig
from tasks.ingest.csv_records import PhysicalLines
from tasks.ingest.csv_rows import set_rejects_aside
from tasks.ingest.expressions import failing_expression
from tasks.ingest.own_columns import ORIGINAL, REASON, RECORD, bits_name, unread_name
from tasks.ingest.parquet import ROW, numbered_rows, write_parquet
from tasks.ingest.plan import Plan, plan_of, readable_rows
from tasks.ingest.raw import RawRows, path_literal
from tasks.ingest.rejects import SCHEMA
from tasks.ingest.rows import damage_of
from tasks.ingest.rules import NULL_BIT, TEXT_OFFSET, ColumnRules, bit_of
from tasks.ingest.statement import standardise_sql
from tasks.ingest.unpacking import naming_damage
from tasks.schemas import CANONICAL, Table, literal, quoted

QUARANTINE_BATCH: Final = 10_000
TEXTS_KEPT: Final = 4_096
SHORT: Final = 200
"""So many texts of at most so many characters are cleaned once: queries and labels come again and again."""


@dataclass(frozen=True, slots=True)
class ShardCounts:
    """What came of a shard's rows, and how often each rule changed one, as `column.rule`.

    Args:
        unread: Column to the number of values that were not understood.
        facts: What was found out about the file: format, encoding, delimiter.
        missing_columns: Canonical columns that are mapped and that this file lacks.
        always: Rules that changed every value of their column, as `column.rule`.
        empty_columns: Columns that would be made of what no row has; no table gets them from here.
    """

    rows_read: int
    rows_usable: int
    rows_quarantined: int
    rules: dict[str, int]
    always: tuple[str, ...]
    unread: dict[str, int]
    facts: dict[str, str]
    missing_columns: tuple[str, ...]
    empty_columns: tuple[str, ...]


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
    """Write every row to `rows-0.parquet`, and those that cannot be used also to `quarantine.parquet`.

    Args:
        connection: From `connect`.
        rows: What the file holds.
        source: What the source declares.
        config: How parquet is written.
        folder: Where both files go.
        file: The name that quarantined rows carry.
        is_one_of_many: Whether other files of the source may have the columns that this one lacks.

    Raises:
        EmptyTableError: The file holds nothing, not even the names of its columns.
        MissingColumnsError: A required column is not mapped, or a mapped one is not there.
        UsageError: An expression fails, or a column cannot be what it is mapped to.
        RowsLostError: The file holds another number of rows than came of it.
    """
    target, table = folder / "rows-0.parquet", CANONICAL.get(source.table)
    rows = readable_rows(connection, rows, source, is_one_of_many=is_one_of_many)
    with (
        naming_damage(file, source.table),
        text_functions(connection, source),
        _blaming_expressions(connection, rows, source),
    ):
        plan = plan_of(connection, rows, source, is_one_of_many=is_one_of_many)
        query = standardise_sql(plan.columns, rows, table)
        write_parquet(connection, query, target, group_rows=config.row_group_rows, is_lasting=False)
    _see_that_all_came(rows, source.table, came=pq.read_metadata(target).num_rows)
    if rows.facts["format"] == "csv" and rows.columns:
        set_rejects_aside(connection, rows, usable=pq.read_metadata(target).num_rows)
    rejects = rows.rejects.lines if rows.rejects else ()
    counts = _counted(connection, rows, plan, table, target, rejects=len(rejects))
    has_unusable = counts.rows_quarantined > len(rejects)
    _write_quarantine(connection, rows, rejects, folder, file=file, has_unusable=has_unusable)
    return counts


def _see_that_all_came(rows: RawRows, table: str, *, came: int) -> None:
    if rows.counted is not None and rows.counted != came:
        raise RowsLostError(
            table=table,
            rows_read=rows.counted,
            rows_kept=came,
            rows_merged=0,
            rows_quarantined=0,
            fix=f"This is a bug in pandian, met at “{rows.name}”; nothing was published.",
        )


@contextmanager
def _blaming_expressions(connection: duckdb.DuckDBPyConnection, rows: RawRows, source: SourceConfig) -> Iterator[None]:
    """Where reading fails because a parquet file is damaged, or an expression of the source fails, say so."""
    try:
        yield
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        damage = damage_of(connection, rows) if rows.facts["format"] == "parquet" else None
        if damage is not None:
            raise damage from error
        wrong = failing_expression(connection, rows, source)
        if wrong is None:
            raise
        raise wrong from error


@contextmanager
def text_functions(connection: duckdb.DuckDBPyConnection, source: SourceConfig) -> Iterator[None]:
    """Let SQL call `clean_text`, `price_of` and `path_of`.

    `clean_text` returns a text behind a character that tells the bits of the rules that changed it; `price_of` a
    currency, which may be empty, a space and a number, or nothing where there is no price. Plain texts are what costs
    least between DuckDB and Python.
    """
    null_words = frozenset(source.null_words)
    short_text = functools.lru_cache(TEXTS_KEPT)(cleaning.cleaned_text)

    def clean_text(text: str) -> str:
        clean, bits = short_text(text) if len(text) <= SHORT else cleaning.cleaned_text(text)
        if clean and clean.lower() in null_words:
            clean, bits = "", NULL_BIT
        return chr(TEXT_OFFSET + bits) + clean

    def price_of(text: str) -> str:
        value, currency = cleaning.amount(text, decimal_comma=source.decimal_comma)
        return "" if value is None else f"{currency or ''} {value!r}"

    functions = {
        "clean_text": (clean_text, "varchar"),
        "price_of": (price_of, "varchar"),
        "path_of": (cleaning.path, "varchar[]"),
    }
    for name, (function, result) in functions.items():
        connection.create_function(name, function, ["varchar"], result, type=PythonUDFType.NATIVE)
    try:
        yield
    finally:
        for name in functions:
            connection.remove_function(name)


def _counted(
    connection: duckdb.DuckDBPyConnection,
    rows: RawRows,
    plan: Plan,
    table: Table | None,
    target: Path,
    *,
    rejects: int,
) -> ShardCounts:
    written = f"read_parquet({literal(str(target))})"
    usable = f"{written} where {REASON} is null"
    required = table.required if table else ()
    all_rows = {"total": "count(*)", "unusable": f"count({REASON})"}
    if _names_currency(plan.columns):
        all_rows["currencies"] = "count(currency)"
    whole = _figures(connection, all_rows, written)
    # Of a row that is usable, every required value is there and understood.
    always = {
        f"{rule.name}.{name}": "count(*)" if rule.name in required else f"count({quoted(rule.name)})"
        for rule in plan.columns
        for name in rule.always
    }
    unread = {
        rule.name: f"count({unread_name(rule.name)})"
        for rule in plan.columns
        if rule.can_fail and rule.name not in required
    }
    total, unusable = whole["total"], whole["unusable"]
    if rows.plain is not None and rows.facts["format"] == "csv":
        lines = total + 1 + rejects
        rows.facts["rows_span_lines"] = "no" if lines == rows.plain.lines else "yes"
    return ShardCounts(
        rows_read=total + rejects,
        rows_usable=total - unusable,
        rows_quarantined=unusable + rejects,
        rules=_some(_figures(connection, always, usable) | _changed(connection, plan.columns, usable)),
        always=tuple(always),
        unread=_some(_figures(connection, unread, usable)),
        facts=dict(rows.facts),
        missing_columns=plan.missing,
        empty_columns=() if whole.get("currencies", 1) else ("currency",),
    )


def _changed(connection: duckdb.DuckDBPyConnection, columns: Sequence[ColumnRules], usable: str) -> dict[str, int]:
    """How often each rule changed a value. A column's bits are few, so rows are counted by them first."""
    counts: dict[str, int] = {}
    for rule in columns:
        if not rule.rules:
            continue
        bits = bits_name(rule.name)
        groups = connection.execute(f"select {bits}, count(*) from {usable} and {bits} is not null group by all")
        found = groups.fetchall()
        for name in rule.rules:
            counts[f"{rule.name}.{name}"] = sum(count for held, count in found if held & bit_of(name))
    return counts


def _figures(connection: duckdb.DuckDBPyConnection, asks: Mapping[str, str], rows: str) -> dict[str, int]:
    if not asks:
        return {}
    (figures,) = connection.execute(f"select {', '.join(asks.values())} from {rows}").fetchall()
    return dict(zip(asks, map(int, figures), strict=True))


def _some(figures: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in figures.items() if count}


def _names_currency(columns: Sequence[ColumnRules]) -> bool:
    """Whether the currency is one that prices may name."""
    return any(rule.name == "currency" and rule.raw == "null::varchar" for rule in columns)


def _write_quarantine(
    connection: duckdb.DuckDBPyConnection,
    rows: RawRows,
    rejects: Sequence[int],
    folder: Path,
    *,
    file: str,
    has_unusable: bool,
) -> None:
    draft, target = folder / "draft.parquet", folder / "quarantine.parquet"
    parts = [draft]
    with pq.ParquetWriter(draft, SCHEMA) as writer:
        if has_unusable:
            for table in _unusable(connection, rows, rejects, folder / "rows-0.parquet"):
                writer.write_table(table)
    if rows.rejects is not None and rejects:
        rows.rejects.close()
        parts.append(rows.rejects.path)
    connection.execute(
        f'copy (select reason, detail, {literal(file)}::varchar as source, line, "row" '
        f'from read_parquet([{", ".join(map(path_literal, parts))}]) order by line, "row") '
        f"to {literal(str(target))} (format parquet, compression zstd)"
    )
    draft.unlink()


def _texts_of(records: Iterable[int], objects: Iterator[tuple[int, str]]) -> pa.Array:
    """The texts of some objects, by their numbers, which ascend; the iterator is left behind the last of them."""
    return pa.array([next(text for number, text in objects if number == record) for record in records], pa.string())


def _unusable(
    connection: duckdb.DuckDBPyConnection, rows: RawRows, rejects: Sequence[int], written: Path
) -> Iterator[pa.Table]:
    number = RECORD if rows.is_numbered else f"{ROW} + 1"
    original = "null" if rows.objects else ORIGINAL
    lines = PhysicalLines(rows, rejects)
    objects = rows.objects() if rows.objects else iter(())
    bad = connection.sql(
        f"select {number} as record, {REASON} as reason, {original} as original from {numbered_rows(written)} "
        f"where {REASON} is not null order by 1"
    )
    for batch in bad.to_arrow_reader(QUARANTINE_BATCH):
        records = batch["record"].to_pylist()
        columns = {
            "reason": batch["reason"],
            "detail": pa.nulls(batch.num_rows, pa.string()),
            "line": pa.array(lines.of(records) if rows.facts["format"] == "csv" else records, pa.int64()),
            "row": _texts_of(records, objects) if rows.objects else batch["original"],
        }
        yield pa.table(columns, schema=SCHEMA)
