"""SQL expressions of a source: whether each is one value for one row, and which of them fails."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import duckdb

from tasks.errors import UsageError
from tasks.ingest.config import SourceConfig
from tasks.ingest.raw import RawRows
from tasks.schemas import quoted

SPREADING: Final = ("unnest", "unlist")
"""Functions that make several rows of one."""


def expression_kind(connection: duckdb.DuckDBPyConnection, rows: RawRows, table: str, name: str, sql: str) -> str:
    """Return the DuckDB type of an expression over a source's columns.

    Raises:
        UsageError: It is not understood, or is not one value for each row.
    """
    for query in (f"select {sql}", f"select (\n{sql}\n)"):
        ((text,),) = connection.execute("select json_serialize_sql(?::varchar)", [query]).fetchall()
        parsed = json.loads(text)
        if parsed["error"] or len(parsed["statements"][0]["node"].get("select_list", ())) != 1:
            raise _wrong(table, name, sql, str(parsed.get("error_message", "it is not one expression")))
    if any(function in SPREADING for function in _functions(parsed)):
        raise _wrong(table, name, sql, "it makes several rows of one")
    beside = quoted(next(iter(rows.columns)))  # a plain column, which what sums up many rows cannot stand beside
    try:
        described = connection.execute(f"describe select (\n{sql}\n) as x, {beside} from {rows.relation}").fetchall()
    except duckdb.Error as error:
        raise _wrong(table, name, sql, f"{error}") from error
    if len(described) != 2:
        raise _wrong(table, name, sql, "it is not one column")
    return str(described[0][1])


def failing_expression(connection: duckdb.DuckDBPyConnection, rows: RawRows, source: SourceConfig) -> UsageError | None:
    """Return what is wrong with the first expression of a source that fails on its rows, if one does."""
    # All columns are read as they are, or DuckDB lets its csv reader do the casts, which sets rows aside instead.
    beside = ", ".join(map(quoted, rows.columns))
    for name, column in source.columns.items():
        if isinstance(column, str):
            continue
        values = f"select hash((\n{column.sql}\n), {beside}) as x from {rows.relation}"
        try:
            connection.execute(f"select bit_xor(x) from ({values})").fetchall()
        except duckdb.OutOfMemoryException:
            return None
        except duckdb.Error as error:
            return _wrong(source.table, name, column.sql, f"{error}")
    return None


def mentions(sql: str, column: str) -> bool:
    """Return whether an expression has a column's name as a word."""
    return re.search(rf"(?<!\w){re.escape(column)}(?!\w)", sql, re.IGNORECASE) is not None


def _functions(node: Any) -> Iterator[str]:  # JSON values of any shape
    if isinstance(node, dict):
        if isinstance(node.get("function_name"), str):
            yield node["function_name"].lower()
        for value in node.values():
            yield from _functions(value)
    elif isinstance(node, list):
        for value in node:
            yield from _functions(value)


def _wrong(table: str, name: str, sql: str, problem: str) -> UsageError:
    words = " ".join(problem.split()).rstrip(".")
    return UsageError(
        problem=f"The expression of “{name}” in “{table}”, “{sql}”, fails: {words}.",
        fix=f"Mend `{name}` under `columns` in shop.yaml.",
    )
