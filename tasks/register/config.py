"""Settings of register: where the registry is, and what the gate asks."""

from __future__ import annotations

from pydantic import Field

from tasks.assets.address import MlflowAddress
from tasks.assets.recipe import StageConfig


class RegisterConfig(StageConfig):
    """Where models are registered, and which candidates the gate lets pass to a reviewer."""

    tracking_uri: MlflowAddress | None = Field(None, description="MLflow's address; the run fills it in.")
    artifact_location: MlflowAddress | None = Field(
        None, description="Where MLflow keeps files; the run fills it in.", json_schema_extra={"recipe": False}
    )
    experiment: str = Field("pandian", description="The MLflow experiment; the run fills in the shop's name.")
    model_name: str = Field("", description="The registered model; `SHOP-recommender` if empty.")
    metric: str = Field("ndcg_at_10", description="The test metric that the gate looks at.")
    min_value: float = Field(0.0, ge=0, le=1, description="Lowest value of the metric that passes.")
    baseline: str = Field("popularity", description="The model whose interval the candidate's must lie above.")
    max_loss_to_part: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of the best single part's metric that the candidate may be clearly below it.",
    )
    max_loss_to_champion: float = Field(
        0.02,
        ge=0,
        le=1,
        description="Share of the champion's metric that the candidate may be below it; on another split, of its lead.",
    )
