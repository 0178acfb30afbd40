"""Ingests files as a run does, in one call."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from tasks.assets.asset import AssetRef
from tasks.assets.manifest import Manifest
from tasks.assets.store import AssetStore
from tasks.ingest.config import IngestConfig, SourceConfig
from tasks.ingest.sources import find_shards
from tasks.ingest.task import merge_shards, read_shard
from tests.pandian import ROOT


@dataclass(frozen=True)
class Ingested:
    """A table, what was set aside, and what the manifest says."""

    rows: pa.Table
    quarantine: pa.Table
    manifest: Manifest
    folder: Path
    statuses: tuple[str, ...]

    @property
    def metrics(self) -> dict[str, Any]:
        """The manifest's metrics."""
        return self.manifest.metrics

    @property
    def accounts(self) -> tuple[int, ...]:
        """Rows read, kept, merged, quarantined."""
        names = ("rows_read", "rows_kept", "rows_merged", "rows_quarantined")
        return tuple(self.metrics[name] for name in names)

    def column(self, name: str) -> list[Any]:
        """A column's values."""
        return list(self.rows[name].to_pylist())


def ingest(
    store: AssetStore,
    base: Path,
    *sources: dict[str, Any],
    config: IngestConfig | None = None,
    table: str | None = None,
) -> Ingested:
    """Ingest the sources of one table; what a source does not say is as by default."""
    chosen = [SourceConfig(**source) for source in sources]
    name = table or chosen[0].table
    settings = config or IngestConfig()
    shards = find_shards(name, chosen, base, Path(store.url) / "spool")
    read = [read_shard.fn(name, shard, config=settings, store=store) for shard in shards]
    merged = merge_shards.fn(name, [item.primary for item in read], config=settings, store=store)
    return Ingested(
        rows=_table(store, merged.primary),
        quarantine=_table(store, merged[f"quarantine/{name}"]),
        manifest=store.manifest(merged.primary),
        folder=store.path(merged.primary),
        statuses=tuple(item.status for item in (*read, merged)),
    )


def ingest_shop(store: AssetStore, shop: str) -> dict[str, Ingested]:
    """Ingest every table of a shop in tests/shops."""
    config = ROOT / "tests" / "shops" / f"{shop}.yaml"
    sources: dict[str, list[dict[str, Any]]] = {}
    for source in yaml.safe_load(config.read_text(encoding="utf-8"))["sources"]:
        sources.setdefault(source["table"], []).append(source)
    return {table: ingest(store, config.parent, *found) for table, found in sources.items()}


def _table(store: AssetStore, ref: AssetRef) -> pa.Table:
    files = sorted(store.path(ref).glob("part-*.parquet"))
    return pa.concat_tables([pq.read_table(file) for file in files])
