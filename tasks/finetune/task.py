"""The stages `split` and `finetune`."""

from __future__ import annotations

import pyarrow.parquet as pq

from tasks.assets import specs
from tasks.assets.asset import AssetRef
from tasks.assets.reports import SPLIT_REPORT
from tasks.finetune.config import SplitConfig
from tasks.finetune.split import behaviour_split
from tasks.stage import Build, stage


@stage("split", revision=1, produces=lambda events, **_: (specs.SPLIT,))
def split_behaviour(events: AssetRef, config: SplitConfig, build: Build) -> None:
    """Split behaviour by time into training, validation and test."""
    split = behaviour_split(sorted(build.path(events).glob("part-*.parquet")), config)
    with build.draft(specs.SPLIT) as draft:
        pq.write_table(split.interactions, draft.path / "interactions.parquet", compression="zstd")
        (draft.path / SPLIT_REPORT).write_text(split.report.model_dump_json(indent=2), encoding="utf-8")
        draft.metrics.update(method=split.report.method, **{f"events_{k}": v for k, v in split.report.events.items()})
