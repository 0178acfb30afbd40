"""A table may be larger than the memory it is judged in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from tests.pandian import ROOT

ROWS = 220_000
NOTES = f"""
copy (select i as note_id, repeat(md5(greatest(i, 1)::varchar), 64) as note from range({ROWS}) t(i))
to '{{path}}' (format parquet, row_group_size 20480)
"""
SUITE = {
    "name": "notes",
    "expectations": [
        {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "note"}},
        {"type": "expect_column_value_lengths_to_equal", "kwargs": {"column": "note", "value": 2048}},
    ],
}
VALIDATE = """
import json
from datetime import UTC, datetime
from pathlib import Path
from tasks.validate.config import ValidateConfig
from tasks.validate.engine import known_types
from tasks.validate.table import Subject, validate_table
known_types()  # loads Great Expectations
def peak():
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
before = peak()
config = ValidateConfig(memory_limit="128MB", threads=1, partition_rows=8_000)
path = Path({path!r})
subject = Subject("notes", (path,), {{}}, {suite!r}, datetime(2026, 1, 1, tzinfo=UTC))
found = validate_table(subject, config, folder=path.parent / "out", spill=path.parent / "spill")
print(json.dumps({{"bytes": peak() - before, "failed": [item.failed for item in found.report.results[-2:]]}}))
"""


def test_a_table_larger_than_the_memory_limit_is_judged_within_it() -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "notes.parquet"
        duckdb.execute(NOTES.format(path=path))
        call = [sys.executable, "-c", VALIDATE.format(path=str(path), suite=json.dumps(SUITE))]
        printed = subprocess.run(call, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    found = json.loads(printed.splitlines()[-1])
    assert found["failed"] == [2, 0]
    assert ROWS * 2048 > 3 * 128_000_000
    assert found["bytes"] < 0.75 * ROWS * 2048
