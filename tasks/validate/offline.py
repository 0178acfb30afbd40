"""Makes Data Docs pages safe and whole without a network: nothing is fetched, and nothing from the data is run."""

from __future__ import annotations

import html
import re
import shutil
from pathlib import Path
from typing import Any, Final

STYLE: Final = """
body { font: 14px/1.5 system-ui, sans-serif; margin: 0 2rem; color: #222 }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 }
th, td { border: 1px solid #ddd; padding: .3rem .6rem }
th { text-align: left; background: #f4f4f4 } td { vertical-align: top; word-break: break-word }
.badge { border-radius: .2rem; background: #eee; padding: 0 .3rem; margin-right: .3rem }
.table-success { background: #e6f4ea } .table-danger, .table-warning { background: #fdecea }
.collapse, .cooltip .top, .btn, script { display: none } .container-fluid { padding: 0 }
.fa-check-circle::before { content: "\\2714"; color: #188038 } .fa-times::before { content: "\\2718"; color: #c5221f }
.fa-exclamation-triangle::before { content: "!"; color: #b06000 }
"""
EXTERNAL: Final = re.compile(
    r"""<script\b[^>]*\bsrc=["']https?://[^>]*>\s*</script>|<(?:link|img)\b[^>]*\b(?:href|src)=["']https?://[^>]*>""",
    re.IGNORECASE,
)
SCRIPT: Final = re.compile(r"<script\b.*?</script>", re.IGNORECASE | re.DOTALL)
FOOTER: Final = re.compile(r"<(footer)\b.*?</\1>", re.IGNORECASE | re.DOTALL)
RANDOM: Final = re.compile(r"(?<=collapse-body)-[0-9a-f-]{36}")
PICTURE: Final = re.compile(r"url\('https?://[^']*'\)")
UNDATED: Final = re.compile(
    r" / stocktake / [0-9T:Z.-]+|<tr[^>]*>(?:(?!</tr>).)*>Run (?:Time|Name)<(?:(?!</tr>).)*</tr>", re.DOTALL
)
INDEX: Final = """<!DOCTYPE html>
<html lang="en"><head><meta charset="UTF-8"><title>{title}</title><style>{style}</style></head><body>
<h1>{title}</h1>
<ul><li><a href="{results}">What the suite says</a></li><li><a href="expectations/{name}.html">The suite</a></li></ul>
</body></html>
"""


def safe(value: Any) -> Any:  # a JSON value of any shape
    """Return a value of the data as text that a page shows and never runs."""
    if isinstance(value, str):
        return html.escape(value)
    if isinstance(value, list | tuple):
        return [safe(item) for item in value]
    if isinstance(value, dict):
        return {name: safe(item) for name, item in value.items()}
    return value


def offline_page(page: str) -> str:
    """Return a page that fetches nothing, runs nothing and names no time, with a style of its own."""
    for pattern in (EXTERNAL, SCRIPT, FOOTER, UNDATED, RANDOM):
        page = pattern.sub("", page)
    return PICTURE.sub("none", page).replace("</head>", f"<style>{STYLE}</style>\n</head>", 1)


def make_offline(folder: Path, *, table: str, results: Path) -> None:
    """Rewrite every page below a folder, and remove what they no longer name.

    Great Expectations fills its index by script; one without takes its place.

    Args:
        folder: The folder.
        table: The table's name.
        results: The results' page, below the folder.
    """
    shutil.rmtree(folder / "static")
    for path in sorted(folder.rglob("*.html")):
        path.write_text(offline_page(path.read_text(encoding="utf-8")), encoding="utf-8")
    title = html.escape(f"Validation of {table}")
    page = INDEX.format(title=title, style=STYLE, results=results.as_posix(), name=table)
    (folder / "index.html").write_text(page, encoding="utf-8")
