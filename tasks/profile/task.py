"""The stages: describe one table, and relate all tables."""

from __future__ import annotations

import pyarrow.parquet as pq

from tasks.assets import specs
from tasks.assets.asset import AssetRef
from tasks.assets.reports import PROFILE_REPORT, RELATIONSHIPS_REPORT, TableProfile
from tasks.profile.config import ProfileConfig
from tasks.profile.output import columns_table, relationships_table
from tasks.profile.relations import relate_tables
from tasks.profile.table import constant_columns, describe_table, element_counts
from tasks.stage import Build, stage


@stage("profile", revision=6, produces=lambda table, **_: (specs.profile(table),))
def profile(table: str, rows: AssetRef, config: ProfileConfig, build: Build) -> None:
    """Describe every column of a table.

    Args:
        table: The table's name.
        rows: The table.
        config: The settings.
        build: What is read and written.
    """
    files = build.files(rows)
    found = describe_table(table, files, config, spill=build.scratch())
    elements = element_counts(files, found, config, spill=build.scratch())
    with build.draft(specs.profile(table)) as draft:
        (draft.path / PROFILE_REPORT).write_text(found.model_dump_json(indent=1), encoding="utf-8")
        pq.write_table(columns_table(found), draft.path / "columns.parquet")
        draft.metrics.update(table_rows=found.rows, columns=len(found.columns), keys=[list(key) for key in found.keys])
        draft.metrics.update(elements=elements)
        draft.findings.extend(constant_columns(found))


@stage("relate", revision=5, produces=lambda **_: (specs.RELATIONSHIPS,))
def relate(tables: dict[str, AssetRef], profiles: dict[str, AssetRef], config: ProfileConfig, build: Build) -> None:
    """Find the columns of a shop's tables that point to other tables.

    Args:
        tables: The tables by name.
        profiles: Their profiles, by the same names.
        config: The settings.
        build: What is read and written.
    """
    files = {name: build.files(ref) for name, ref in tables.items()}
    described = [_profile(build, ref) for ref in profiles.values()]
    with build.draft(specs.RELATIONSHIPS) as draft:
        found = relate_tables(files, described, config, folder=draft.path, spill=build.scratch())
        (draft.path / RELATIONSHIPS_REPORT).write_text(found.report.model_dump_json(indent=1), encoding="utf-8")
        pq.write_table(relationships_table(found.report), draft.path / "relationships.parquet")
        draft.metrics.update(relationships=len(found.report.relationships))
        draft.findings.extend(found.findings)


def _profile(build: Build, ref: AssetRef) -> TableProfile:
    return TableProfile.model_validate_json((build.path(ref) / PROFILE_REPORT).read_text(encoding="utf-8"))
