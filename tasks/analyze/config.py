"""Settings of analyze."""

from __future__ import annotations

from pydantic import Field

from tasks.assets.recipe import StageConfig


class AnalyzeConfig(StageConfig):
    """How products are clustered, when two are the same, and which moves between attributes count."""

    clusters: int | None = Field(
        None, ge=1, le=65_536, description="Number of clusters; from the number of distinct texts if unset, see docs."
    )
    iterations: int = Field(25, ge=1, le=1_000, description="Most rounds of k-means.")
    points_per_cluster: int = Field(256, ge=16, description="Texts per cluster that the centres are learned from.")
    cluster_words: int = Field(4, ge=1, le=20, description="Words in a cluster's name.")
    near_similarity: float = Field(
        0.95, gt=0, le=1, description="Cosine from which two texts are nearly the same, numbers in them being equal."
    )
    neighbours: int = Field(20, ge=1, le=1_000, description="Nearest texts of each that are looked at for duplicates.")
    price_bands: int = Field(5, ge=2, le=100, description="Bands of equal numbers of products that prices fall into.")
    min_support: int = Field(20, ge=1, description="Moves that a pair of values needs to be kept.")
    max_associations: int = Field(500, ge=1, description="Pairs kept of each attribute, the largest lift first.")
    seed: int = Field(13, description="Seeds the first centres.")
    device: str = Field("auto", description="`auto`, `cpu`, `cuda` or `mps`.", json_schema_extra={"recipe": False})
    memory_limit: str = Field(
        "2GB",
        pattern=r"^\d+(\.\d+)?(MB|GB)$",
        description="Memory that DuckDB may use.",
        json_schema_extra={"recipe": False},
    )
    threads: int = Field(
        2, ge=1, le=256, description="Threads that DuckDB may use.", json_schema_extra={"recipe": False}
    )
