"""Reads the result of a query from PostgreSQL by ADBC, in batches, into a parquet file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.errors import CredentialsError, UnavailableError, UsageError

BATCH_BYTES: Final = 16 * 1024 * 1024
UNUSABLE: Final = (
    "invalid port",
    "invalid integer value",
    "invalid URI",
    "invalid connection option",
    "invalid sslmode",
)
"""What libpq says of addresses that no server could have."""

REFUSED: Final = ("password", "authentication", 'role "', "pg_hba.conf")
"""What libpq says where the server does not let a user in; it tells no SQLSTATE of that."""

MEND: Final = "Write `postgresql://USER@HOST:PORT/DATABASE` as `uri` under `sources` in shop.yaml."
START: Final = "Start the server or mend its address, then run again."


def write_result(uri: str, query: str, target: Path) -> None:
    """Write a query's result to a parquet file.

    The password comes from where libpq looks: PGPASSWORD, or ~/.pgpass. A query without `order by` may return its rows
    in another order and so look changed.

    Raises:
        CredentialsError: The server refused the user or password.
        UsageError: The server does not understand the query, or the address is none.
        UnavailableError: The server does not answer, or ends the connection.
    """
    from adbc_driver_manager import Error
    from adbc_driver_postgresql import dbapi

    try:
        connection = dbapi.connect(uri)
    except Error as error:
        raise _not_connected(uri, error) from error
    with connection, connection.cursor() as cursor:
        cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(BATCH_BYTES)})
        try:
            cursor.execute(query)
            reader = cursor.fetch_record_batch()
        except (Error, OSError) as error:
            raise _not_executed(connection, uri, query, error) from error
        schema = pa.schema([pa.field(item.name, _plain(item.type)) for item in reader.schema])
        with pq.ParquetWriter(target, schema) as writer:
            for batch in _batches(reader, connection, uri, query):
                writer.write_table(pa.Table.from_batches([batch]).cast(schema))


def _batches(
    reader: pa.RecordBatchReader,
    connection: Any,  # ADBC ships no types
    uri: str,
    query: str,
) -> Iterator[pa.RecordBatch]:
    try:
        yield from reader
    except OSError as error:
        raise _not_executed(connection, uri, query, error) from error


def _plain(kind: pa.DataType) -> pa.DataType:
    if isinstance(kind, pa.ExtensionType | pa.BaseExtensionType):
        return pa.string()
    return kind


def _not_connected(uri: str, error: Exception) -> UsageError | UnavailableError:
    place, text = _place(uri), _words(error)
    if any(word in text for word in UNUSABLE):
        return UsageError(problem=f"The address “{place}” cannot be used: {text}.", fix=MEND)
    if any(word in text for word in REFUSED):
        return _refused(place, text)
    return UnavailableError(source=place, problem=text, fix=START)


def _not_executed(
    connection: Any,  # ADBC ships no types
    uri: str,
    query: str,
    error: Exception,
) -> UsageError | UnavailableError:
    """Tell who is to blame: the user or the server where the SQLSTATE or the connection says so, else the query."""
    place, text, state = _place(uri), _words(error), getattr(error, "sqlstate", None) or ""
    if state.startswith("28"):
        return _refused(place, text)
    if state.startswith(("08", "57P")) or not _is_alive(connection):
        return UnavailableError(source=place, problem=text, fix=START)
    return UsageError(
        problem=f"The query “{query[:80]}” failed: {text}", fix="Mend `query` under `sources` in shop.yaml."
    )


def _is_alive(connection: Any) -> bool:  # ADBC ships no types
    from adbc_driver_manager import Error

    try:
        connection.rollback()
    except Error:
        return False
    return True


def _refused(place: str, text: str) -> CredentialsError:
    return CredentialsError(source=place, problem=text, fix="Set PGPASSWORD, or write ~/.pgpass.")


def _place(uri: str) -> str:
    """The host and port of an address, without user."""
    return uri.split("://", 1)[-1].split("/", 1)[0].rpartition("@")[2]


def _words(error: Exception) -> str:
    return " ".join(str(error).split())
