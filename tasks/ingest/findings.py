"""Findings that reading and merging a table shows, each with a file of every key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import duckdb

from tasks.assets.manifest import Dimension, Finding, Severity
from tasks.ingest.merge import Merged
from tasks.ingest.own_columns import INTERNAL, REASON, unread_name
from tasks.ingest.parquet import files_relation
from tasks.ingest.rules import is_changed_by
from tasks.ingest.stacking import ShardInput
from tasks.ingest.times import AMBIGUOUS
from tasks.schemas import CANONICAL, literal, quoted

OF_RULE: Final[dict[str, tuple[str, Severity, str, str]]] = {
    "markup": ("markup_in_text", "info", "HTML tags", "Deliver plain text; ingest dropped the tags."),
    "entities": ("markup_in_text", "info", "HTML entities", "Deliver plain text; ingest replaced the entities."),
    "list_literal": (
        "markup_in_text",
        "info",
        "List literals",
        "Deliver the text itself; ingest joined the lists.",
    ),
    "control_characters": (
        "encoding_damage",
        "info",
        "Byte order marks or control characters",
        "Export the table as plain UTF-8; ingest dropped the characters.",
    ),
    "float_id": (
        "invalid_type",
        "info",
        "Ids written as decimals",
        "Deliver ids as text; ingest dropped the decimals.",
    ),
    AMBIGUOUS: (
        "invalid_format",
        "warning",
        "Dates that can be read day first or month first",
        "Set `timestamp_format`; as nothing tells which, ingest read them as it read most others, or month first.",
    ),
}
"""Rule to the finding's kind, how bad it is, what is wrong, and what to do."""

OF_REASON: Final[dict[str, tuple[str, Dimension]]] = {
    "missing": ("missing_values", "completeness"),
    "invalid": ("invalid_type", "normativity"),
    "unknown": ("invalid_category", "normativity"),
    "malformed": ("invalid_format", "normativity"),
    "undecodable": ("encoding_damage", "normativity"),
}
"""First word of a quarantine reason to the finding's kind and dimension."""


def ingest_findings(
    connection: duckdb.DuckDBPyConnection, table: str, shards: Sequence[ShardInput], merged: Merged, folder: Path
) -> list[Finding]:
    """Return what is wrong with a table as it was delivered, and write every failing key below `folder/failing`.

    The connection is the one that merged.
    """
    (folder / "failing").mkdir()
    found = [
        *_repeats(connection, table, merged, folder),
        *_conflicts(connection, table, merged, folder),
        *_rules(connection, table, shards, merged, folder),
        *_unread(connection, table, shards, merged, folder),
        *_quarantined(connection, table, shards, merged, folder),
        *_currencies(connection, table, merged, folder),
    ]
    if not found:
        (folder / "failing").rmdir()
    return found


def _repeats(connection: duckdb.DuckDBPyConnection, table: str, merged: Merged, folder: Path) -> Iterator[Finding]:
    if not merged.repeats:
        return
    yield _finding(
        connection, table, merged, folder, f"{merged.repeated} order by all", count=merged.repeats,
        column=None, kind="duplicate_rows", severity="info", dimension="accuracy",
        message=f"{_number_of(merged.repeats, 'row')} merged for repeating another row exactly.",
        action="Deliver each row once, or give repeated behaviour a time or an id that tells it apart.",
    )  # fmt: skip


def _conflicts(connection: duckdb.DuckDBPyConnection, table: str, merged: Merged, folder: Path) -> Iterator[Finding]:
    if not merged.conflicts:
        return
    yield _finding(
        connection, table, merged, folder, f"{merged.conflicting} order by all", count=merged.conflicts,
        column=CANONICAL[table].key[0], kind="duplicate_keys", severity="warning", dimension="accuracy",
        message=f"{_number_of(merged.conflicts, 'row')} merged into a row that won and has the same key.",
        action="Decide which row is right at the source; the winner here is chosen by `ingest.conflict`.",
    )  # fmt: skip


def _rules(
    connection: duckdb.DuckDBPyConnection, table: str, shards: Sequence[ShardInput], merged: Merged, folder: Path
) -> Iterator[Finding]:
    counts: dict[str, int] = {}
    for shard in shards:
        for rule, count in shard.metrics["rules"].items():
            if rule.rpartition(".")[2] in OF_RULE:
                counts[rule] = counts.get(rule, 0) + count
    if not counts:
        return
    # The rows are gone through once, however many rules changed some.
    made = "view" if len(counts) == 1 else "table"
    connection.execute(f"create temp {made} changed as {_changed(table, shards, merged, list(counts))}")
    for rule, count in counts.items():
        column, _, name = rule.rpartition(".")
        kind, severity, wrong, action = OF_RULE[name]
        keys = ", ".join(map(quoted, dict.fromkeys([*_keys(table, merged), column])))
        yield _finding(
            connection, table, merged, folder, f"select {keys} from changed where {quoted(INTERNAL + rule)}",
            count=count, column=column, kind=kind, severity=severity, dimension="normativity", tag=name,
            message=f"{wrong} in {_number_of(count, 'value')} of “{column}”.", action=action,
        )  # fmt: skip


