"""Settings of profile."""

from __future__ import annotations

from pydantic import Field

from tasks.assets.recipe import StageConfig


class ProfileConfig(StageConfig):
    """How columns and relationships are described."""

    memory_limit: str = Field(
        "2GB",
        pattern=r"^\d+(\.\d+)?(MB|GB)$",
        description="Memory that DuckDB may use.",
        json_schema_extra={"recipe": False},
    )
    threads: int = Field(
        2, ge=1, le=256, description="Threads that DuckDB may use.", json_schema_extra={"recipe": False}
    )
    top_values: int = Field(20, ge=1, le=1_000, description="Most frequent values kept of each column.")
    bins: int = Field(20, ge=2, le=200, description="Bins of a histogram.")
    exact_distinct_up_to: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Columns with more distinct values than this share of rows may be keys: counted exactly.",
    )
    text_sample: int = Field(20_000, ge=100, description="Texts looked at for their language, spread over the table.")
    correlation_sample: int = Field(200_000, ge=1_000, description="Rows that rank correlations are computed on.")
    max_key_columns: int = Field(2, ge=1, le=3, description="Columns that a key may be made of.")
    min_match_rate: float = Field(
        0.5,
        gt=0,
        le=1,
        description="Share of a column's rows that another table's key must have to count as a reference.",
    )
