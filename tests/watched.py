"""Tells of every address outside this machine that a Python process looks up or connects to, allowed or not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.pandian import ROOT

WATCH = """
import os, sys
def watch(event, args):
    if event in {"socket.connect", "socket.sendto"}:
        host = args[1][0] if isinstance(args[1], tuple) else "127.0.0.1"
    elif event in {"socket.getaddrinfo", "socket.gethostbyname"}:
        host = args[0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host or "localhost"
    if host not in {"localhost", "127.0.0.1", "::1"}:
        with open(os.environ["WATCHED"], "a") as file:
            file.write(f"{event} {host}\\n")
sys.addaudithook(watch)
"""
"""Python imports a module of this name as it starts, also in the processes that a run starts."""


def watching(folder: Path) -> Mapping[str, str]:
    """Return the environment of a run that is watched; what it tells is in `told(folder)`."""
    (folder / "sitecustomize.py").write_text(WATCH, encoding="utf-8")
    return {"PYTHONPATH": f"{folder}:{ROOT}", "WATCHED": str(folder / "watched")}


def told(folder: Path) -> list[str]:
    """Return what was looked up and connected to, in order."""
    path = folder / "watched"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def forget(folder: Path) -> None:
    """Begin anew."""
    (folder / "watched").unlink(missing_ok=True)
