"""Settings of validation."""

from __future__ import annotations

from pydantic import Field

from tasks.bounds import BoundedConfig, MemoryLimit


class ValidateConfig(BoundedConfig):
    """How tables are judged."""

    partition_rows: int = Field(
        500_000,
        ge=1,
        le=10_000_000,
        description="Values handed to Great Expectations at once; bounds memory, changes no result.",
        json_schema_extra={"recipe": False},
    )
    memory_limit: MemoryLimit = "700MB"
    examples: int = Field(5, ge=0, le=5, description="Failing values shown with each finding; all are in the files.")
    max_category_values: int = Field(
        50, ge=0, le=1000, description="Most distinct texts a column of an extra table may have to be a closed set."
    )
