"""DuckDB within bounds: how each stage opens it, and what a shop may set of that."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import duckdb
from pydantic import Field

from tasks.assets.recipe import StageConfig

MemoryLimit = Annotated[
    str,
    Field(
        pattern=r"^[1-9][0-9]*(MB|GB)$",
        description="Memory for DuckDB; it spills to disk beyond.",
        json_schema_extra={"recipe": False},
    ),
]
Threads = Annotated[int, Field(ge=1, le=256, description="Threads for DuckDB.", json_schema_extra={"recipe": False})]


class BoundedConfig(StageConfig):
    """Settings of a stage that computes in DuckDB."""

    memory_limit: MemoryLimit = "2GB"
    threads: Threads = 2


def connect(config: BoundedConfig, spill: Path, *, is_ordered: bool = True) -> duckdb.DuckDBPyConnection:
    """Return a connection in memory, in UTC, that loads no extension from anywhere.

    Args:
        config: Memory and threads.
        spill: Where DuckDB puts what does not fit into its memory.
        is_ordered: Whether rows keep their order; without it DuckDB needs less memory.
    """
    connection = duckdb.connect(
        config={
            "memory_limit": config.memory_limit,
            "threads": config.threads,
            "temp_directory": str(spill),
            "preserve_insertion_order": is_ordered,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )
    connection.execute("set global timezone = 'UTC'")  # of its cursors, too
    connection.execute("set enable_progress_bar = false")
    return connection
