"""How the tables of a shop refer to each other: foreign keys, found by names and values, with exact match rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq

from tasks.assets.manifest import Finding
from tasks.assets.reports import Relationship, Relationships, TableProfile
from tasks.profile.config import ProfileConfig
from tasks.profile.facts import clipped
from tasks.profile.links import Side, candidate_links, is_declared, is_new, names_agree, sides_of
from tasks.profile.queries import open_connection
from tasks.profile.values import ValueTables

MIN_SAMPLED_SHARE: Final = 0.5
MIN_VALUES: Final = 20
"""Columns whose names disagree are linked only by so many values at least."""
EXAMPLES: Final = 5
EXAMPLE_LENGTH: Final = 200


@dataclass(frozen=True, slots=True)
class Related:
    """The links between tables, and a finding for each of them that leaves values unmatched."""

    report: Relationships
    findings: tuple[Finding, ...]


def relate_tables(
    files: Mapping[str, Sequence[Path]],
    profiles: Sequence[TableProfile],
    config: ProfileConfig,
    *,
    folder: Path,
    spill: Path,
) -> Related:
    """Return every link from a column to another table's key.

    Values are compared as text, so that `17850`, 17850 and 17850.0 are one. A link that the canonical tables declare is
    told of whatever its match rate; one that only names or values suggest, from `min_match_rate` on. Values without a
    match are a finding where no suite judges them, and are written below `folder`.

    Args:
        files: The parquet files of each table.
        profiles: The profiles of these tables.
        config: The settings.
        folder: Where the values without a match are written.
        spill: The folder for what does not fit into memory.
    """
    widths = {profile.table: len(profile.columns) for profile in profiles}
    sides = [side for profile in sorted(profiles, key=lambda item: item.table) for side in sides_of(profile)]
    with open_connection(config, spill) as connection:
        values = ValueTables(connection, files, widths)
        found = [
            (child, parent, _relationship(child, parent, values))
            for child, parent in candidate_links(sides)
            if names_agree(child, parent) or _share_values(child, parent, values)
        ]
        kept = {
            (child.table, child.name, parent.table, parent.name): (child, parent, link)
            for child, parent, link in found
            if link.match_rate >= config.min_match_rate or is_declared(child, parent)
        }
        told = [
            (child, parent, link)
            for child, parent, link in kept.values()
            if is_new(child, parent, links_back=(parent.table, parent.name, child.table, child.name) in kept)
        ]
        findings = [
            _orphans(child, parent, link, values=values, folder=folder)
            for child, parent, link in told
            if link.orphan_values and not is_declared(child, parent)
        ]
    return Related(Relationships(relationships=tuple(link for _, _, link in told)), tuple(findings))


def _orphans(child: Side, parent: Side, link: Relationship, *, values: ValueTables, folder: Path) -> Finding:
    name = f"{child.table}.{child.field.place}-{parent.table}.{parent.field.place}"
    keys = f"orphans/{name}.parquet"
    values.write_orphans(child, parent, folder / keys)
    first = next(pq.ParquetFile(folder / keys).iter_batches(EXAMPLES, columns=["value"]))
    return Finding(
        id=f"{child.table}.{child.name}.orphans_of_{parent.table}.{parent.name}",
        table=child.table,
        column=child.name,
        kind="orphan_keys",
        severity="info",
        dimension="consistency",
        count=link.rows - link.matched_rows,
        share=1 - link.match_rate,
        message=f"“{child.name}” points to “{parent.name}” of {parent.table} in {link.matched_rows:,} of {link.rows:,} "
        f"rows; {link.orphan_values:,} of its values are not there.",
        examples=tuple(clipped(text, EXAMPLE_LENGTH) or "" for text in first[0].to_pylist()),
        keys=keys,
        action=f"Where the two should agree, deliver the missing rows of {parent.table}; else there is nothing to do.",
    )


def _share_values(child: Side, parent: Side, values: ValueTables) -> bool:
    if min(child.distinct, parent.distinct) < MIN_VALUES:
        return False
    return values.share_of_sample(child, parent) >= MIN_SAMPLED_SHARE


def _relationship(child: Side, parent: Side, values: ValueTables) -> Relationship:
    matched, orphans, mentioned = values.matches(child, parent)
    return Relationship(
        child_table=child.table,
        child_column=child.name,
        parent_table=parent.table,
        parent_column=parent.name,
        rows=child.present,
        matched_rows=matched,
        match_rate=round(matched / child.present, 6),
        orphan_values=orphans,
        coverage=round(mentioned / parent.rows, 6),
    )
