"""The stage: describe a table; relate the tables of a shop."""

from __future__ import annotations

import pyarrow.parquet as pq

from tasks.assets import specs
from tasks.assets.asset import AssetRef
from tasks.assets.reports import PROFILE_REPORT, RELATIONSHIPS_REPORT, TableProfile
from tasks.profile import queries
from tasks.profile.config import ProfileConfig
from tasks.profile.describe import describe
from tasks.profile.flat import columns_table, relationships_table
from tasks.profile.references import relationships
from tasks.stage import Build, stage


@stage("profile", revision=1, produces=lambda table, **_: (specs.profile(table),))
def profile(table: str, rows: AssetRef, config: ProfileConfig, build: Build) -> None:
    """Describe every column of a table."""
    with queries.connected(config, build.scratch()) as connection, build.draft(specs.profile(table)) as draft:
        report = describe(connection, table, _source(build, rows), config)
        (draft.path / PROFILE_REPORT).write_text(report.model_dump_json(indent=1), encoding="utf-8")
        pq.write_table(columns_table(report), draft.path / specs.profile(table).main)
        draft.metrics.update({"rows": report.rows, "columns": len(report.columns), "keys": report.keys})


@stage("relate", revision=1, produces=lambda **_: (specs.RELATIONSHIPS,))
def relate(tables: dict[str, AssetRef], profiles: dict[str, AssetRef], config: ProfileConfig, build: Build) -> None:
    """Find which columns point to another table's key."""
    sources = {name: _source(build, ref) for name, ref in tables.items()}
    known = {name: _profile(build, ref) for name, ref in profiles.items()}
    with queries.connected(config, build.scratch()) as connection, build.draft(specs.RELATIONSHIPS) as draft:
        found = relationships(connection, known, sources, config)
        (draft.path / RELATIONSHIPS_REPORT).write_text(found.model_dump_json(indent=1), encoding="utf-8")
        pq.write_table(relationships_table(found), draft.path / specs.RELATIONSHIPS.main)
        draft.metrics["relationships"] = len(found.relationships)


def _source(build: Build, ref: AssetRef) -> str:
    return queries.relation(sorted(build.path(ref).glob(build.manifest(ref).main)))


def _profile(build: Build, ref: AssetRef) -> TableProfile:
    return TableProfile.model_validate_json((build.path(ref) / PROFILE_REPORT).read_text(encoding="utf-8"))
