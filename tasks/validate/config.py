"""Settings of validation."""

from __future__ import annotations

from pydantic import Field

from tasks.assets.recipe import StageConfig


class ValidateConfig(StageConfig):
    """How tables are judged."""

    partition_rows: int = Field(
        500_000,
        ge=1,
        le=10_000_000,
        description="Values handed to Great Expectations at once; bounds memory, changes no result.",
        json_schema_extra={"recipe": False},
    )
    memory_limit: str = Field(
        "700MB",
        pattern=r"^[1-9][0-9]*(MB|GB)$",
        description="Memory for DuckDB, which counts keys and finds failing rows; it spills to disk beyond.",
        json_schema_extra={"recipe": False},
    )
    threads: int = Field(2, ge=1, le=256, description="Threads for DuckDB.", json_schema_extra={"recipe": False})
    examples: int = Field(5, ge=0, le=5, description="Failing values shown with each finding; all are in the files.")
    max_category_values: int = Field(
        50, ge=0, le=1000, description="Most distinct texts a column of an extra table may have to be a closed set."
    )
