"""What differs between two versions of an asset, by their manifests alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tasks.assets.asset import AssetRef
from tasks.assets.manifest import Finding, Manifest, Verdict


@dataclass(frozen=True, slots=True)
class Change:
    """One value that differs; None stands for what is not there.

    Args:
        name: What it is the value of: a column, or the path of a metric or argument, parts joined by dots.
    """

    name: str
    old: Any  # a JSON value of any shape
    new: Any  # a JSON value of any shape


@dataclass(frozen=True, slots=True)
class RecipeChanges:
    """Why a version is another one than the one before: what its recipe has that the other has not.

    Args:
        recipe: Stage and revision of the recipe.
        arguments: What the stage was called with, references left out.
        inputs: Keys of what it was made from, with their versions.
    """

    recipe: tuple[Change, ...] = ()
    arguments: tuple[Change, ...] = ()
    inputs: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A version, and how its recipe differs from that of the version made before it: not at all for the first.

    Args:
        verdict: Its own, or for a table that of the last validation of this version.
    """

    manifest: Manifest
    is_current: bool
    changed: RecipeChanges
    verdict: Verdict | None


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between two versions of one asset.

    Args:
        facts: Rows, bytes, verdict, and the code that made them.
        columns: Name to type; None where one version lacks the column.
        findings_new: Those that only the new version has, by their ids.
        findings_gone: Those that only the old version has.
        findings_changed: Counts of those that both have.
    """

    old: Manifest
    new: Manifest
    facts: tuple[Change, ...]
    columns: tuple[Change, ...]
    metrics: tuple[Change, ...]
    findings_new: tuple[Finding, ...]
    findings_gone: tuple[Finding, ...]
    findings_changed: tuple[Change, ...]
    recipe: RecipeChanges = field(default_factory=RecipeChanges)


def history(
    versions: Sequence[Manifest], current: str, verdicts: Mapping[AssetRef, Verdict | None]
) -> list[HistoryEntry]:
    """Return the versions of one asset, in the order given, each with what its recipe changed.

    Args:
        versions: All versions, the newest first.
        current: The version that is current.
        verdicts: Table to what its last validation says.
    """
    before: list[Manifest | None] = [*versions[1:], None]
    return [
        HistoryEntry(
            manifest=item,
            is_current=item.version == current,
            changed=RecipeChanges() if earlier is None else recipe_changes(earlier, item),
            verdict=item.verdict or verdicts.get(item.ref),
        )
        for item, earlier in zip(versions, before, strict=True)
    ]


def difference(old: Manifest, new: Manifest) -> Difference:
    """Return what differs between two versions."""
    facts = ("rows", "bytes", "verdict", "content_digest", "seed", "code_revision")
    before, after = ({finding.id: finding for finding in item.findings} for item in (old, new))
    return Difference(
        old=old,
        new=new,
        facts=_changes({name: getattr(old, name) for name in facts}, {name: getattr(new, name) for name in facts}),
        columns=_changes(
            {item.name: item.type for item in old.columns}, {item.name: item.type for item in new.columns}
        ),
        metrics=_changes(dict(_leaves(old.metrics)), dict(_leaves(new.metrics))),
        findings_new=tuple(finding for name, finding in after.items() if name not in before),
        findings_gone=tuple(finding for name, finding in before.items() if name not in after),
        findings_changed=_changes(
            {name: finding.count for name, finding in before.items() if name in after},
            {name: finding.count for name, finding in after.items() if name in before},
        ),
        recipe=recipe_changes(old, new),
    )


def recipe_changes(old: Manifest, new: Manifest) -> RecipeChanges:
    """Return what the recipe of one version has that the other's has not."""
    references = {*old.inputs, *new.inputs}
    before, after = (
        {name: value for name, value in _leaves(item.arguments) if not _is_reference(value, references)}
        for item in (old, new)
    )
    return RecipeChanges(
        recipe=_changes(
            {"stage": old.stage, "revision": old.recipe_revision}, {"stage": new.stage, "revision": new.recipe_revision}
        ),
        arguments=_changes(before, after),
        inputs=_changes(_inputs(old), _inputs(new)),
    )


def _inputs(manifest: Manifest) -> dict[str, str]:
    """Key to version, or versions where one key stands there more than once."""
    found: dict[str, list[str]] = {}
    for ref in manifest.input_refs:
        found.setdefault(ref.key, []).append(ref.version)
    return {key: ", ".join(sorted(versions)) for key, versions in found.items()}


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Change, ...]:  # JSON values of any shape
    """Return what differs, in the order of the new values, what is gone at the end."""
    names = [*new, *(name for name in old if name not in new)]
    found = (Change(name, old.get(name), new.get(name)) for name in names)
    return tuple(item for item in found if item.old != item.new)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:  # JSON values of any shape
    """Yield the values of nested mappings, and of lists of these, with their paths; a list of plain values is one."""
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        for position, inner in enumerate(value):
            yield from _leaves(inner, f"{path}.{position}")
    else:
        yield path, value


def _is_reference(value: Any, references: Iterable[str]) -> bool:  # a JSON value of any shape
    values = value if isinstance(value, list | tuple) else [value]
    return bool(values) and all(isinstance(item, str) and item in references for item in values)
