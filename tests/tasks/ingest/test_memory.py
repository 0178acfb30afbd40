"""A file may be larger than the memory it is read in."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.assets.store import AssetStore
from tasks.errors import MemoryLimitError
from tasks.ingest.config import IngestConfig
from tasks.ingest.object_rows import BATCH_CHARACTERS
from tests.pandian import ROOT
from tests.tasks.ingest.ingesting import ingest

ROWS = 250_000
NOTE = 64 * 32
LIMIT = 128_000_000
BESIDE = 320_000_000
"""As much may lie beside what DuckDB is limited to: batches between it, Arrow and Python, and lines of 16 MiB."""

NOTES = f"select i as id, repeat(md5(i::varchar), {NOTE // 32}) as note from range({ROWS}) t(i)"
INGEST = f"""
import json
import pandas  # pyarrow imports it with its first array
from pathlib import Path
from tasks.assets.store import AssetStore
from tasks.ingest import parquet
from tasks.ingest.config import IngestConfig, SourceConfig
from tasks.ingest.sources import find_shards
from tasks.ingest.task import merge_shards, read_shard
def peak():
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
parquet.GROUP_BYTES = parquet.PART_BYTES = 8_000_000  # a file that is larger than these may then be small
parquet.BUFFER = "set max_streaming_buffer_size = '8MB'"
before = peak()
folder = Path({{folder!r}})
store, config = AssetStore(str(folder / "lake")), IngestConfig(memory_limit="{LIMIT // 1_000_000}MB", threads=1)
shards = find_shards("notes", [SourceConfig(table="notes", uri={{name!r}})], folder, folder / "spool")
read = [read_shard.fn("notes", shard, config=config, store=store).primary for shard in shards]
merged = merge_shards.fn("notes", read, config=config, store=store)
kept = store.manifest(merged.primary).metrics["rows_kept"]
print(json.dumps({{{{"bytes": peak() - before, "kept": kept}}}}))
"""


def write(path: Path, options: str) -> None:
    plain = path.with_suffix("") if path.suffix == ".gz" else path
    duckdb.execute(f"copy ({NOTES}) to '{plain}' ({options})")
    if plain != path:
        with plain.open("rb") as source, gzip.open(path, "wb", compresslevel=1) as target:
            shutil.copyfileobj(source, target)
        plain.unlink()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("notes.csv", "format csv, header"),
        ("notes.csv.gz", "format csv, header"),
        ("notes.jsonl", "format json"),
        ("notes.json", "format json, array true"),
        ("notes.parquet", "format parquet, compression uncompressed, row_group_size 4096"),
    ],
)
def test_a_file_larger_than_the_memory_limit_is_never_held_whole(name: str, options: str) -> None:
    with TemporaryDirectory() as folder:
        write(Path(folder) / name, options)
        call = [sys.executable, "-c", INGEST.format(folder=folder, name=name)]
        printed = subprocess.run(call, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    found = json.loads(printed.splitlines()[-1])
    assert found["kept"] == ROWS
    assert found["bytes"] < LIMIT + BESIDE < ROWS * NOTE


def test_large_objects_are_written_few_at_a_time(store: AssetStore, tmp_path: Path) -> None:
    note = "x" * (BATCH_CHARACTERS // 8)
    (tmp_path / "notes.jsonl").write_text("".join(f'{{"id": {i}, "note": "{note}"}}\n' for i in range(24)), "utf-8")
    written = 0

    def write_table(writer: pq.ParquetWriter, table: pa.Table) -> None:
        nonlocal written
        written = max(written, table.nbytes)
        original(writer, table)

    original = pq.ParquetWriter.write_table
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pq.ParquetWriter, "write_table", write_table)
        found = ingest(store, tmp_path, {"table": "notes", "uri": "notes.jsonl"})
    assert found.metrics["rows_kept"] == 24
    assert written < 2.5 * BATCH_CHARACTERS, "of three times as much in the file"


@pytest.mark.parametrize("suffix", ["parquet", "csv", "jsonl"])
def test_a_limit_that_is_too_low_is_told_as_one_and_not_as_damage(
    store: AssetStore, tmp_path: Path, suffix: str
) -> None:
    form = "json" if suffix == "jsonl" else suffix
    notes = "select md5(range::varchar) as note from range(200000)"
    duckdb.execute(f"copy ({notes}) to '{tmp_path}/notes.{suffix}' (format {form})")
    config = IngestConfig(memory_limit="1MB", threads=1)
    with pytest.raises(MemoryLimitError, match="`memory_limit` 1MB with 1 threads is too little: "):
        ingest(store, tmp_path, {"table": "notes", "uri": f"notes.{suffix}"}, config=config)
