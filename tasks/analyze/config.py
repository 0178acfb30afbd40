"""Settings of analyze."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from tasks.bounds import BoundedConfig

Attribute = Literal["brand", "category", "cluster", "price band", "subcategory"]
"""What of a product users can move between. A category is the first step of a path, a subcategory the whole path."""

ALL_ATTRIBUTES: Final[tuple[Attribute, ...]] = ("brand", "category", "cluster", "price band", "subcategory")


class AnalyzeConfig(BoundedConfig):
    """How products are clustered, when two are the same, and which moves between attributes count."""

    clusters: int | None = Field(
        None, ge=1, le=65_536, description="Number of clusters; from the number of distinct texts if unset, see docs."
    )
    iterations: int = Field(25, ge=1, le=1_000, description="Most rounds of k-means.")
    points_per_cluster: int = Field(256, ge=16, description="Texts per cluster that the centres are learned from.")
    cluster_words: int = Field(4, ge=1, le=20, description="Words in a cluster's name.")
    near_similarity: float = Field(
        0.95,
        ge=0.5,
        le=1,
        description="Cosine from which two products are nearly the same, if their titles do not contradict that.",
    )
    attributes: tuple[Attribute, ...] = Field(
        ALL_ATTRIBUTES,
        min_length=1,
        description="What moves of users are counted between.",
    )
    price_bands: int = Field(5, ge=2, le=100, description="Bands of equal numbers of products that prices fall into.")
    min_support: int = Field(20, ge=1, description="Moves that a pair of values needs to be kept.")
    max_associations: int = Field(500, ge=1, description="Pairs kept of each attribute, those with the most evidence.")
    seed: int = Field(13, ge=0, description="Seeds the first centres.")
    device: str = Field("auto", description="`auto`, `cpu`, `cuda` or `mps`.", json_schema_extra={"recipe": False})
