"""What a person, or a program, reads of an asset's versions and of what differs between two of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from flows.printable import printable
from flows.summary import human_bytes
from tasks.assets.changes import Change, Difference, HistoryEntry, RecipeChanges
from tasks.assets.manifest import Finding

MOST_NAMED = 3
"""Changes of a recipe that a line of a history names."""
LONGEST = 60
"""Characters of a value that are shown."""


def history_brief(entry: HistoryEntry) -> dict[str, object]:
    """Return what `pandian inventory history --json` says of a version."""
    names = {"version", "finished_at", "rows", "bytes", "stage", "code_revision", "run_id"}
    found = entry.manifest.model_dump(mode="json", include=names)
    return {
        **found,
        "verdict": entry.verdict,
        "findings": len(entry.manifest.findings),
        "is_current": entry.is_current,
        "changed": asdict(entry.changed),
    }


def history_list(entries: Iterable[HistoryEntry]) -> Table:
    """Return an asset's versions, a line each."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("version", "made (UTC)", "rows", "size", "verdict", "run", "changed"):
        table.add_column(name, justify="right" if name in {"rows", "size"} else "left", overflow="fold")
    for entry in entries:
        item = entry.manifest
        table.add_row(
            f"{item.version}{' (current)' if entry.is_current else ''}",
            f"{item.finished_at:%Y-%m-%d %H:%M}",
            "" if item.rows is None else f"{item.rows:,}",
            human_bytes(item.bytes),
            entry.verdict or "",
            item.run_id[:8],
            Text(printable(_changed(entry.changed))),
        )
    return table


def difference_brief(found: Difference) -> dict[str, object]:
    """Return what `pandian inventory diff --json` says."""
    return {
        "key": found.new.key,
        "old": found.old.version,
        "new": found.new.version,
        "facts": _plain(found.facts),
        "columns": {
            "added": [{"name": item.name, "type": item.new} for item in found.columns if item.old is None],
            "removed": [{"name": item.name, "type": item.old} for item in found.columns if item.new is None],
            "retyped": _plain(item for item in found.columns if item.old is not None and item.new is not None),
        },
        "metrics": _plain(found.metrics),
        "findings": {
            "new": [item.model_dump(mode="json") for item in found.findings_new],
            "gone": [item.model_dump(mode="json") for item in found.findings_gone],
            "changed": _plain(found.findings_changed),
        },
        **asdict(found.recipe),
    }


def difference_page(found: Difference) -> RenderableType:
    """Return what differs between two versions, a part for each kind of it."""
    parts: list[RenderableType] = [
        Text(f"{found.new.key}: {found.old.version} -> {found.new.version}", style="bold"),
        Text(
            f"made {found.old.finished_at:%Y-%m-%d %H:%M} and {found.new.finished_at:%Y-%m-%d %H:%M} UTC", style="dim"
        ),
    ]
    recipe = found.recipe
    findings = [*(f"new   {_finding(item)}" for item in found.findings_new)]
    findings += [f"gone  {_finding(item)}" for item in found.findings_gone]
    sections = {
        "Facts": _lines(found.facts),
        "Columns": _lines(found.columns),
        "Metrics": _lines(found.metrics),
        "Findings": [*findings, *_lines(found.findings_changed)],
        "Recipe": _lines(recipe.recipe),
        "Arguments": _lines(recipe.arguments),
        "Made from": _lines(recipe.inputs),
    }
    for title, lines in sections.items():
        if lines:
            parts += [
                Text(f"\n{title}", style="bold"),
                *(Text(f"  {printable(line)}", overflow="fold") for line in lines),
            ]
    if not any(sections.values()):
        parts.append(Text("They do not differ."))
    return Group(*parts)


def _changed(changed: RecipeChanges) -> str:
    names = [f"{item.name}" for item in (*changed.recipe, *changed.arguments, *changed.inputs)]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _lines(changes: Sequence[Change]) -> list[str]:
    return [f"{item.name}: {_word(item.old)} -> {_word(item.new)}" for item in changes]


def _word(value: object) -> str:
    if value is None:
        return "none"
    text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else _text(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _text(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return printable(text)


def _finding(item: Finding) -> str:
    return f"{item.severity} {item.id}: {item.count:,}. {_text(item.message)}"


def _plain(changes: Iterable[Change]) -> list[dict[str, object]]:
    return [asdict(item) for item in changes]
