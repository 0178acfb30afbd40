"""Which stages a run makes, looks for, or leaves out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, get_args

from tasks.errors import UsageError, near_miss

StageName = Literal[
    "ingest", "validate", "profile", "embed", "analyze", "finetune", "evaluate", "register", "inventory"
]
STAGES: Final[tuple[StageName, ...]] = get_args(StageName)

Mode = Literal["run", "refresh", "present", "off"]
"""`run` skips what is there, `refresh` makes it again, `present` looks for it, `off` leaves it out."""


def plan_stages(
    only: Sequence[StageName] = (), start: StageName | None = None, *, refresh: bool = False
) -> Mapping[StageName, Mode]:
    """Return what to do with each stage.

    Args:
        only: The stages to make; those before are looked for, those after left out. All if empty.
        start: The first stage to make; those before are looked for.
        refresh: Make the chosen stages again though nothing changed.

    Raises:
        UsageError: A name is no stage, or both `only` and `start` are given.
    """
    for name in [*only, *([start] if start else [])]:
        if name not in STAGES:
            raise UsageError(
                problem=f"“{name}” is not a stage.", fix=f"{near_miss(name, STAGES)}The stages are {', '.join(STAGES)}."
            )
    if only and start:
        raise UsageError(problem="`--only` and `--from` exclude each other.", fix="Give one of them.")
    chosen = set(only) if only else set(STAGES[STAGES.index(start) if start else 0 :])
    last = max(STAGES.index(name) for name in chosen)
    made: Mode = "refresh" if refresh else "run"
    return {
        name: made if name in chosen else "present" if position < last else "off"
        for position, name in enumerate(STAGES)
    }
