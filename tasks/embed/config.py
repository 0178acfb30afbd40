"""Settings of the embed stage."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tasks.assets.recipe import StageConfig


class EmbedConfig(StageConfig):
    """Which encoder turns product texts into vectors, and with what resources."""

    encoder: str = Field(
        "minilm",
        min_length=1,
        description="`minilm` (packaged, English), a folder, or a Hugging Face name, with `@revision` if wanted.",
    )
    precision: Literal["auto", "bf16", "fp32"] = Field(
        "auto", description="What is computed in; `auto` is bf16 where the device has it. Vectors are always float32."
    )
    max_tokens: int | None = Field(
        None, ge=8, le=32_768, description="Longer texts are cut here; the encoder's own limit where not given."
    )
    prompt: str | None = Field(
        None, max_length=500, description="What stands before each product's text; the encoder's own where not given."
    )
    query_prompt: str | None = Field(
        None, max_length=500, description="What stands before what is searched for; the encoder's own where not given."
    )
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$",
        description="`auto` takes CUDA, else MPS, else the CPU.",
        json_schema_extra={"recipe": False},
    )
    token_budget: int = Field(
        4096,
        ge=64,
        le=1_048_576,
        description="Padded tokens per batch; each core has its own, and a GPU's are 16 times as large.",
        json_schema_extra={"recipe": False},
    )
    chunk_texts: int = Field(
        512,
        ge=1,
        le=1_000_000,
        description="Texts encoded between two saves, and 16 times as many on a GPU: so many a crash can cost.",
        json_schema_extra={"recipe": False},
    )
