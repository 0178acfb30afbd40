"""Turns a text file of any compression and encoding into a plain UTF-8 one, and says what it was."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from tasks.errors import DamagedSourceError, UsageError

BLOCK: Final = 1024 * 1024
"""Bytes at once; many more do not fit a processor's cache, and are looked at three times more slowly."""

NEWLINE: Final = ord("\n")
SAMPLE_LINES: Final = 20_000
CANDIDATES: Final = ("gb18030", "big5", "shift_jis", "euc_kr", "cp1252", "latin_1")
BYTE_ORDER_MARKS: Final = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
TRUNCATED: Final = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile)


@dataclass(frozen=True, slots=True)
class PlainText:
    """A UTF-8 file without a byte order mark.

    Args:
        lines: Physical lines in it.
        undecodable: Physical line number to the bytes, as text with escapes, of lines that are not in `encoding`; they
            are empty in the file.
    """

    path: Path
    encoding: str
    lines: int
    undecodable: dict[int, str] = field(default_factory=dict)


def plain_text(path: Path, *, member: str | None, encoding: str, folder: Path, table: str) -> PlainText:
    """Return a file as plain UTF-8: itself where it is that already, a copy below `folder` otherwise.

    Args:
        path: The file, compressed or not.
        member: The file inside of it, where it is an archive.
        encoding: Its encoding, or `auto`.
        folder: Where a copy goes.
        table: The table it belongs to, for the error.

    Raises:
        DamagedSourceError: It ends too early, or is not what its name says.
        UsageError: The encoding named is unknown.
    """
    try:
        unpacked = _unpacked(path, member, folder)
        scan = _scan(unpacked)
        chosen = _encoding(unpacked, scan) if encoding == "auto" else _known(encoding)
        if chosen == "utf-8" and not scan.invalid:
            return PlainText(unpacked, chosen, scan.lines)
        return _transcoded(unpacked, chosen, folder)
    except TRUNCATED as error:
        raise DamagedSourceError(
            source=path.name,
            table=table,
            problem=f"{str(error).rstrip('.') or type(error).__name__}.",
            fix="Deliver it again, whole; nothing of it was published.",
        ) from error


@contextmanager
def unpacking(path: Path, member: str | None) -> Iterator[IO[bytes]]:
    """Open a file for reading its uncompressed bytes, by its name: .gz, .zst, .xz, .bz2, or a member of a .zip."""
    if member is not None:
        with zipfile.ZipFile(path) as archive, archive.open(member) as file:
            yield file
        return
    openers: dict[str, Any] = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}  # each opens a binary file
    opener = openers.get(path.suffix)
    if opener is not None:
        with opener(path, "rb") as file:
            yield file
    elif path.suffix == ".zst":
        import zstandard

        with path.open("rb") as raw, zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True) as stream:
            yield stream
    else:
        with path.open("rb") as file:
            yield file


def is_compressed(path: Path) -> bool:
    """Return whether a file's name says that it is compressed."""
    return path.suffix in {".gz", ".xz", ".bz2", ".zst", ".zip"}


@dataclass(frozen=True, slots=True)
class _Scan:
    mark: str | None
    lines: int
    invalid: bool


def _unpacked(path: Path, member: str | None, folder: Path) -> Path:
    if not is_compressed(path):
        return path
    target = folder / "unpacked"
    with unpacking(path, member) as source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy, BLOCK)
    if path.suffix == ".zst":
        _check_end_of_zstd(path, target)
    return target


def _check_end_of_zstd(path: Path, unpacked: Path) -> None:
    import zstandard

    size = zstandard.frame_content_size(path.read_bytes()[:18])
    if size > unpacked.stat().st_size:
        raise EOFError("the compressed file ended before its end was reached")


def _scan(path: Path) -> _Scan:
    decoder = codecs.getincrementaldecoder("utf-8")()
    lines, invalid, last = 0, False, b"\n"
    with path.open("rb") as file:
        head = file.read(4)
        file.seek(0)
        while block := file.read(BLOCK):
            lines += int(np.count_nonzero(np.frombuffer(block, np.uint8) == NEWLINE))
            last = block[-1:]
            if not invalid:
                try:
                    decoder.decode(block)
                except UnicodeDecodeError:
                    invalid = True
        if not invalid:
            try:
                decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                invalid = True
    mark = next((name for mark, name in BYTE_ORDER_MARKS.items() if head.startswith(mark)), None)
    return _Scan(mark=mark, lines=lines + (last != b"\n"), invalid=invalid)


def _encoding(path: Path, scan: _Scan) -> str:
    if scan.mark is not None:
        return scan.mark
    if not scan.invalid:
        return "utf-8"
    telling = _telling_lines(path)
    broken = sum(not _decodes(line, "utf-8") for line in telling)
    if broken * 2 <= len(telling):
        return "utf-8"  # most lines are; the others are damaged, and set aside
    return _guess(telling)


def _telling_lines(path: Path) -> list[bytes]:
    found: list[bytes] = []
    with path.open("rb") as file:
        for line in file:
            if not line.isascii():
                found.append(line)
                if len(found) == SAMPLE_LINES:
                    break
    return found


def _guess(lines: list[bytes]) -> str:
    from charset_normalizer import from_bytes

    fitting = [name for name in CANDIDATES if all(_decodes(line, name) for line in lines)]
    sample = b"".join(lines[:2000])
    best = from_bytes(sample, cp_isolation=fitting or list(CANDIDATES)).best()
    chosen = best.encoding if best is not None else (fitting or ["latin_1"])[0]
    # Every file of GBK or GB2312 is one of GB18030, and latin_1's printable characters all are in cp1252.
    return {"gbk": "gb18030", "gb2312": "gb18030"}.get(chosen, chosen)


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _known(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError as error:
        raise UsageError(
            problem=f"“{encoding}” is no known encoding.",
            fix="Write, for instance, utf-8, gb18030 or latin-1, or auto.",
        ) from error


def _transcoded(path: Path, encoding: str, folder: Path) -> PlainText:
    target = folder / "transcoded"
    undecodable: dict[int, str] = {}
    number = 0
    with target.open("w", encoding="utf-8", newline="") as copy:
        for number, line in enumerate(_lines(path, encoding), start=1):
            if isinstance(line, str):
                copy.write(line)
            else:
                undecodable[number] = line.rstrip(b"\r\n").decode("ascii", "backslashreplace")
                copy.write("\n")
    return PlainText(target, encoding.replace("utf-8-sig", "utf-8 with byte order mark"), number, undecodable)


def _lines(path: Path, encoding: str) -> Iterator[str | bytes]:
    if encoding == "utf-16":
        with path.open(encoding=encoding, newline="") as file:
            yield from file
        return
    with path.open("rb") as raw:
        for position, line in enumerate(raw):
            try:
                yield line.decode(encoding if position == 0 or encoding != "utf-8-sig" else "utf-8")
            except UnicodeDecodeError:
                yield line
