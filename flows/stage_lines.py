"""What the console says of a stage that is done: one line, however many files and tables it went through."""

from __future__ import annotations

from collections.abc import Sequence

from flows.report import counted
from tasks.stage import StageResult


def table_line(table: str, results: Sequence[StageResult], rows: int | None) -> str:
    """Return what ingest did: `ingest events: 365 files, 364 unchanged, 1 read, 21,900 rows, 0.8 s of work`.

    Args:
        table: Its name.
        results: Those of its files, and that of the table itself.
        rows: What the table holds.
    """
    files = [result for result in results if result.stage == "read"]
    unchanged = sum(result.status == "skipped" for result in files)
    parts = _split(counted(len(files), "file"), len(files), unchanged, "read")
    if any(result.stage == "merge" for result in results) and rows is not None:
        parts.append(counted(rows, "row"))
    return f"ingest {table}: {', '.join([*parts, _seconds(results)])}"


def total_line(group: str, results: Sequence[StageResult]) -> str:
    """Return what any other stage did: `profile: 5 assets, 4 unchanged, 1 made, 2.1 s of work`."""
    assets = sum(len(result.refs) for result in results)
    unchanged = sum(len(result.refs) for result in results if result.status == "skipped")
    return f"{group}: {', '.join([*_split(counted(assets, 'asset'), assets, unchanged, 'made'), _seconds(results)])}"


def _split(things: str, total: int, unchanged: int, done: str) -> list[str]:
    if unchanged == total:
        return [f"{things} unchanged"]
    if not unchanged:
        return [f"{things} {done}"]
    return [things, f"{unchanged:,} unchanged", f"{total - unchanged:,} {done}"]


def _seconds(results: Sequence[StageResult]) -> str:
    return f"{sum(result.duration_s for result in results):.1f} s of work"