def _changed(table: str, shards: Sequence[ShardInput], merged: Merged, rules: Sequence[str]) -> str:
    """SQL of the rows that a rule changed: their keys, the columns it changed, and a flag for each rule."""
    alike: dict[tuple[tuple[str, str], ...], list[Path]] = {}
    for shard in shards:
        tests = tuple((rule, _test(shard, rule)) for rule in rules if shard.metrics["rules"].get(rule))
        if tests:
            alike.setdefault(tests, []).append(shard.rows)
    parts = []
    for tests, files in alike.items():
        columns = [rule.rpartition(".")[0] for rule, _ in tests]
        names = ", ".join(map(quoted, dict.fromkeys([*_keys(table, merged), *columns])))
        flags = ", ".join(f"{test} as {quoted(INTERNAL + rule)}" for rule, test in tests)
        rows, is_changed = files_relation(files, is_by_name=True), " or ".join(test for _, test in tests)
        parts.append(f"select {names}, {flags} from {rows} where {REASON} is null and ({is_changed})")
    return " union all by name ".join(parts)


def _test(shard: ShardInput, rule: str) -> str:
    """SQL that is true where a rule changed a row of a shard."""
    column, _, name = rule.rpartition(".")
    return f"{quoted(column)} is not null" if rule in shard.metrics["always"] else is_changed_by(column, name)


def _unread(
    connection: duckdb.DuckDBPyConnection, table: str, shards: Sequence[ShardInput], merged: Merged, folder: Path
) -> Iterator[Finding]:
    required = CANONICAL[table].required if table in CANONICAL else ()
    names = sorted({name for shard in shards for name in shard.metrics["unread"]} - set(required))
    keys = ", ".join(map(quoted, _keys(table, merged)))
    for name in names:
        held = [shard for shard in shards if shard.metrics["unread"].get(name)]
        count = sum(shard.metrics["unread"][name] for shard in held)
        rows, value = files_relation([shard.rows for shard in held], is_by_name=True), unread_name(name)
        query = f"select {keys}, {value} as value from {rows} where {REASON} is null and {value} is not null"
        yield _finding(
            connection, table, merged, folder, query, count=count,
            column=name, kind="invalid_type", severity="warning", dimension="normativity", tag="unread",
            message=f"{_number_of(count, 'value')} of “{name}” not understood, and empty now.",
            action=f"Mend them at the source, or map `{name}` by an expression that reads them.",
        )  # fmt: skip


def _quarantined(
    connection: duckdb.DuckDBPyConnection, table: str, shards: Sequence[ShardInput], merged: Merged, folder: Path
) -> Iterator[Finding]:
    relation = files_relation([shard.quarantine for shard in shards])
    reasons = connection.execute(f"select reason, count(*) from {relation} group by reason order by reason").fetchall()
    for reason, count in reasons:
        kind, dimension = OF_REASON[reason.split("_")[0]]
        column = reason.split("_", 1)[1]
        known = CANONICAL[table].column(column) if table in CANONICAL else None
        query = f'select source, line, detail, "row" from {relation} where reason = {literal(reason)} order by all'
        yield _finding(
            connection, table, merged, folder, query, count=count,
            column=column if known else "event_type" if reason == "unknown_event_type" else None,
            kind=kind, severity="warning", dimension=dimension, tag=reason,
            message=f"{_number_of(count, 'row')} set aside: {reason.replace('_', ' ')}.",
            action=f"See where each row is, by file and line: `pandian inventory show quarantine/{table} --rows 20`.",
        )  # fmt: skip


def _currencies(connection: duckdb.DuckDBPyConnection, table: str, merged: Merged, folder: Path) -> Iterator[Finding]:
    known = CANONICAL.get(table)
    if known is None or known.column("currency") is None or "currency" not in merged.columns:
        return
    relation = f"read_parquet({literal(str(folder / 'part-*.parquet'))})"
    counts = connection.execute(
        f"select currency, count(*) from {relation} where currency is not null group by all order by 2 desc, 1"
    ).fetchall()
    if len(counts) <= 1:
        return
    key = ", ".join(quoted(name) for name in (known.key or known.required))
    query = f"select {key}, currency from {relation} where currency <> {literal(counts[0][0])} order by all"
    others = sum(count for _, count in counts[1:])
    yield _finding(
        connection, table, merged, folder, query, count=others,
        column="currency", kind="mixed_units", severity="warning", dimension="accuracy",
        message=f"Prices in {len(counts)} currencies: {_number_of(others, 'row')} in another than {counts[0][0]}.",
        action="Deliver one currency: prices are compared as numbers, whatever currency they are in.",
    )  # fmt: skip


def _number_of(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _keys(table: str, merged: Merged) -> list[str]:
    """Columns that tell a table's rows apart."""
    known = CANONICAL.get(table)
    keys = (known.key or known.required) if known else merged.columns[:4]
    return [name for name in keys if name in merged.columns]


def _finding(  # noqa: PLR0913 - a finding has that many parts
    connection: duckdb.DuckDBPyConnection,
    table: str,
    merged: Merged,
    folder: Path,
    query: str,
    *,
    count: int,
    column: str | None,
    kind: str,
    severity: Severity,
    dimension: Dimension,
    message: str,
    action: str,
    tag: str = "",
) -> Finding:
    identity = "-".join(part for part in ("ingest", table, column or "", kind, tag) if part)
    target = folder / "failing" / f"{identity}.parquet"
    connection.execute(f"copy ({query}) to {literal(str(target))} (format parquet)")
    described = connection.execute(f"select * from read_parquet({literal(str(target))}) limit 5").fetchall()
    examples = tuple(" · ".join(str(value)[:60] for value in row if value is not None)[:200] for row in described)
    read = merged.total.rows_read
    return Finding(
        id=identity,
        table=table,
        column=column,
        kind=kind,
        severity=severity,
        dimension=dimension,
        count=count,
        share=min(1.0, count / read) if read else 0.0,
        message=message,
        examples=examples,
        keys=target.relative_to(folder).as_posix(),
        action=action,
    )
