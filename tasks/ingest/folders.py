"""Finds the files of a folder or a pattern, links followed, and a lake's own left out."""

from __future__ import annotations

import errno
import fnmatch
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tasks.errors import UsageError

WILDCARDS: Final = re.compile(r"[*?\[]")
MARK_OF_A_LAKE: Final = ".locks/run"
"""Every run holds this file of its lake, whose tables would otherwise be sources of themselves."""


def has_hidden(path: str) -> bool:
    """Return whether a file, or a folder that it lies in, is one that writers put aside: `_temporary`, `.git`."""
    return any(part.startswith((".", "_")) for part in path.split("/"))


def demand_pattern(pattern: str) -> None:
    """Return if a pattern means something.

    Raises:
        UsageError: `**` is a part of a name.
    """
    if any("**" in part and part != "**" for part in pattern.split("/")):
        raise UsageError(
            problem=f"“{pattern}” means nothing: `**` stands for folders, and is no part of a name.",
            fix="Write, for instance, `days/**/*.csv` as `uri` under `sources` in shop.yaml.",
        )


def files_below(root: Path) -> Iterator[Path]:
    """Yield the files of a folder and of those below it; what writers put aside is left out.

    Raises:
        FileNotFoundError: A link leads nowhere.
    """
    for folder in _folders(root, hidden=(".", "_")):
        for path in folder.iterdir():
            if not has_hidden(path.name) and _leads_somewhere(path) and path.is_file():
                yield path


def files_like(root: Path, pattern: str) -> Iterator[Path]:
    """Yield the files that a pattern means; `**` means a folder and all below it whose names begin with no point.

    Raises:
        FileNotFoundError: A link leads nowhere.
    """
    return _matching(root, pattern.split("/"))


def _matching(folder: Path, parts: list[str]) -> Iterator[Path]:
    first, rest = parts[0], parts[1:]
    if first == "**":
        for each in _folders(folder, hidden=(".",)):
            yield from _matching(each, rest or ["[!.]*"])
        return
    for path in _named(folder, first):
        if rest and _leads_somewhere(path) and path.is_dir():
            yield from _matching(path, rest)
        elif not rest and _leads_somewhere(path) and path.is_file():
            yield path


def _named(folder: Path, name: str) -> list[Path]:
    if WILDCARDS.search(name):
        return [path for path in folder.iterdir() if fnmatch.fnmatchcase(path.name, name)]
    path = folder / name
    return [path] if path.is_symlink() or path.exists() else []


def _folders(root: Path, *, hidden: tuple[str, ...]) -> Iterator[Path]:
    """A folder and those below it, each once: by its own place rather than by a link to it."""
    entered = {*root.resolve().parents}
    waiting, linked = [root], list[Path]()
    while waiting or linked:
        folder = waiting.pop() if waiting else linked.pop()
        if folder.resolve() in entered:
            continue
        entered.add(folder.resolve())
        yield folder
        below = [path for path in folder.iterdir() if not path.name.startswith(hidden) and _is_folder(path)]
        waiting += [path for path in below if not path.is_symlink()]
        linked = sorted([*linked, *(path for path in below if path.is_symlink())], reverse=True)


def _is_folder(path: Path) -> bool:
    """Whether it is one to look into. A link without a suffix that leads nowhere may have led to one."""
    if path.is_symlink() and not path.suffix:
        _leads_somewhere(path)
    return path.is_dir() and not (path / MARK_OF_A_LAKE).exists()


def _leads_somewhere(path: Path) -> bool:
    if path.is_symlink() and not path.exists():
        raise FileNotFoundError(errno.ENOENT, "It is a link that leads nowhere.", str(path))
    return True
