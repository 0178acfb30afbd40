"""Looks at the machine: Python, packages, git, memory, cores, and what encoders compute on."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from typing import Final

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from flows.doctor.check import PACKAGE, Check, failed
from tasks.errors import DeviceError

LEAST_MEMORY_GB: Final = 4.0
"""The demo, and ten million events, need no more."""


def machine_checks() -> Iterator[Check]:
    """Yield what is to be said of the machine, whatever the shop."""
    yield python_check(platform.python_version(), metadata.metadata("pandian")["Requires-Python"])
    yield from package_checks(metadata.requires("pandian") or [])
    yield git_check(shutil.which("git"))
    yield memory_check(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    yield Check("cores", f"{_cores()}", is_needed=False)


def python_check(version: str, needed: str) -> Check:
    """Compare Python's version with the one needed, such as `>=3.11`."""
    is_ok = SpecifierSet(needed).contains(version, prereleases=True)
    fix = (
        "" if is_ok else f"Install Python {needed.lstrip('>=')}, then `make setup PYTHON=python{needed.lstrip('>=')}`."
    )
    return Check("Python", version, is_ok=is_ok, fix=fix)


def package_checks(requirements: Iterable[str]) -> Iterator[Check]:
    """Yield a check of every package that is required without an extra, such as `duckdb>=2.0`."""
    for requirement in map(Requirement, requirements):
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        version = _version(requirement.name)
        is_ok = version is not None and requirement.specifier.contains(version, prereleases=True)
        yield Check(
            f"{PACKAGE}{requirement.name}",
            f"{version or 'not installed'}" if is_ok else f"{version or 'not installed'}, not {requirement.specifier}",
            is_ok=is_ok,
            fix="" if is_ok else f"`{sys.executable} -m pip install '{requirement.name}{requirement.specifier}'`.",
        )


def git_check(path: str | None) -> Check:
    """Say whether there is git: manifests name the commit of a checkout by it."""
    if path is not None:
        return Check("git", path, is_needed=False)
    fix = "Install git, so that manifests name the commit that made them."
    return Check("git", "not found", is_ok=False, is_needed=False, fix=fix)


def memory_check(size: int) -> Check:
    """Say whether the machine's memory is enough for what the demo needs."""
    is_ok = size >= LEAST_MEMORY_GB * 1e9
    fix = "" if is_ok else f"Less than {LEAST_MEMORY_GB:.0f} GB: lower every `memory_limit` in shop.yaml."
    return Check("memory", f"{size / 1e9:.1f} GB", is_ok=is_ok, is_needed=False, fix=fix)


def device_check(wanted: str) -> Check:
    """Say which device encoders compute on, and what of it multiplies bf16."""
    from tasks.retrieval.hardware import bf16_unit, has_bf16, pick_device

    try:
        device = pick_device(wanted)
    except DeviceError as error:
        return failed("device", error)
    unit = bf16_unit() if device.type == "cpu" else device.type
    return Check("device", f"{device}, {f'bf16 by {unit}' if has_bf16(device) else 'fp32: it has no unit for bf16'}")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
