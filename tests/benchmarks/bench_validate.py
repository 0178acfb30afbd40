"""Validation of 10 M events, against Great Expectations alone on one pandas frame."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from tests.benchmarks.conftest import Ledger

ROWS = 10_000_000
EVENTS = f"""
copy (
  select
    'u' || (hash(i, 1) % 500000)::varchar as user_id,
    case when i % 2001 = 0 then null else 'p' || (hash(i, 2) % 100000)::varchar end as product_id,
    case when i % 997 = 0 then 'browse' else ['view', 'click', 'cart', 'purchase'][1 + (hash(i, 3) % 4)::int] end
      as event_type,
    (timestamp '2026-01-01' + to_seconds((hash(i, 4) % 15000000)::int)
      + case when i % 5003 = 0 then interval 100 year else interval 0 day end) at time zone 'UTC' as timestamp,
    'e' || (case when i % 1009 = 0 then i - 1 else i end)::varchar as event_id,
    (hash(i, 5) % 50)::bigint as position,
    (case when i % 3001 = 0 then -1 else 1 + hash(i, 6) % 5 end)::double as quantity,
    (case when i % 1500 = 0 then -1 else 1 end * (hash(i, 7) % 1000000) / 100)::double as price,
    case when i % 10 = 0 then (hash(i, 8) % 6)::double end as rating
  from range({ROWS}) as t(i)
) to '{{path}}' (format parquet, row_group_size 500000)
"""
PEAK = """
import json, time
def peak():
    return next(int(line.split()[1]) / 1e6 for line in open('/proc/self/status') if line.startswith('VmHWM'))
import great_expectations as gx
"""
PEER = """
import pandas as pd
import great_expectations.expectations as gxe
from great_expectations.data_context.types.base import ProgressBarsConfig
begun = time.perf_counter()
context = gx.get_context(mode='ephemeral')
context.variables.progress_bars = ProgressBarsConfig(globally=False)
frame = pd.read_parquet({path!r})
read = time.perf_counter() - begun
types = ['impression', 'view', 'click', 'search', 'cart', 'favorite', 'purchase', 'rating', 'return']
suite = gx.ExpectationSuite('events', expectations=[
    *[gxe.ExpectColumnValuesToNotBeNull(column=name) for name in ('user_id', 'product_id', 'event_type', 'timestamp')],
    gxe.ExpectColumnValuesToBeInSet(column='event_type', value_set=types),
    gxe.ExpectColumnValuesToBeUnique(column='event_id'),
    gxe.ExpectColumnValuesToBeBetween(column='timestamp', max_value=pd.Timestamp('2027-01-01', tz='UTC')),
    gxe.ExpectColumnValuesToBeBetween(column='timestamp', min_value=pd.Timestamp('1990-01-01', tz='UTC')),
    gxe.ExpectColumnValuesToBeBetween(column='quantity', min_value=0),
    gxe.ExpectColumnValuesToBeBetween(column='price', min_value=0),
    gxe.ExpectColumnValuesToBeBetween(column='rating', min_value=0, max_value=100),
    gxe.ExpectColumnValuesToBeBetween(column='position', min_value=0),
])
batch = context.data_sources.add_pandas('p').add_dataframe_asset('t').add_batch_definition_whole_dataframe('b')
result = batch.get_batch({{'dataframe': frame}}).validate(suite, result_format='BASIC')
seconds = time.perf_counter() - begun
failed = {{}}
for item in result.results:
    config = item.expectation_config
    name = f"{{config.type}} {{config.kwargs['column']}} {{str(config.kwargs.get('max_value'))[:4]}}"
    failed[name] = item.result['unexpected_count']
print(json.dumps({{'seconds': seconds, 'read': read, 'peak': peak(), 'failed': failed}}))
"""
OURS = """
from datetime import UTC, datetime
from pathlib import Path
from tasks.validate.config import ValidateConfig
from tasks.validate.table import Subject, validate_table
begun = time.perf_counter()
subject = Subject('events', (Path({path!r}),), {{}}, None, datetime(2027, 1, 1, tzinfo=UTC))
found = validate_table(subject, ValidateConfig(), folder=Path({folder!r}), spill=Path({spill!r}))
seconds = time.perf_counter() - begun
failed = {{item.id: item.failed for item in found.report.results}}
written = {{item.id: item.failing for item in found.report.results}}
print(json.dumps({{'seconds': seconds, 'peak': peak(), 'failed': failed, 'written': written}}))
"""
SAME = {
    "user_id.not_null": "expect_column_values_to_not_be_null user_id None",
    "product_id.not_null": "expect_column_values_to_not_be_null product_id None",
    "event_type.not_null": "expect_column_values_to_not_be_null event_type None",
    "timestamp.not_null": "expect_column_values_to_not_be_null timestamp None",
    "event_type.known": "expect_column_values_to_be_in_set event_type None",
    "event_id.unique": "expect_column_values_to_be_unique event_id None",
    "timestamp.maximum": "expect_column_values_to_be_between timestamp 2027",
    "timestamp.minimum": "expect_column_values_to_be_between timestamp None",
    "quantity.minimum": "expect_column_values_to_be_between quantity None",
    "price.minimum": "expect_column_values_to_be_between price None",
    "rating.range": "expect_column_values_to_be_between rating 100.",
    "position.minimum": "expect_column_values_to_be_between position None",
}


@pytest.mark.benchmark
def test_ten_million_events_are_judged_in_bounded_time_and_memory(ledger: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "part-0.parquet"
    duckdb.execute("set threads = 2")
    duckdb.execute(EVENTS.format(path=path))

    theirs = _child(PEER.format(path=str(path)))
    ours = _child(OURS.format(path=str(path), folder=str(tmp_path / "out"), spill=str(tmp_path / "spill")))

    ratio = ours["seconds"] / theirs["seconds"]
    is_met = ratio <= 1.2 and ours["peak"] <= 1.5
    ledger.add(
        work=f"validate 10 M events, {len(ours['failed'])} expectations, every failing key",
        peer="GX alone on one pandas frame, 12 expectations",
        needs="≤ 1.2x, ≤ 1.5 GB",
        ours=f"{ours['seconds']:.1f} s, {ours['peak']:.2f} GB",
        theirs=f"{theirs['seconds']:.1f} s ({theirs['read']:.1f} s of it reading), {theirs['peak']:.2f} GB",
        ratio=ratio,
        is_met=is_met,
    )
    assert {name: ours["failed"][name] for name in SAME} == {
        name: theirs["failed"][peer] for name, peer in SAME.items()
    }
    for name in SAME:
        if ours["failed"][name]:
            file = tmp_path / "out" / ours["written"][name]
            assert pq.read_metadata(file).num_rows == ours["failed"][name]
    assert is_met


def _child(code: str) -> dict[str, Any]:  # what the child measured
    done = subprocess.run([sys.executable, "-c", PEAK + code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
