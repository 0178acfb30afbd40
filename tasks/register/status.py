"""Where a version stands today, in words from MLflow's aliases and tags. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tasks.register.registry import CHALLENGER, CHAMPION, PREVIOUS, REJECTED, Version, review_of

SINCE: Final = "promoted_at"
CARD_NOTE: Final = "The card below was written when the version was registered."


@dataclass(frozen=True, slots=True)
class Shown:
    """A version, its card as it was registered, and where it stands today."""

    version: Version
    card: str
    status: tuple[str, ...]


def status_words(version: Version, champion: Version | None) -> tuple[str, ...]:
    """Return what became of a version: its alias and since when, its review with who, when and why, the gate, search.

    Args:
        version: The one asked about.
        champion: The version in use, None where there is none.
    """
    tags = version.tags
    return (
        f"{version.name} version {version.version}: {_place(version, champion)}",
        _review(version),
        *([f"Promotion: {tags['promotion']}"] if tags.get("promotion", "").startswith("refused") else []),
        *([f"Gate: refused. {_line(tags, 'gate_reasons')}"] if tags.get("gate") == "refused" else []),
        *([f"Warning: {_line(tags, 'gate_warnings')}"] if tags.get("gate_warnings") else []),
        *([f"Search: {_line(tags, 'search')}"] if tags.get("search") else []),
    )


def nothing_to_promote(tags: Mapping[int, Mapping[str, str]], champion: Version | None) -> str:
    """Return why no version became the champion, and what to do about it.

    Args:
        tags: The tags of all versions by their number.
        champion: The version in use, None where there is none.
    """
    least = 0 if champion is None else int(champion.version)
    waiting = max(
        (number for number, item in tags.items() if number > least and review_of(item) == "pending"), default=0
    )
    begin = "There is nothing to promote:"
    if waiting:
        command = f'`pandian review approve {waiting} --reason "…"`'
        return f"{begin} version {waiting} waits for review: {command}, then `pandian promote`."
    if not tags:
        return f"{begin} no model was registered yet. Run the stocktake first."
    if champion is None:
        return f"{begin} no version is approved, and none waits for review. `pandian review list` says why."
    return f"{begin} no version is approved or waits for review that is newer than the champion, version {least}."


def _place(version: Version, champion: Version | None) -> str:
    serving = "there is no champion" if champion is None else f"version {champion.version} is the champion"
    if CHAMPION in version.aliases:
        since = _moment(version.tags.get(SINCE, ""))
        return f"champion{f', since {since}' if since else ''}. It answers `pandian search` and `pandian recommend`."
    if PREVIOUS in version.aliases:
        then = "`pandian rollback` returns to it."
        if version.review == REJECTED:
            then = "A rollback passes over it, for it is rejected."
        return f"the champion before; {serving}. {then}"
    if CHALLENGER in version.aliases:
        return f"challenger; {serving}."
    return f"no alias; {serving}."


def _review(version: Version) -> str:
    tags = version.tags
    if version.review == "pending":
        number = version.version
        return f'Review: waits for one. `pandian review approve {number} --reason "…"`, or `reject`.'
    if not version.review:
        return "Review: none, since the gate did not let it pass."
    by = f" by {tags['reviewer']}" if tags.get("reviewer") else ""
    at = f" on {_moment(tags['reviewed_at'])}" if tags.get("reviewed_at") else ""
    then = " `pandian promote` makes it the champion." if _waits_for_promotion(version) else ""
    return f"Review: {version.review}{by}{at}: {tags.get('review_reason', 'no reason was given').rstrip('.')}.{then}"


def _waits_for_promotion(version: Version) -> bool:
    return version.review == "approved" and not {CHAMPION, PREVIOUS} & set(version.aliases)


def _line(tags: Mapping[str, str], name: str) -> str:
    return " ".join(tags.get(name, "").splitlines())


def _moment(text: str) -> str:
    try:
        return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return text
