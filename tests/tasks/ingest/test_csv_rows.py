"""Rows of csv that are set aside, and those that are not, are told by the line they begin at."""

from __future__ import annotations

import json
import subprocess
import sys
from array import array
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tasks.ingest.config import SourceConfig
from tasks.ingest.csv_records import PhysicalLines
from tasks.ingest.csv_rows import csv_rows, set_rejects_aside
from tasks.ingest.raw import RawRows
from tasks.ingest.texts import PlainText, plain_text
from tests.pandian import ROOT

PARTS = st.sampled_from(['"', ' "', ',"', '",', '"\n', ",", ", ", "\n", "\r", " ", "é", "a", ";"])
MEASURED = """
import json
import pandas  # pyarrow imports it with its first array
from pathlib import Path
from tasks.ingest.config import IngestConfig, SourceConfig
from tasks.ingest.rows import raw_rows
from tasks.bounds import connect
from tasks.ingest.standardise import standardise
def peak():
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
folder, config = Path({folder!r}), IngestConfig(threads=1)
source = SourceConfig(table="coupons", uri="p.csv")
with connect(config, folder / "spill") as connection:
    before = peak()
    rows = raw_rows(connection, folder / "p.csv", source, member=None, folder=folder)
    counts = standardise(connection, rows, source, config, folder=folder, file="p.csv")
print(json.dumps({{"bytes": peak() - before, "quarantined": counts.rows_quarantined}}))
"""
Rows = list[tuple[str | None, str | None]]


def read(folder: Path, content: str) -> tuple[dict[int, str], dict[int, str]]:
    """The rows of a csv and the records set aside, by their lines, each as its first line's beginning."""
    (folder / "p.csv").write_text(content, "utf-8", newline="")
    plain = plain_text(folder / "p.csv", encoding="auto", folder=folder)
    with duckdb.connect(config={"threads": 1}) as connection:
        rows = csv_rows(connection, plain, SourceConfig(table="coupons", uri="p.csv"), folder)
        values: Rows = connection.execute(f"select * from {rows.relation}").fetchall()
        set_rejects_aside(connection, rows, usable=len(values))
    assert rows.plain is not None
    assert rows.rejects is not None
    rejects = rows.rejects.lines
    rows.facts["rows_span_lines"] = "no" if len(values) + 1 + len(rejects) == rows.plain.lines else "yes"
    lines = PhysicalLines(rows, rejects).of(range(1, len(values) + 1))
    found = {line: first or "" for line, (first, _) in zip(lines, values, strict=True)}
    rows.rejects.close()
    aside = {item["line"]: item["row"] for item in pq.read_table(rows.rejects.path).to_pylist()}
    assert len(found) + len(aside) == len(values) + len(rejects)  # no line is told twice
    return found, aside


@settings(max_examples=150, deadline=None)
@given(st.lists(PARTS, max_size=9), st.sampled_from(["\n", "\r\n"]))
@example(["\r", "é", "\n", ' "', ",", '"\n', ";", "\n"], "\n")
@example(['"', ",", '"', ";;", '"\n', '",'], "\r\n")
@example([" ", ' "', "\n", '"', ",", "a", "\n"], "\n")
@example(['",', ",", '"\n', "\n", "\n", ",", ";", "\n"], "\r\n")
def test_each_record_is_told_by_the_line_it_begins_at(
    tmp_path_factory: pytest.TempPathFactory, parts: list[str], end: str
) -> None:
    body = "".join(parts)
    assume('" ' not in body)  # DuckDB goes on behind it as in a quoted cell, if a quote follows
    content = f"sku,name{end}sure,thing{end}{body}"
    rows, aside = read(tmp_path_factory.mktemp("csv"), content)
    physical = content.split("\n")
    for line, text in aside.items():
        assert physical[line - 1].rstrip("\r") == text.split("\n")[0].rstrip("\r")
    for line, text in rows.items():
        assert bare(physical[line - 1]).startswith(bare(text.split("\n")[0]))
    assert not set(rows) & set(aside)


@pytest.mark.parametrize("broken", [10, 1_000])
def test_records_are_set_aside_alike_however_many_they_are(tmp_path: Path, broken: int) -> None:
    lines = ["1,a,b", "2", "3,", "4,d,,", "", "5,e, ", '6,"f', 'g",h', '7,"i', 'j"']
    content = "\n".join(["sku,name", *lines * (broken // 5), "sure,thing"]) + "\n"
    rows, aside = read(tmp_path, content)
    first = {line: text for line, text in aside.items() if line < 12}
    assert first == {2: "1,a,b", 3: "2", 7: "5,e, ", 8: '6,"f\ng",h'}
    assert {line: text for line, text in rows.items() if line < 12} == {4: "3", 5: "4", 10: "7"}
    assert (len(aside), len(rows)) == (4 * (broken // 5), 3 * (broken // 5) + 1)


def test_many_records_that_are_set_aside_need_little_memory(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("sku,name\nsure,thing\n" + "1,pen,more\n" * 300_000, "utf-8")
    code = MEASURED.format(folder=str(tmp_path))
    printed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    found = json.loads(printed.splitlines()[-1])
    assert found["quarantined"] == 300_000
    assert found["bytes"] < 150_000_000


@pytest.mark.timeout(20)
def test_a_line_behind_many_that_are_left_out_is_found_at_once(tmp_path: Path) -> None:
    plain = PlainText(tmp_path / "p.csv", "utf-8", 400_000)
    rows = RawRows("", {"sku": "VARCHAR"}, {"format": "csv"}, plain=plain, removed=range(3, 200_003))
    lines = PhysicalLines(rows, array("q", range(200_003, 400_003))).of(range(1, 20_001))
    assert (lines[0], lines[1], lines[-1]) == (2, 400_003, 420_001)


def bare(text: str) -> str:
    return text.replace('"', "").replace(" ", "").rstrip("\r")
