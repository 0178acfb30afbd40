"""Settings of the catalogue pages."""

from __future__ import annotations

from pydantic import Field

from tasks.assets.recipe import StageConfig


class InventoryConfig(StageConfig):
    """How the catalogue pages look."""

    shop: str = Field("", max_length=200, description="The name in the heading; the run fills in the shop's.")
    owners: dict[str, str] = Field(
        default_factory=dict, description="Table name to the people who answer for it; the run fills in the shop's."
    )
    preview_rows: int = Field(20, ge=0, le=200, description="Rows shown of clusters, duplicates and associations.")
    quarantine_rows: int = Field(20, ge=0, le=200, description="Rows shown of each reason of a quarantine.")
    preview_characters: int = Field(160, ge=20, le=2000, description="Longest text shown of one value.")
    top_values: int = Field(8, ge=0, le=100, description="Most frequent values shown of one column.")
    listed_files: int = Field(50, ge=1, le=10_000, description="Files listed of one asset.")
    overview_clusters: int = Field(12, ge=1, le=200, description="Clusters on the first page, the largest first.")
    overview_findings: int = Field(25, ge=1, le=1000, description="Findings on the first page, the worst first.")
    heat_map_columns: int = Field(24, ge=2, le=100, description="Numeric columns in a correlation heat map at most.")
    lineage_nodes: int = Field(60, ge=5, le=500, description="Assets in a lineage picture; beyond, only neighbours.")
