"""A table may be larger than the memory it is described in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from tests.pandian import ROOT

LIMIT = 128_000_000
ALLOWANCE = 150_000_000
"""The batches in hand, and what libraries load with their first use."""
ROWS = 300_000
NOTES = f"""
copy (select hash(i) as note_id, repeat(md5(i::varchar), 64) as note, i / 7 as price from range({ROWS}) t(i))
to '{{path}}' (format parquet, row_group_size 20480)
"""
PROFILE = """
import json
import pandas  # pyarrow imports it with its first array
from pathlib import Path
from tasks.profile.config import ProfileConfig
from tasks.profile.table import describe_table
def peak():
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
before = peak()
config = ProfileConfig(memory_limit="128MB", threads=1)
found = describe_table("notes", [Path({path!r})], config, spill=Path({path!r}).parent)
print(json.dumps({{"bytes": peak() - before, "keys": found.keys, "longest": found.columns[1].text.max_length}}))
"""


def test_a_table_larger_than_the_memory_limit_is_described_within_it() -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "notes.parquet"
        duckdb.execute(NOTES.format(path=path))
        call = [sys.executable, "-c", PROFILE.format(path=str(path))]
        printed = subprocess.run(call, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    found = json.loads(printed.splitlines()[-1])
    assert (found["keys"], found["longest"]) == ([["note_id"]], 2048)
    assert ROWS * 2048 > 2 * (LIMIT + ALLOWANCE)
    assert found["bytes"] < LIMIT + ALLOWANCE
