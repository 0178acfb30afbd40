"""Settings of the evaluation."""

from __future__ import annotations

from pydantic import Field

from tasks.assets.recipe import StageConfig


class EvaluateConfig(StageConfig):
    """How models are compared, and what the combination is made of."""

    neighbours: int = Field(100, ge=1, le=1000, description="Neighbours kept per product in ItemKNN and EASE.")
    min_users: int = Field(2, ge=1, description="Users a product needs to take part in ItemKNN.")
    ease_products: int = Field(
        4000,
        ge=0,
        le=20_000,
        description="Most chosen products EASE is fitted on (it inverts a matrix of that size); 0 leaves it out.",
    )
    max_users: int = Field(
        5000,
        ge=10,
        description="Most users evaluated per split, chosen by a digest of their id; the report counts them.",
    )
    bootstrap_samples: int = Field(1000, ge=100, le=100_000, description="Resamples behind each interval.")
    seed: int = Field(13, ge=0, description="Seeds the resampling.")
    device: str = Field("auto", description="`auto`, `cpu`, `cuda` or `mps`.", json_schema_extra={"recipe": False})
    threads: int = Field(
        2, ge=1, description="Blocks of ItemKNN worked on at once.", json_schema_extra={"recipe": False}
    )
