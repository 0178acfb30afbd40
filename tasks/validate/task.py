"""The stage: read the table and those it refers to, judge it, write what was found."""

from __future__ import annotations

from expectations.suites import parents
from tasks.assets import specs
from tasks.assets.asset import AssetRef
from tasks.stage import Build, stage
from tasks.validate.config import ValidateConfig
from tasks.validate.table import Subject, validate_table


@stage("validate", revision=4, produces=lambda table, **_: (specs.validation(table),))
def validate(
    table: str,
    rows: AssetRef,
    related: dict[str, AssetRef],
    suite: str | None,
    config: ValidateConfig,
    build: Build,
) -> None:
    """Judge a table by its suite.

    Args:
        table: The table's name.
        rows: The table.
        related: The shop's tables by name; those that the suite looks into are read.
        suite: The text of the shop's own suite for the table, as Great Expectations writes it.
        config: The settings.
        build: What is read and written.
    """
    needed = {name: ref for name, ref in related.items() if name in parents(table)}
    subject = Subject(
        table=table,
        files=build.files(rows),
        parents={name: build.files(ref) for name, ref in needed.items()},
        own_suite=suite,
        ingested_at=build.manifest(rows).finished_at,
    )
    with build.draft(specs.validation(table)) as draft:
        found = validate_table(subject, config, folder=draft.path, spill=build.scratch())
        draft.metrics.update(found.metrics)
        draft.findings.extend(found.findings)
        draft.verdict = found.report.verdict
