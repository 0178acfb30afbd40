"""SQL expressions of a source: whether each is one value for one row, from that row alone, and which of them fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import duckdb

from tasks.bounds import is_out_of_memory
from tasks.errors import UsageError
from tasks.ingest.config import SourceConfig
from tasks.ingest.raw import RawRows
from tasks.schemas import quoted

SPREADING: Final = ("unnest", "unlist")
"""Functions that make several rows of one."""

PURE_TABLES: Final = frozenset({"generate_series", "json_each", "json_tree", "range", "repeat", "repeat_row", "unnest"})
"""Functions of a subquery that make rows of their arguments alone."""

SESSION: Final = frozenset(
    """
    current_catalog current_date current_role current_schema current_time current_timestamp current_user localtime
    localtimestamp session_user user
    """.split()  # noqa: SIM905 - a list of them is longer
)
"""Words that are functions where no column is called so."""

CLOCKS: Final = frozenset({"current_localtime", "current_localtimestamp"})
"""Functions that ask a clock, though DuckDB says that they always return the same."""

FUNCTIONS: Final = """
select
  bool_or(stability in ('VOLATILE', 'CONSISTENT_WITHIN_QUERY')),
  any_value(macro_definition) filter (function_type = 'macro')
from duckdb_functions()
where function_name = ?
"""


def expression_kind(connection: duckdb.DuckDBPyConnection, rows: RawRows, table: str, name: str, sql: str) -> str:
    """Return the DuckDB type of an expression over a source's columns.

    Raises:
        UsageError: It is not understood, is not one value for each row, or may be another value at the next run.
    """
    for query in (f"select {sql}", f"select (\n{sql}\n)"):
        parsed = _parsed(connection, query)
        if parsed["error"] or len(parsed["statements"][0]["node"].get("select_list", ())) != 1:
            raise _wrong(table, name, sql, str(parsed.get("error_message", "it is not one expression")))
    if any(function in SPREADING for function in _functions(parsed)):
        raise _wrong(table, name, sql, "it makes several rows of one")
    foreign = _foreign(connection, parsed, {column.lower() for column in rows.columns})
    if foreign is not None:
        raise _wrong(table, name, sql, f"{foreign}, and a value must come from its row alone, the same at every run")
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
        except duckdb.Error as error:
            return None if is_out_of_memory(error) else _wrong(source.table, name, column.sql, f"{error}")
    return None


def columns_of(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, str]:
    """Return the names of columns that an expression speaks of, by their lower case; it may define some itself."""
    parsed = _parsed(connection, f"select (\n{sql}\n)")
    names = (node["column_names"][0] for node in _nodes(parsed) if node.get("class") == "COLUMN_REF")
    return {name.lower(): name for name in names}


def _parsed(connection: duckdb.DuckDBPyConnection, query: str) -> Any:  # JSON of any shape
    ((text,),) = connection.execute("select json_serialize_sql(?::varchar)", [query]).fetchall()
    return json.loads(text)


def _foreign(connection: duckdb.DuckDBPyConnection, parsed: Any, columns: set[str]) -> str | None:
    """What an expression asks for that is not in the row: a file, a table, the clock, chance, or the session."""
    nodes = list(_nodes(parsed))
    own = {entry["key"].lower() for node in nodes for entry in node.get("cte_map", {}).get("map", ())}
    for node in nodes:
        match node:
            case {"type": "BASE_TABLE", "table_name": str(name)} if name.lower() not in own:
                return f"it reads “{name}”"
            case {"type": "TABLE_FUNCTION", "function": {"function_name": str(name)}} if name not in PURE_TABLES:
                return f"it calls {name}()"
            case {"type": "SHOW_REF"}:
                return "it asks for tables"
            case {"class": "COLUMN_REF", "column_names": [str(name)]} if name.lower() in SESSION - columns:
                return f"it asks for {name}"
            case {"function_name": str(name), "arguments": list(arguments)}:
                if _is_unsteady(connection, name.lower(), len(arguments)):
                    return f"it calls {name}()"
    return None


def _is_unsteady(connection: duckdb.DuckDBPyConnection, function: str, arguments: int) -> bool:
    """Whether a function's result may be another one at another time, given the same arguments."""
    if function in CLOCKS or (function == "age" and arguments == 1):  # which is counted from today
        return True
    if function == "error":
        return False
    ((is_unsteady, macro),) = connection.execute(FUNCTIONS, [function]).fetchall()
    if is_unsteady or macro is None:
        return bool(is_unsteady)
    return _foreign(connection, _parsed(connection, f"select {macro}"), set()) is not None


def _functions(parsed: Any) -> Iterator[str]:  # JSON values of any shape
    return (node["function_name"].lower() for node in _nodes(parsed) if isinstance(node.get("function_name"), str))


def _nodes(value: Any) -> Iterator[dict[str, Any]]:  # JSON values of any shape
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from _nodes(item)
    elif isinstance(value, list):
        for item in value:
            yield from _nodes(item)


def _wrong(table: str, name: str, sql: str, problem: str) -> UsageError:
    words = " ".join(problem.split()).rstrip(".")
    return UsageError(
        problem=f"The expression of “{name}” in “{table}”, “{sql}”, fails: {words}.",
        fix=f"Mend `{name}` under `columns` in shop.yaml.",
    )
