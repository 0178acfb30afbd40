"""What commands print for people, on a terminal and elsewhere."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

from rich.console import Console

from flows.markdown import WholeMarkdown
from tests.pandian import environment

CARD = "## Metrics\n\n| model | ndcg |\n|---|---|\n| **EASE** | 0.61 |\n\nNot \x1b[2Jcleared.\n"
PRINTS = f"from flows.commands.output import print_markdown; print_markdown({CARD!r})"


def test_markdown_is_laid_out_on_a_terminal() -> None:
    ours, theirs = pty.openpty()
    env = {**environment(), "TERM": "dumb", "COLUMNS": "80"}
    subprocess.run([sys.executable, "-c", PRINTS], env=env, stdout=theirs, check=True)
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert "EASE" in shown
    assert not {"##", "|---", "**", "\x1b[2J"} & {part for part in ("##", "|---", "**", "\x1b[2J") if part in shown}


def test_a_wide_table_loses_nothing_on_a_narrow_terminal() -> None:
    names = [f"a_metric_at_{number}" for number in range(8)]
    console = Console(width=60)
    with console.capture() as captured:
        console.print(WholeMarkdown(f"|{'|'.join(names)}|\n{'|---' * 8}|\n{'|0.1234 (0.1–0.2)' * 8}|\n"))
    assert "…" not in captured.get()


def test_markdown_stays_markdown_in_a_pipe() -> None:
    done = subprocess.run([sys.executable, "-c", PRINTS], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout == CARD.replace("\x1b", "\\x1b") + "\n"
