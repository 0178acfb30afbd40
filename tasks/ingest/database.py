"""Reads the result of a query from PostgreSQL by ADBC, in batches, into a parquet file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.assets.store import file_digest
from tasks.errors import CredentialsError, UnavailableError, UsageError

BATCH_BYTES = 16 * 1024 * 1024
UNUSABLE = ("invalid port", "invalid integer value", "invalid URI", "invalid connection option", "invalid sslmode")
"""What libpq says of addresses that no server could have."""

MEND = "Write `postgresql://USER@HOST:PORT/DATABASE` as `uri` under `sources` in shop.yaml."


def spool_query(uri: str, query: str, folder: Path) -> tuple[Path, str]:
    """Write a query's result below a folder, and return the file and its content digest.

    The password comes from where libpq looks: PGPASSWORD, or ~/.pgpass. A query without `order by` may return its rows
    in another order and so look changed.

    Raises:
        CredentialsError: The server refused the user or password.
        UsageError: The server does not understand the query, or the address is none.
        UnavailableError: The server does not answer.
    """
    from adbc_driver_manager import Error
    from adbc_driver_postgresql import dbapi

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{hashlib.sha256(f'{uri}|{query}'.encode()).hexdigest()[:16]}.parquet"
    draft = path.with_suffix(f".{hash(query) & 0xFFFF:x}.part")
    try:
        with dbapi.connect(uri) as connection, connection.cursor() as cursor:
            cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(BATCH_BYTES)})
            cursor.execute(query)
            reader = cursor.fetch_record_batch()
            schema = pa.schema([pa.field(item.name, _plain(item.type)) for item in reader.schema])
            with pq.ParquetWriter(draft, schema) as writer:
                for batch in reader:
                    writer.write_table(pa.Table.from_batches([batch]).cast(schema))
    except Error as error:
        raise _translated(error, uri, query) from error
    draft.replace(path)
    return path, f"sha256:{file_digest(path)}"


def _plain(kind: pa.DataType) -> pa.DataType:
    if isinstance(kind, pa.ExtensionType | pa.BaseExtensionType):
        return pa.string()
    return kind


def _translated(error: Exception, uri: str, query: str) -> UsageError | UnavailableError:
    place, text = uri.split("://", 1)[-1].split("/", 1)[0].rpartition("@")[2], " ".join(str(error).split())
    if "password" in text or "authentication" in text or "role" in text:
        return CredentialsError(source=place, problem=text, fix="Set PGPASSWORD, or write ~/.pgpass.")
    if any(word in text for word in UNUSABLE):
        return UsageError(problem=f"The address “{place}” cannot be used: {text}.", fix=MEND)
    if "connect" in text or "could not translate" in text or "shutting down" in text or "starting up" in text:
        return UnavailableError(source=place, problem=text, fix="Start the server or mend its address, then run again.")
    return UsageError(
        problem=f"The query “{query[:80]}” failed: {text}", fix="Mend `query` under `sources` in shop.yaml."
    )
