"""One thing that a stocktake needs, or is better with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from tasks.errors import PandianError, UsageError

PACKAGE: Final = "package "
"""What the names of packages begin with."""


@dataclass(frozen=True, slots=True)
class Check:
    """Whether a thing is as it should be.

    Args:
        found: What is there, in words.
        fix: How to get it; nothing where it is there.
        is_needed: Nothing runs without it. What is not needed is only told.
    """

    name: str
    found: str
    is_ok: bool = True
    is_needed: bool = True
    fix: str = ""


def failed(name: str, error: PandianError, *, is_needed: bool = True) -> Check:
    """Return the check of a thing that an error tells of."""
    return Check(name, str(error).removesuffix(error.fix).strip(), is_ok=False, is_needed=is_needed, fix=error.fix)


def check_page(checks: Sequence[Check]) -> str:
    """Return checks as text, a line each; packages that are as they should be share one."""
    packages = [item for item in checks if item.is_ok and item.name.startswith(PACKAGE)]
    shown = [item for item in checks if item not in packages]
    if packages:
        shown.insert(1, Check("packages", f"{len(packages)} as pandian needs them"))
    width = max((len(item.name) for item in shown), default=0)
    return "\n".join(f"{_state(item):<8}{item.name:<{width}}  {_words(item)}" for item in shown)


def together(checks: Iterable[Check]) -> UsageError | None:
    """Return one error that names everything that is needed and missing, or None where nothing is."""
    missing = [item for item in checks if item.is_needed and not item.is_ok]
    if not missing:
        return None
    fix = missing[0].fix if len(missing) == 1 else "What was found above says how to get each."
    return UsageError(problem=f"This is not as pandian needs it: {', '.join(item.name for item in missing)}.", fix=fix)


def _state(check: Check) -> str:
    if check.is_ok:
        return "ok"
    return "missing" if check.is_needed else "note"


def _words(check: Check) -> str:
    return f"{check.found.rstrip('.')}. {check.fix}" if check.fix else check.found
