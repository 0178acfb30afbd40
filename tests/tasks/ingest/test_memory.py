"""A file may be larger than the memory it is read in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from tests.pandian import ROOT

ROWS = 340_000
NOTES = f"copy (select i as id, repeat(md5(i::varchar), 64) as note from range({ROWS}) t(i)) to '{{path}}' (header)"
INGEST = """
import json
import pandas  # pyarrow imports it with its first array
from pathlib import Path
from tasks.assets.store import AssetStore
from tasks.ingest.config import IngestConfig, SourceConfig
from tasks.ingest.sources import find_shards
from tasks.ingest.task import merge_shards, read_shard
def peak():
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
before = peak()
folder = Path({folder!r})
store, config = AssetStore(str(folder / "lake")), IngestConfig(memory_limit="128MB", threads=1)
shards = find_shards("notes", [SourceConfig(table="notes", uri="notes.csv")], folder, folder / "spool")
read = [read_shard.fn("notes", shard, config=config, store=store).primary for shard in shards]
merged = merge_shards.fn("notes", read, config=config, store=store)
kept = store.manifest(merged.primary).metrics["rows_kept"]
print(json.dumps({{"bytes": peak() - before, "kept": kept}}))
"""


def test_a_file_larger_than_the_memory_limit_is_never_held_whole() -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "notes.csv"
        duckdb.execute(NOTES.format(path=path))
        size = path.stat().st_size
        call = [sys.executable, "-c", INGEST.format(folder=folder)]
        printed = subprocess.run(call, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    found = json.loads(printed.splitlines()[-1])
    assert found["kept"] == ROWS
    assert size > 5 * 128_000_000
    assert found["bytes"] < 0.75 * size
