"""Settings of profiling."""

from __future__ import annotations

from pydantic import Field

from tasks.bounds import BoundedConfig, MemoryLimit


class ProfileConfig(BoundedConfig):
    """How tables are described."""

    top_values: int = Field(20, ge=1, le=1000, description="Most frequent values kept per column.")
    histogram_bins: int = Field(30, ge=1, le=500, description="Bins of a histogram at most.")
    value_characters: int = Field(
        200, ge=8, le=10_000, description="Characters of a value shown; longer values end in an ellipsis."
    )
    exact_values: int = Field(
        250_000,
        ge=0,
        le=100_000_000,
        description="A column believed to have at most so many distinct values is counted value by value; with more, "
        "distinct values and quantiles are estimates.",
    )
    sample_rows: int = Field(
        100_000,
        ge=1_000,
        le=10_000_000,
        description="Rows of the fixed sample that decides how a column is counted and what its top values may be.",
    )
    language_texts: int = Field(
        2_000, ge=1, le=1_000_000, description="Distinct texts per column whose language is looked at."
    )
    correlation_columns: int = Field(
        30, ge=0, le=200, description="Numeric columns, the first of a table, that are correlated pair by pair."
    )
    correlation_rows: int = Field(20_000, ge=100, le=1_000_000, description="Rows of the sample that are correlated.")
    key_columns: int = Field(3, ge=1, le=4, description="Most columns of a key that is looked for.")
    min_match_rate: float = Field(
        0.05, ge=0, le=1, description="Lowest share of matching rows that links two columns by their names alone."
    )
    memory_limit: MemoryLimit = "1GB"
