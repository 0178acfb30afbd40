"""DuckDB within bounds: how each stage opens it, and what a shop may set of that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import duckdb
from pydantic import Field

from tasks.assets.recipe import StageConfig
from tasks.errors import MemoryLimitError

MemoryLimit = Annotated[
    str,
    Field(
        pattern=r"^[1-9][0-9]*(MB|GB)$",
        description="Memory for DuckDB; it spills to disk beyond.",
        json_schema_extra={"recipe": False},
    ),
]
Threads = Annotated[int, Field(ge=1, le=256, description="Threads for DuckDB.", json_schema_extra={"recipe": False})]

OUT_OF_MEMORY: Final = "Out of Memory Error:"


class BoundedConfig(StageConfig):
    """Settings of a stage that computes in DuckDB."""

    memory_limit: MemoryLimit = "2GB"
    threads: Threads = 2


@contextmanager
def connect(config: BoundedConfig, spill: Path, *, is_ordered: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection in memory, in UTC, that loads no extension from anywhere.

    Args:
        config: Memory and threads.
        spill: Where DuckDB puts what does not fit into its memory.
        is_ordered: Whether rows keep their order; without it DuckDB needs less memory.

    Raises:
        MemoryLimitError: What was asked of it does not fit, or what it spilled does not fit on the disk.
    """
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": config.memory_limit,
        "threads": config.threads,
        "temp_directory": str(spill),
        "preserve_insertion_order": is_ordered,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    try:
        with duckdb.connect(config=settings) as connection:
            connection.execute("set global timezone = 'UTC'")  # of its cursors, too
            connection.execute("set enable_progress_bar = false")
            yield connection
    except Exception as error:  # DuckDB's, or one of Arrow's readers that hands it on
        if not is_out_of_memory(error):
            raise
        raise MemoryLimitError(
            limit=config.memory_limit,
            threads=config.threads,
            problem=f"{str(error).partition(OUT_OF_MEMORY)[2].splitlines()[0].strip().rstrip('.')}.",
            fix="Raise `memory_limit` of this stage in shop.yaml, or lower its `threads`: each needs a share of it.",
        ) from error


def is_out_of_memory(error: Exception) -> bool:
    """Return whether an error is DuckDB's of too low a limit; Arrow's readers hand it on as one of their own."""
    return OUT_OF_MEMORY in str(error)
