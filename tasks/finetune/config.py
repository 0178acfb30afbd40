"""Settings of the split of behaviour and of fine-tuning."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from tasks.assets.address import MlflowAddress
from tasks.assets.recipe import StageConfig
from tasks.bounds import BoundedConfig
from tasks.retrieval.weights import DEFAULT_ENCODER
from tasks.schemas import EventType


class SplitConfig(BoundedConfig):
    """How behaviour is divided into what is learned from, what is tuned on and what is measured on."""

    method: Literal["auto", "last_out", "cutoff"] = Field(
        "auto",
        description="`last_out` keeps each user's last events, `cutoff` everything after a time; `auto` takes `cutoff` "
        "where the median user has at least `busy_user_events` events.",
    )
    busy_user_events: int = Field(20, ge=2, description="Events of the median user from which `auto` takes `cutoff`.")
    positive_events: tuple[EventType, ...] = Field(
        ("purchase", "rating", "favorite", "cart"), min_length=1, description="Event types that mean a user chose."
    )
    min_rating: float | None = Field(
        None, description="Ratings below it do not count; if not set every rating does, since who rates has chosen."
    )
    min_history: int = Field(2, ge=1, le=50, description="Earlier products a user needs to be evaluated.")
    validation_share: float = Field(0.05, gt=0, le=0.4, description="Share of events to validate on (`cutoff`).")
    test_share: float = Field(0.05, gt=0, le=0.4, description="Share of events to test on (`cutoff`).")


class FinetuneConfig(StageConfig):
    """How the encoder learns from the shop's behaviour."""

    model: str = Field(
        DEFAULT_ENCODER,
        description="The encoder to begin with; that of `embed` where not given, and another one is refused.",
    )
    prompt: str | None = Field(
        None, max_length=500, description="What stands before each product's text; that of `embed` where not given."
    )
    query_prompt: str | None = Field(
        None, max_length=500, description="What stands before what is searched for; that of `embed` where not given."
    )
    method: Literal["lora", "full", "frozen"] = Field(
        "lora",
        description="`lora` trains small matrices beside the weights, `full` every weight, `frozen` the last layer "
        "alone, the ones below it frozen.",
    )
    lora_rank: int = Field(16, ge=1, le=256, description="Rank of LoRA's matrices.")
    lora_alpha: int = Field(32, ge=1, le=512, description="LoRA's scale: its update is multiplied by alpha / rank.")
    learning_rate: float = Field(5e-4, gt=0, le=0.1, description="Highest rate of AdamW, reached after the warm-up.")
    weight_decay: float = Field(0.01, ge=0, le=1, description="AdamW's weight decay.")
    warmup_share: float = Field(0.1, ge=0, le=0.9, description="Share of the steps in which the rate rises.")
    max_steps: int = Field(40, ge=1, description="Most training steps.")
    batch_pairs: int = Field(64, ge=2, le=4096, description="Most training pairs per step.")
    batch_tokens: int = Field(
        2560, ge=64, description="Most tokens per step, padding included: longer texts make smaller batches."
    )
    max_tokens: int = Field(32, ge=8, le=512, description="Tokens of a text that training reads.")
    temperature: float = Field(0.07, gt=0, le=1, description="Divides the cosines before the softmax of the loss.")
    co_purchase_min_users: int = Field(2, ge=1, description="Users who must share a pair of products for a positive.")
    min_grade: int = Field(2, ge=0, le=3, description="Lowest grade of a judgment that makes a positive.")
    evaluate_every: int = Field(10, ge=1, description="Steps between two looks at the validation metric.")
    validation_users: int = Field(300, ge=10, description="Users in the validation metric, the same at every look.")
    validation_products: int = Field(900, ge=10, description="Products in the validation metric's corpus.")
    patience: int = Field(2, ge=1, description="Looks without a better validation metric after which training stops.")
    seed: int = Field(13, ge=0, description="Seeds sampling, shuffling and new weights.")
    precision: Literal["auto", "bf16", "fp32"] = Field(
        "auto", description="Arithmetic of training; `auto` is bf16 where the hardware has it, else fp32."
    )
    device: str = Field("auto", description="`auto`, `cpu`, `cuda` or `mps`.", json_schema_extra={"recipe": False})
    checkpoint_every: int = Field(
        10, ge=1, description="Steps between two checkpoints.", json_schema_extra={"recipe": False}
    )
    tracking_uri: MlflowAddress | None = Field(
        None,
        description="MLflow's address for the live curves; none are logged if not set.",
        json_schema_extra={"recipe": False},
    )
    artifact_location: MlflowAddress | None = Field(
        None, description="Where MLflow keeps files of the runs.", json_schema_extra={"recipe": False}
    )
    experiment: str = Field("pandian", description="The MLflow experiment.", json_schema_extra={"recipe": False})

    @model_validator(mode="after")
    def _warmup_leaves_steps(self) -> FinetuneConfig:
        if self.evaluate_every > self.max_steps:
            raise ValueError("evaluate_every must not exceed max_steps, or nothing is ever validated")
        return self
