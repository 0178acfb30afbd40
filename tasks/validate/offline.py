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
    r"""<script\b[^>]*\bsrc=["']https?://[^>]*>\s*</script>|<link\b[^>]*>|<img\b[^>]*\bsrc=["']https?://[^>]*>""",
    re.IGNORECASE,
)
HANDLER: Final = re.compile(r"""\son[a-z]+="[^"]*"(?=[^<>]*>)""", re.IGNORECASE)
SCRIPT: Final = re.compile(r"<script\b.*?</script>", re.IGNORECASE | re.DOTALL)
FOOTER: Final = re.compile(r"<(footer)\b.*?</\1>", re.IGNORECASE | re.DOTALL)
RANDOM: Final = re.compile(r"(?<=collapse-body)-[0-9a-f-]{36}")
PICTURE: Final = re.compile(r"url\('https?://[^']*'\)")
UNDATED: Final = re.compile(
    r" / stocktake / [0-9T:Z.-]+|<tr[^>]*>(?:(?!</tr>).)*>Run (?:Time|Name)<(?:(?!</tr>).)*</tr>", re.DOTALL
)
MARKUP: Final = "<>&\"'$"
STAND_INS: Final = {ord(letter): 0xFDD0 + place for place, letter in enumerate(MARKUP)}
"""Great Expectations escapes some texts and not others, and takes `$` for a name of its own; these it leaves alone.

Unicode has them for such inner use. Whatever they stand in, they come out as text.
"""
SHOWN: Final = {stand_in: html.escape(chr(letter)) for letter, stand_in in STAND_INS.items()}
SPELLED: Final = re.compile(r"\\u(fdd[0-5])")
"""A stand-in as Python and JSON spell it within a list or an object."""
WORDS: Final = frozenset({"operator", "$PARAMETER"})
"""Arguments that hold a word of Great Expectations' own, which it must be able to read."""
POLICY: Final = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data:; base-uri 'none'; form-action 'none'\">"
)
"""What the browser holds a page to, should a text of the data be taken for markup after all."""
INDEX: Final = """<!DOCTYPE html>
<html lang="en"><head>{policy}<meta charset="UTF-8"><title>{title}</title><style>{style}</style></head><body>
<h1>{title}</h1>
<ul><li><a href="{results}">What the suite says</a></li><li><a href="expectations/{name}.html">The suite</a></li></ul>
</body></html>
"""


def safe(value: Any) -> Any:  # a JSON value of any shape
    """Return a value of the data as `offline_page` shows it and no browser runs it: its markup under stand-ins."""
    if isinstance(value, str):
        return value.translate(STAND_INS)
    if isinstance(value, list | tuple):
        return [safe(item) for item in value]
    if isinstance(value, dict):
        return dict((name, item) if name in WORDS else (safe(name), safe(item)) for name, item in value.items())
    return value


def offline_page(page: str) -> str:
    """Return a page that fetches nothing, runs nothing and names no time, with a style of its own.

    What `safe` put stand-ins in is shown as it was.
    """
    for pattern in (EXTERNAL, SCRIPT, HANDLER, FOOTER, UNDATED, RANDOM):
        page = pattern.sub("", page)
    page = PICTURE.sub("none", page).replace("<head>", f"<head>\n{POLICY}", 1)
    page = page.replace("</head>", f"<style>{STYLE}</style>\n</head>", 1)
    return SPELLED.sub(lambda found: chr(int(found[1], 16)), page).translate(SHOWN)


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
    page = INDEX.format(
        policy=POLICY, title=title, style=STYLE, results=html.escape(results.as_posix()), name=html.escape(table)
    )
    (folder / "index.html").write_text(page, encoding="utf-8")
