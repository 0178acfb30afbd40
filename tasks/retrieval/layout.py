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
OWN: Final = "sentence_transformers."
"""How the types of sentence-transformers' own modules begin; a model's own code has other names."""

Activation = Literal["Tanh", "Identity", "ReLU", "GELU"]
DENSE_DEFAULTS: Final = {
    "module_input_name": "sentence_embedding",
    "module_output_name": "sentence_embedding",
    "use_residual": False,
}
FIX: Final = "Name a sentence-transformers or transformers model, or `minilm`."


@dataclass(frozen=True, slots=True)
class DenseLayout:
    """A dense layer's folder, and what the layer ends in."""

    folder: Path
    activation: Activation


@dataclass(frozen=True, slots=True)
class Layout:
    """What comes after the transformer. Vectors are always brought to unit length in the end.

    Args:
        transformer: The folder of the transformer and its tokenizer.
        pooling: How token vectors become one; None where the model is put together in another way than these names
            tell, which sentence-transformers knows.
        dense: The dense layers behind the pooling, in order.
        max_tokens: The longest text the model's makers meant, or None where they do not say.
        prompts: What the model's makers put before a text of each kind; mostly nothing.
    """

    transformer: Path
    pooling: Pooling | None = "mean"
    dense: tuple[DenseLayout, ...] = ()
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
        EncoderError: The folder holds no model, a file of it cannot be read, or it makes no single vector of a text.
    """
    if not (folder / "modules.json").is_file():
        if not (folder / "config.json").is_file():
            raise EncoderError(model=str(folder), problem="neither config.json nor modules.json is there.", fix=FIX)
        made_for = _object(folder / "config.json").get("architectures")
        kind = str(made_for[0]) if isinstance(made_for, list) and made_for else ""
        if kind.endswith("ForSequenceClassification"):
            problem = f"it is a {kind}, which judges texts and makes no vectors of them."
            raise EncoderError(model=str(folder), problem=problem, fix=FIX)
        return Layout(transformer=folder, max_tokens=_max_tokens(folder, folder))
    types, paths = _modules(folder)
    kinds = [kind.rsplit(".", 1)[-1] for kind in types]
    wording = _optional_json(folder / "config_sentence_transformers.json")
    _check_kind(folder, kinds, wording)
    dense = [_dense(path) for path, kind in zip(paths, kinds, strict=True) if kind == "Dense"]
    is_usual = all(kind.startswith(OWN) for kind in types) and _is_usual(kinds) and None not in dense
    return Layout(
        transformer=paths[0],
        pooling=_pooling(_object(paths[1] / "config.json")) if is_usual else None,
        dense=tuple(filter(None, dense)),
        max_tokens=_max_tokens(folder, paths[0]),
        prompts=_prompts(wording.get("prompts"), wording.get("default_prompt_name")),
    )


def _modules(folder: Path) -> tuple[list[str], list[Path]]:
    """The types of a folder's modules, and where they lie."""
    found = _json(folder / "modules.json")
    modules = found if isinstance(found, list) else []
    named = [module for module in modules if isinstance(module, dict) and {"type", "path"} <= module.keys()]
    if not modules or len(named) < len(modules):
        raise EncoderError(
            model=str(folder), problem="modules.json is no list of modules.", fix="Get the model's files again."
        )
    return [str(module["type"]) for module in named], [folder / str(module["path"]) for module in named]


def _check_kind(folder: Path, kinds: list[str], wording: Mapping[str, Any]) -> None:  # JSON of any shape
    kind = wording.get("model_type") or "SentenceTransformer"
    if kind != "SentenceTransformer":
        raise EncoderError(
            model=str(folder), problem=f"it is a {kind}, which makes no single vector of a text.", fix=FIX
        )
    if "CNN" in kinds:
        problem = "its CNN reads the padding behind a text, so that a vector depends on the texts beside it."
        raise EncoderError(model=str(folder), problem=problem, fix=FIX)


def _dense(folder: Path) -> DenseLayout | None:
    """A dense layer; None where it is one that is not computed here."""
    config = _object(folder / "config.json")
    words = str(config.get("activation_function", "torch.nn.modules.activation.Tanh"))
    name: Activation | None = next((name for name in get_args(Activation) if name == words.rsplit(".", 1)[-1]), None)
    is_plain = all(config.get(field_name, usual) == usual for field_name, usual in DENSE_DEFAULTS.items())
    return DenseLayout(folder, name) if name is not None and is_plain else None


def _is_usual(kinds: list[str]) -> bool:
    """Whether modules are a transformer, one pooling, dense layers, and normalisation at the end."""
    is_in_order = kinds[:2] == ["Transformer", "Pooling"] and "Normalize" not in kinds[:-1]
    return is_in_order and MODULES.issuperset(kinds) and "Pooling" not in kinds[2:] and "Transformer" not in kinds[1:]


def _pooling(config: dict[str, Any]) -> Pooling | None:  # JSON of any shape
    named = config.get("pooling_mode")
    wanted = [named] if isinstance(named, str) else named if isinstance(named, list) else []
    wanted = wanted or [mode for field_name, mode in LEGACY_POOLING.items() if config.get(field_name)]
    known = [mode for mode in get_args(Pooling) if mode in wanted]
    is_unknown = any(
        on is True and key.startswith("pooling_mode_") and key not in LEGACY_POOLING for key, on in config.items()
    )
    if len(wanted) != 1 or not known or is_unknown or not config.get("include_prompt", True):
        return None
    mode: Pooling = known[0]
    return mode


def _prompts(written: Any, default: Any) -> dict[TextKind, str]:  # JSON of any shape
    """Return the prompt of each kind: the first of its names that says something, or the default where none is there.

    sentence-transformers writes an empty `query` and `document` beside whatever else a model names.
    """
    named = written if isinstance(written, dict) else {}
    prompts = {name: prompt for name, prompt in named.items() if isinstance(prompt, str)}
    found: dict[TextKind, str] = {}
    for kind, names in PROMPT_NAMES.items():
        own = [prompts[name] for name in names if name in prompts]
        found[kind] = next(filter(None, own), "") if own else prompts.get(str(default), "")
    return found


def _max_tokens(folder: Path, transformer: Path) -> int | None:
    for place in (transformer, folder):
        config = _optional_json(place / "sentence_bert_config.json")
        length = next((config[name] for name in LENGTH_FIELDS if isinstance(config.get(name), int)), None)
        if length is not None:
            return int(length)
    return None


def _optional_json(file: Path) -> dict[str, Any]:  # JSON of any shape
    return _object(file) if file.is_file() else {}


def _object(file: Path) -> dict[str, Any]:  # JSON of any shape
    found = _json(file)
    if not isinstance(found, dict):
        raise EncoderError(
            model=str(file.parent), problem=f"{file.name} is no object.", fix="Get the model's files again."
        )
    return found


def _json(file: Path) -> Any:  # JSON of any shape
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise EncoderError(
            model=str(file.parent), problem=f"{file.name} cannot be read.", fix="Get the model's files again."
        ) from error
