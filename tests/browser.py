"""Headless Chromium, as Debian packages it: for tests of pages, and for pictures of them.

`python -m tests.browser INDEX.html OUT.png [WIDTH HEIGHT] [--dark]` takes a picture of the whole page,
or of its first HEIGHT pixels.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS: Final = ("--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-background-networking")


def executable() -> str | None:
    """Return the path of the system's Chromium, or None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextlib.contextmanager
def open_browser() -> Iterator[Browser]:
    """Start Chromium for a while; it reaches no network but the pages' own files."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium for one module: while it lives, its thread has a running event loop, which others would stumble on."""
    assert executable() is not None, "Chromium is not installed: apt-get install chromium."
    with open_browser() as found:
        yield found


def open_page(
    browser: Browser, file: Path, *, width: int = 1400, height: int = 900, scheme: Literal["light", "dark"] = "light"
) -> Page:
    """Open a file in a window of its own."""
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    page.goto(file.resolve().as_uri())
    return page


def take_picture(
    browser: Browser,
    file: Path,
    out: Path,
    *,
    width: int = 1400,
    height: int | None = None,
    scheme: Literal["light", "dark"] = "light",
) -> None:
    """Write a PNG of a page: of the whole page, or of the first `height` pixels."""
    out.parent.mkdir(parents=True, exist_ok=True)
    page = open_page(browser, file, width=width, height=height or 900, scheme=scheme)
    page.screenshot(path=out, full_page=height is None)
    page.context.close()


def main(arguments: list[str]) -> int:
    """Take the picture that the command line asks for."""
    is_dark = "--dark" in arguments
    file, out, *size = [item for item in arguments if item != "--dark"]
    width, height = (int(size[0]), int(size[1]) if len(size) > 1 else None) if size else (1400, None)
    with open_browser() as browser:
        take_picture(browser, Path(file), Path(out), width=width, height=height, scheme="dark" if is_dark else "light")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
