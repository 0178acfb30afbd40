"""Writes the generated pages of docs/, or checks that they are current: `python -m tests.docs [--check]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from flows.cli import cli
from flows.settings import Settings
from tasks.assets import specs
from tasks.assets.asset import AssetSpec
from tasks.schemas import CANONICAL

DOCS = Path(__file__).parents[1] / "docs"
WIDTH = 78
"""What click fills of a terminal of 80 columns; the pages are the same from a terminal of any width."""
TABLE_SPECS = (specs.table, specs.quarantine, specs.validation, specs.profile)


def configuration() -> str:
    """Return the reference of shop.yaml, from the settings model's JSON Schema."""
    schema = Settings.model_json_schema(by_alias=True)
    definitions = schema["$defs"]
    lines = [
        "# Configuration",
        "",
        "Every setting of `shop.yaml`. Each can be overridden by a variable: `PANDIAN_LAKE`, or for a part of one",
        "`PANDIAN_EMBED__DEVICE`, written as YAML. Relative paths start at the folder of `shop.yaml`.",
        "",
        "## shop.yaml",
        "",
        *_fields(schema, definitions),
    ]
    for name, definition in definitions.items():
        if "properties" in definition:
            lines += [
                "",
                f"## {name}",
                "",
                definition.get("description", "").strip(),
                "",
                *_fields(definition, definitions),
            ]
    return "\n".join(lines) + "\n"


def commands() -> str:
    """Return the reference of the command line, from the commands' own help."""
    lines = ["# Commands", ""]
    for context in _contexts(cli, "pandian"):
        lines += [f"## {context.command_path}", "", "```text", context.get_help(), "```", ""]
    return "\n".join(lines).rstrip() + "\n"


def assets() -> str:
    """Return the reference of assets and canonical tables."""
    known = [value for value in vars(specs).values() if isinstance(value, AssetSpec)]
    spelled = [specs.shard("TABLE", "SOURCE"), *(make("TABLE") for make in TABLE_SPECS), *known]
    lines = ["# Assets", "", "| key | what | grain | owner | format |", "|---|---|---|---|---|"]
    lines += [f"| `{s.key}` | {s.title} | {s.grain} | {s.owner} | {s.format} |" for s in spelled]
    lines += ["", "# Canonical tables", ""]
    for table in CANONICAL.values():
        lines += [
            f"## {table.name}",
            "",
            f"{table.title}: {table.grain}.",
            "",
            "| column | kind | type | required | meaning |",
            "|---|---|---|---|---|",
        ]
        lines += [
            f"| {c.name} | {c.kind} | {c.sql_type} | {'yes' if c.is_required else ''} | {c.meaning} |"
            for c in table.columns
        ]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


PAGES = {"configuration.md": configuration, "commands.md": commands, "assets.md": assets}


def main() -> int:
    """Write the pages, or name those that are not current and return 1."""
    stale = []
    for name, page in PAGES.items():
        path, text = DOCS / name, page()
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
    if stale:
        sys.stderr.write(f"Not current: {', '.join(stale)}. Run `make docs`.\n")
    return int(bool(stale))


def _fields(schema: dict[str, Any], definitions: dict[str, Any]) -> list[str]:  # JSON Schema
    required = schema.get("required", [])
    lines = ["| setting | type | default | what |", "|---|---|---|---|"]
    for name, field in schema["properties"].items():
        default = "required" if name in required else f"`{field['default']!r}`" if "default" in field else ""
        lines.append(
            f"| `{name}` | {_type(field)}{_bounds(field)} | {default} | {_cell(field.get('description', ''))} |"
        )
    return lines


def _type(field: dict[str, Any]) -> str:  # JSON Schema
    if "$ref" in field:
        return str(field["$ref"]).rsplit("/", 1)[-1]
    if "enum" in field:
        return ", ".join(f"`{item}`" for item in field["enum"])
    for union in ("anyOf", "allOf", "oneOf"):
        if union in field:
            return " or ".join(_type(item) for item in field[union])
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}))}"
    if field.get("type") == "object" and isinstance(field.get("additionalProperties"), dict):
        return f"name to {_type(field['additionalProperties'])}"
    return str(field.get("type", "any")).replace("null", "nothing")


def _bounds(field: dict[str, Any]) -> str:  # JSON Schema
    words = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    return "".join(f", {sign} {field[name]}" for name, sign in words.items() if name in field)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _contexts(command: click.Command, name: str, parent: click.Context | None = None) -> Iterator[click.Context]:
    """Yield the contexts that a command and those below it run in: a group's settings hold below it."""
    context = click.Context(command, info_name=name, parent=parent, terminal_width=WIDTH, **command.context_settings)
    yield context
    if isinstance(command, click.Group):
        for below in sorted(command.commands):
            yield from _contexts(command.commands[below], below, context)


if __name__ == "__main__":
    raise SystemExit(main())
