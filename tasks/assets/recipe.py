"""The recipe of an asset: everything that decides its content. Its digest is the asset's version."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from tasks.assets.asset import AssetRef

VERSION_LENGTH: Final = 12


class StageConfig(BaseModel):
    """Base of every stage's configuration: frozen, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Stage, recipe revision, arguments and inputs. Two equal recipes make the same asset.

    Args:
        revision: Raised by the stage's author when its logic changes its output.
        arguments: What the stage was called with, as JSON values, secrets masked.
    """

    stage: str
    revision: int
    arguments: Mapping[str, Any]  # JSON values of any shape
    inputs: tuple[AssetRef, ...] = field(default=())

    @property
    def version(self) -> str:
        """The first 12 hex digits of the SHA-256 of the recipe's canonical JSON."""
        text = json.dumps(
            {
                "stage": self.stage,
                "revision": self.revision,
                "arguments": self.arguments,
                "inputs": sorted(str(ref) for ref in self.inputs),
            },
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
        )
        return hashlib.sha256(text.encode()).hexdigest()[:VERSION_LENGTH]

    @classmethod
    def of(cls, stage: str, revision: int, arguments: Mapping[str, object]) -> Recipe:
        """Return the recipe of a call: references among the arguments become inputs.

        A configuration's fields for resources, not results (`json_schema_extra={"recipe": False}`), are left out.
        """
        return cls(
            stage=stage,
            revision=revision,
            arguments={name: to_json(value) for name, value in arguments.items()},
            inputs=tuple(sorted(set(_references(arguments)))),
        )


def to_json(value: object) -> Any:  # JSON values of any shape
    """Return a value as JSON values, references as `key@version`.

    Raises:
        TypeError: The value has no JSON form, so a recipe cannot hold it.
    """
    if isinstance(value, AssetRef):
        return str(value)
    if isinstance(value, BaseModel):
        return _model_json(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: to_json(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [to_json(item) for item in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"{type(value).__name__} cannot be part of a recipe.")


def _model_json(model: BaseModel) -> Any:  # JSON values of any shape
    kept = {}
    dumped = model.model_dump(mode="json")
    for name, field_info in type(model).model_fields.items():
        extra = field_info.json_schema_extra
        if isinstance(extra, dict) and extra.get("recipe") is False:
            continue
        value = getattr(model, name)
        kept[name] = _model_json(value) if isinstance(value, BaseModel) else dumped[name]
    return kept


def _references(value: object) -> list[AssetRef]:
    if isinstance(value, AssetRef):
        return [value]
    if isinstance(value, Mapping):
        return [ref for item in value.values() for ref in _references(item)]
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [ref for item in value for ref in _references(item)]
    return []
