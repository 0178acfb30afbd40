"""How a model folder says its token vectors become one vector of a text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, get_args

from tasks.errors import EncoderError

Pooling = Literal["mean", "cls", "max", "mean_sqrt_len_tokens", "lasttoken"]
LEGACY_POOLING: Final[Mapping[str, Pooling]] = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_lasttoken": "lasttoken",
}
TextKind = Literal["passage", "query"]
"""What a text is: what is found, or what is asked. Some models want other words before the one than the other."""

PROMPT_NAMES: Final[Mapping[TextKind, tuple[str, ...]]] = {
    "passage": ("document", "passage", "corpus"),
    "query": ("query",),
}
LENGTH_FIELDS: Final = ("max_seq_length", "max_length")
MODULES: Final = frozenset({"Transformer", "Pooling", "Dense", "Normalize"})
Activation = Literal["Tanh", "Identity", "ReLU", "GELU"]


@dataclass(frozen=True, slots=True)
class Layout:
    """What comes after the transformer. Vectors are always brought to unit length in the end.

    Args:
        transformer: The folder of the transformer and its tokenizer.
        pooling: How token vectors become one; None where the model is put together in another way than these names
            tell, which sentence-transformers knows.
        dense: Folders of the dense layers behind the pooling, in order.
        max_tokens: The longest text the model's makers meant, or None where they do not say.
        prompts: What the model's makers put before a text of each kind; mostly nothing.
    """

    transformer: Path
    pooling: Pooling | None = "mean"
    dense: tuple[Path, ...] = ()
    max_tokens: int | None = None
    prompts: Mapping[TextKind, str] = field(default_factory=lambda: dict.fromkeys(PROMPT_NAMES, ""))

    def prompts_with(self, *, passage: str | None, query: str | None) -> dict[TextKind, str]:
        """Return the prompts, those replaced that are given."""
        return {**self.prompts, **given_prompts(passage=passage, query=query)}


def given_prompts(*, passage: str | None, query: str | None) -> dict[TextKind, str]:
    """Return the prompts that are given, by the kind of text; None means the model's own."""
    named: dict[TextKind, str | None] = {"passage": passage, "query": query}
    return {kind: prompt for kind, prompt in named.items() if prompt is not None}


def read_layout(folder: Path) -> Layout:
    """Return what a sentence-transformers folder asks for; a plain transformers folder means mean pooling.

    Raises:
        EncoderError: A file of the folder cannot be read.
    """
    if not (folder / "modules.json").is_file():
        return Layout(transformer=folder, max_tokens=_max_tokens(folder, folder))
    modules: list[dict[str, Any]] = _json(folder / "modules.json")  # JSON of any shape
    kinds = [str(module["type"]).rsplit(".", 1)[-1] for module in modules]
    paths = [folder / str(module["path"]) for module in modules]
    dense = tuple(path for path, kind in zip(paths, kinds, strict=True) if kind == "Dense")
    is_usual = _is_usual(kinds) and all(activation_name(path) for path in dense)
    wording = _optional_json(folder / "config_sentence_transformers.json")
    return Layout(
        transformer=paths[0],
        pooling=_pooling(_json(paths[1] / "config.json")) if is_usual else None,
        dense=dense,
        max_tokens=_max_tokens(folder, paths[0]),
        prompts=_prompts(wording.get("prompts") or {}, wording.get("default_prompt_name")),
    )


def activation_name(dense: Path) -> Activation | None:
    """Return what a dense layer ends in; None where it is none that is computed here.

    Raises:
        EncoderError: The layer's settings cannot be read.
    """
    words = str(_json(dense / "config.json").get("activation_function", "torch.nn.modules.activation.Tanh"))
    return next((name for name in get_args(Activation) if name == words.rsplit(".", 1)[-1]), None)


def _is_usual(kinds: list[str]) -> bool:
    """Whether modules are a transformer, one pooling, dense layers, and normalisation at the end."""
    is_in_order = kinds[:2] == ["Transformer", "Pooling"] and "Normalize" not in kinds[:-1]
    return is_in_order and MODULES.issuperset(kinds) and "Pooling" not in kinds[2:] and "Transformer" not in kinds[1:]


def _pooling(config: dict[str, Any]) -> Pooling | None:  # JSON of any shape
    named = config.get("pooling_mode")
    wanted = [named] if isinstance(named, str) else list(named or [])
    wanted = wanted or [mode for field_name, mode in LEGACY_POOLING.items() if config.get(field_name)]
    known = [mode for mode in get_args(Pooling) if mode in wanted]
    is_unknown = any(
        on is True and key.startswith("pooling_mode_") and key not in LEGACY_POOLING for key, on in config.items()
    )
    if len(wanted) != 1 or not known or is_unknown or not config.get("include_prompt", True):
        return None
    mode: Pooling = known[0]
    return mode


def _prompts(prompts: Mapping[str, str], default: str | None) -> dict[TextKind, str]:
    """Return the prompt of each kind: the first of its names that says something, or the default where none is there.

    sentence-transformers writes an empty `query` and `document` beside whatever else a model names.
    """
    found: dict[TextKind, str] = {}
    for kind, names in PROMPT_NAMES.items():
        own = [prompts[name] for name in names if name in prompts]
        found[kind] = next(filter(None, own), "") if own else prompts.get(default or "", "")
    return found


def _max_tokens(folder: Path, transformer: Path) -> int | None:
    for place in (transformer, folder):
        config = _optional_json(place / "sentence_bert_config.json")
        length = next((config[name] for name in LENGTH_FIELDS if isinstance(config.get(name), int)), None)
        if length is not None:
            return int(length)
    return None


def _optional_json(file: Path) -> dict[str, Any]:  # JSON of any shape
    found: dict[str, Any] = _json(file) if file.is_file() else {}
    return found


def _json(file: Path) -> Any:  # JSON of any shape
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EncoderError(
            model=str(file.parent), problem=f"{file.name} cannot be read.", fix="Get the model's files again."
        ) from error
