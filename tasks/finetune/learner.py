"""A sentence-transformers model in training: which weights move, and how texts become vectors with gradients."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.errors import EncoderError, UsageError
from tasks.finetune.batches import length_groups
from tasks.finetune.config import FinetuneConfig
from tasks.retrieval.hardware import pick_device, pick_precision
from tasks.retrieval.layout import PROMPT_NAMES, TextKind

if TYPE_CHECKING:
    import torch

FORWARD_TOKENS: Final = 4096
"""Padded tokens per forward pass without gradients."""

FIX: Final = "Name another `embed.encoder` in shop.yaml, or make single stages, by `--only`, without fine-tuning."


class Learner:
    """An encoder in training. Dropout is off: the same step gives the same weights, also after a resumption.

    Args:
        model: A `SentenceTransformer`, its transformer first.
        config: The method, its sizes, device and precision.
    """

    def __init__(self, model: Any, config: FinetuneConfig) -> None:  # sentence-transformers ships no types
        self.config = config
        self.model = model.eval()
        self._lora: Any = None  # a peft model around the same layers; peft ships no types
        self._prepare()
        self.device = next(iter(self.weights().values())).device
        # Measured on AVX512-bf16: a step of LoRA takes 0.73 of its time in fp32, a forward pass 0.58.
        self._is_bf16 = pick_precision(config.precision, self.device) == "bf16"

    @classmethod
    def open(cls, folder: Path, config: FinetuneConfig) -> Learner:
        """Load a model from a folder.

        Raises:
            DeviceError: The device asked for is not on this machine.
            EncoderError: The model does not begin with a transformer, or leaves prompts out of its pooling.
        """
        import torch
        from sentence_transformers import SentenceTransformer

        device = str(pick_device(config.device))
        model = SentenceTransformer(str(folder), device=device, model_kwargs={"dtype": torch.float32})
        problem = _untrainable(model)
        if problem is not None:
            raise EncoderError(model=str(folder), problem=problem, fix=FIX)
        return cls(model, config)

    def weights(self) -> dict[str, torch.nn.Parameter]:
        """Return the weights that training moves, by name."""
        return {name: weight for name, weight in self.model.named_parameters() if weight.requires_grad}

    def load(self, weights: dict[str, torch.Tensor]) -> None:
        """Set the weights that training moves."""
        import torch

        with torch.no_grad():
            for name, weight in self.weights().items():
                weight.copy_(weights[name])

    def tokenized(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of texts, cut to `max_tokens`."""
        result: list[list[int]] = self.model.tokenizer(
            list(texts), truncation=True, max_length=self.config.max_tokens, return_attention_mask=False
        )["input_ids"]
        return result

    def vectors(self, tokens: Sequence[Sequence[int]], most_tokens: int) -> torch.Tensor:
        """Return unit vectors of texts that are sorted by length, in that order."""
        import torch

        lengths = np.array([len(ids) for ids in tokens], np.int64)
        parts = [self._forward(tokens[group]) for group in length_groups(lengths, most_tokens)]
        return torch.nn.functional.normalize(torch.cat(parts).float(), dim=1)

    def encode(self, tokens: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return unit vectors of texts in any order, without gradients."""
        import torch

        lengths = np.array([len(ids) for ids in tokens], np.int64)
        order = np.argsort(lengths, kind="stable")
        with torch.no_grad():
            found = self.vectors([tokens[index] for index in order], FORWARD_TOKENS).cpu().numpy()
        result = np.empty_like(found)
        result[order] = found
        return result

    def save_adapter(self, folder: Path) -> None:
        """Write LoRA's matrices, where these are what is trained. The same weights give the same bytes."""
        if self._lora is None:
            return
        for config in self._lora.peft_config.values():
            config.target_modules = sorted(config.target_modules)  # a set, which peft would write in any order
        self._lora.save_pretrained(str(folder))

    def save(self, folder: Path, *, prompts: Mapping[TextKind, str]) -> None:
        """Write the model to load offline, LoRA merged into its weights.

        Args:
            folder: Where the model goes.
            prompts: What stood before the texts it was trained on; the model names them from now on.
        """
        if self._lora is not None:
            self._lora.merge_and_unload()
        # By each of its names: one that still said something else would be read back where the prompt is empty.
        self.model.prompts.update({name: prompt for kind, prompt in prompts.items() for name in PROMPT_NAMES[kind]})
        self.model.save_pretrained(str(folder), create_model_card=False)

    def _prepare(self) -> None:
        import torch

        transformer = self._transformer()
        for weight in self.model.parameters():
            weight.requires_grad_(self.config.method == "full")
        if self.config.method == "frozen":
            for weight in _last_layer(transformer).parameters():
                weight.requires_grad_(True)
        if self.config.method == "lora":
            with torch.random.fork_rng():
                torch.manual_seed(self.config.seed)
                self._lora = _with_lora(transformer, self.config)
        for weight in _unused(transformer):
            weight.requires_grad_(False)

    def _forward(self, tokens: Sequence[Sequence[int]]) -> torch.Tensor:
        import torch

        longest = max(len(ids) for ids in tokens)
        padding = self.model.tokenizer.pad_token_id or 0
        ids = torch.tensor([[*row, *[padding] * (longest - len(row))] for row in tokens], device=self.device)
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in tokens], device=self.device)
        with self._precision():
            result: torch.Tensor = self.model({"input_ids": ids, "attention_mask": mask})["sentence_embedding"]
        return result

    def _precision(self) -> AbstractContextManager[Any]:  # torch's autocast, or nothing
        import torch

        return torch.autocast(self.device.type, dtype=torch.bfloat16) if self._is_bf16 else nullcontext()

    def _transformer(self) -> Any:  # transformers ships no types
        return self.model[0].auto_model


def _untrainable(model: Any) -> str | None:  # sentence-transformers ships no types
    """Say why a model is not trained here, if it is not."""
    if not hasattr(model[0], "auto_model"):
        return f"it begins with {type(model[0]).__name__}, and fine-tuning trains a transformer."
    if not all(getattr(module, "include_prompt", True) for module in model):
        return "its pooling leaves the prompt out, which fine-tuning does not."
    return None


def _with_lora(transformer: Any, config: FinetuneConfig) -> Any:  # transformers and peft ship no types
    """Add low-rank matrices to every linear layer (Hu et al. 2021, "LoRA"); at first they change nothing."""
    from peft import LoraConfig, get_peft_model

    lora = LoraConfig(
        r=config.lora_rank, lora_alpha=config.lora_alpha, lora_dropout=0.0, target_modules="all-linear", bias="none"
    )
    with warnings.catch_warnings():
        # peft asks transformers by an older name
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing. is deprecated", FutureWarning)
        return get_peft_model(transformer, lora)


def _last_layer(transformer: Any) -> Any:  # transformers ships no types
    import torch

    stacks = [module for module in transformer.modules() if isinstance(module, torch.nn.ModuleList) and len(module)]
    if not stacks:
        raise UsageError(
            problem="The encoder has no stack of layers, so none of them is the last.",
            fix="Take finetune.method `lora` or `full` in shop.yaml.",
        )
    return stacks[0][-1]


def _unused(transformer: Any) -> Iterator[Any]:  # torch parameters
    """Yield weights that no sentence vector depends on: BERT's pooler reads one token for another task."""
    for name, weight in transformer.named_parameters():
        if ".pooler." in f".{name}":
            yield weight
