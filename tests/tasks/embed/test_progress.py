from __future__ import annotations

import re

import pytest

from tasks.embed.progress import progress


def test_without_a_terminal_a_line_tells_texts_rate_and_time_left() -> None:
    lines: list[str] = []
    with progress(10, 2, lines.append, is_terminal=False, every_s=0) as bar:
        bar.update(3)
    assert lines[-1].startswith("embed: 5 of 10 texts, ")
    assert lines[-1].endswith(" left")
    assert "texts/s" in lines[-1]


def test_what_is_done_at_once_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    lines: list[str] = []
    with progress(10, 0, lines.append, is_terminal=False) as bar:
        bar.update(10)
    assert lines == []
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_a_bar_and_no_lines(capsys: pytest.CaptureFixture[str]) -> None:
    lines: list[str] = []
    with progress(10, 0, lines.append, is_terminal=True) as bar:
        bar.update(4)
        bar.refresh()
        bar.update(6)
    assert lines == []
    shown = capsys.readouterr().err.split("\r")
    time_left_and_rate = re.compile(r" 40%\|.*\| 4/10 \[\d\d:\d\d<\d\d:\d\d, .*texts/s\]")
    assert any(map(time_left_and_rate.search, shown))
    assert "100%" in shown[-1]
