"""The project's own description is true: what it says it needs is what it imports and what the checks run on."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import get_args

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from pydantic.fields import FieldInfo

from flows.settings import Settings
from tests.pandian import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RUNTIME = [Requirement(line) for line in PROJECT["project"]["dependencies"]]
DEV = [Requirement(line) for line in PROJECT["project"]["optional-dependencies"]["dev"]]
LOCKED = {
    canonicalize_name(name): Version(version)
    for name, version in re.findall(
        r"^([\w.-]+)==([^\s;]+)", (ROOT / "requirements.lock").read_text("utf-8"), re.MULTILINE
    )
}
OURS = {"flows", "tasks", "expectations"}


@pytest.mark.parametrize("needed", [*RUNTIME, *DEV], ids=lambda needed: needed.name)
def test_a_lower_bound_is_the_release_that_the_checks_run_on(needed: Requirement) -> None:
    (least,) = [Version(part.version) for part in needed.specifier if part.operator == ">="]
    locked = LOCKED[canonicalize_name(needed.name)]
    assert least <= locked
    assert least.release[:2] == locked.release[:2]


def test_what_is_imported_is_declared() -> None:
    providers = packages_distributions()
    declared = {canonicalize_name(needed.name) for needed in RUNTIME}
    undeclared = {
        name
        for name in {name for file in _modules() for name in _imported(file)} - OURS - sys.stdlib_module_names
        if not declared & {canonicalize_name(provider) for provider in providers.get(name, [])}
    }
    assert not undeclared


def test_every_setting_has_a_description_and_every_number_a_bound() -> None:
    bare = [name for name, field in _settings(Settings) if not field.description]
    numbers = [(name, field) for name, field in _settings(Settings) if field.annotation in (int, float)]
    unbound = [
        name
        for name, field in numbers
        if not any(hasattr(rule, "ge") or hasattr(rule, "gt") for rule in field.metadata)
    ]
    assert numbers
    assert not bare
    assert not unbound


def _modules() -> Iterator[Path]:
    for package in sorted(OURS):
        yield from (ROOT / package).rglob("*.py")


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def _settings(model: type) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():  # type: ignore[attr-defined]  # a pydantic model
        yield f"{model.__name__}.{name}", field
        for part in (field.annotation, *get_args(field.annotation)):
            if hasattr(part, "model_fields"):
                yield from _settings(part)
