"""The stage: one task per file, which standardises it, and one per table, which merges its files."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import duckdb

from tasks.assets import specs
from tasks.assets.asset import AssetRef
from tasks.assets.store import Draft
from tasks.bounds import connect
from tasks.ingest.accounts import check_accounts
from tasks.ingest.config import IngestConfig
from tasks.ingest.fetching import local_file, unchanged
from tasks.ingest.findings import ingest_findings
from tasks.ingest.merge import Merged, merge, shard_names
from tasks.ingest.notices import notices
from tasks.ingest.parquet import files_relation
from tasks.ingest.rows import raw_rows
from tasks.ingest.sources import Shard
from tasks.ingest.stacking import ShardInput
from tasks.ingest.standardise import standardise
from tasks.schemas import literal
from tasks.stage import Build, stage


@stage("read", revision=10, produces=lambda table, shard, **_: (specs.shard(table, shard.name),))
def read_shard(table: str, shard: Shard, config: IngestConfig, build: Build) -> None:
    """Standardise one file of a table."""
    scratch = build.scratch()
    with (
        connect(config, scratch / "spill") as connection,
        build.draft(specs.shard(table, shard.name)) as draft,
        unchanged(shard),
    ):
        file = local_file(shard, scratch)
        rows = raw_rows(connection, file, shard.source, member=shard.member, folder=scratch, name=shard.where)
        counts = standardise(
            connection,
            rows,
            shard.source,
            config,
            folder=draft.path,
            file=shard.where,
            is_one_of_many=shard.is_one_of_many,
        )
        draft.metrics.update({"priority": shard.source.priority, **asdict(counts)})


@stage("merge", revision=7, produces=lambda table, **_: (specs.table(table), specs.quarantine(table)))
def merge_shards(table: str, shards: list[AssetRef], config: IngestConfig, build: Build) -> None:
    """Merge a table's files, resolve conflicts, and account for every row."""
    names = shard_names(table, shards)
    inputs = [_input(name, ref, build) for name, ref in zip(names, shards, strict=True)]
    for notice in notices(table, inputs, shards, next(iter(build.store.versions(specs.table(table).key)), None)):
        build.log(notice)
    with connect(config, build.scratch() / "spill") as connection, build.draft(specs.quarantine(table)) as draft:
        _write_quarantine(connection, inputs, draft.path)
        with build.draft(specs.table(table)) as merged_draft:
            merged = merge(connection, table, inputs, config, merged_draft.path)
            check_accounts(table, merged.sources, rows=merged_draft.path, quarantine=draft.path)
            merged_draft.findings.extend(ingest_findings(connection, table, inputs, merged, merged_draft.path))
            _describe(merged_draft, merged, inputs)


def _input(name: str, ref: AssetRef, build: Build) -> ShardInput:
    folder, manifest = build.path(ref), build.manifest(ref)
    return ShardInput(
        name=name,
        source=json.dumps(manifest.arguments["shard"]["source"], sort_keys=True),
        rows=folder / "rows-0.parquet",
        quarantine=folder / "quarantine.parquet",
        priority=manifest.metrics["priority"],
        metrics=manifest.metrics,
    )


def _write_quarantine(connection: duckdb.DuckDBPyConnection, inputs: list[ShardInput], folder: Path) -> None:
    rows, target = files_relation([item.quarantine for item in inputs]), literal(str(folder / "part-0.parquet"))
    connection.execute(f"copy (select * from {rows}) to {target} (format parquet)")


def _describe(draft: Draft, merged: Merged, inputs: list[ShardInput]) -> None:
    rules: dict[str, int] = {}
    for item in inputs:
        for rule, count in item.metrics["rules"].items():
            rules[rule] = rules.get(rule, 0) + count
    draft.metrics.update(asdict(merged.total))
    draft.metrics["sources"] = {name: asdict(counts) for name, counts in merged.sources.items()}
    draft.metrics["rules"] = rules
    draft.metrics["repeats_merged"] = merged.repeats
    draft.metrics["conflicts_merged"] = merged.conflicts
    draft.metrics["files"] = {item.name: item.metrics["facts"] for item in inputs}
    draft.metrics["drift"] = merged.drift
