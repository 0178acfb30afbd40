"""Rows of csv that are set aside, and those that are not, are told by the line they begin at."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tasks.ingest.config import SourceConfig
from tasks.ingest.csv_rows import PhysicalLines, csv_rejects, csv_rows
from tasks.ingest.texts import plain_text

PARTS = st.sampled_from(['"', ' "', ',"', '",', '"\n', ",", ", ", "\n", "\r", " ", "é", "a", ";"])
Rows = list[tuple[str | None, str | None]]


def read(folder: Path, content: str) -> tuple[dict[int, str], dict[int, str]]:
    """The rows of a csv and the records set aside, by their lines, each as its first line's beginning."""
    (folder / "p.csv").write_text(content, "utf-8", newline="")
    plain = plain_text(folder / "p.csv", encoding="auto", folder=folder)
    with duckdb.connect(config={"threads": 1}) as connection:
        rows = csv_rows(connection, plain, SourceConfig(table="coupons", uri="p.csv"), folder)
        values: Rows = connection.execute(f"select * from {rows.relation}").fetchall()
        rejects = csv_rejects(connection, rows, usable=len(values))
    assert rows.plain is not None
    rows.facts["rows_span_lines"] = "no" if len(values) + 1 + len(rejects) == rows.plain.lines else "yes"
    lines = PhysicalLines(rows, [item.line for item in rejects]).of(range(1, len(values) + 1))
    found = {line: first or "" for line, (first, _) in zip(lines, values, strict=True)}
    aside = {item.line: item.row for item in rejects}
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


def bare(text: str) -> str:
    return text.replace('"', "").replace(" ", "").rstrip("\r")
