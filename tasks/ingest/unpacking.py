"""Unpacks compressed files and members of archives, and names those that are damaged."""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from tasks.bounds import is_out_of_memory
from tasks.errors import DamagedSourceError

BLOCK: Final = 1024 * 1024
DAMAGES: Final = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile, UnicodeError)
ENCRYPTED: Final = 0x1
METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
COMPRESSED: Final = frozenset({".gz", ".xz", ".bz2", ".zst", ".zip"})


def archive_members(path: Path) -> list[str]:
    """Return the names of a .zip archive's files, without folders and what systems put beside them.

    Raises:
        zipfile.BadZipFile: It is none, holds no file or two of one name, or cannot be unpacked.
    """
    with zipfile.ZipFile(path) as archive:
        found = [info for info in archive.infolist() if not info.is_dir() and not _is_of_a_system(info.filename)]
    names = [info.filename for info in found]
    if not names:
        raise zipfile.BadZipFile("the archive holds no file")
    for info in found:
        if names.count(info.filename) > 1:
            raise zipfile.BadZipFile(f"the archive holds two files called “{info.filename}”")
        if info.flag_bits & ENCRYPTED:
            raise zipfile.BadZipFile(f"“{info.filename}” in the archive is encrypted")
        if info.compress_type not in METHODS:
            raise zipfile.BadZipFile(f"“{info.filename}” in the archive is packed by an unknown method")
    return names


def _is_of_a_system(name: str) -> bool:
    parts = [part for part in name.split("/") if part not in {".", ".."}]
    return parts[:1] == ["__MACOSX"] or any(part.startswith(".") for part in parts)


def is_compressed(path: Path) -> bool:
    """Return whether a file's name says that it is compressed."""
    return path.suffix.lower() in COMPRESSED


def unpacked(path: Path, *, member: str | None, folder: Path) -> Path:
    """Return a file without compression: itself, or a copy below `folder`.

    Raises:
        EOFError: It ends too early.
        ZstdError, BadZipFile, LZMAError, OSError: It is not what its name says.
    """
    if not is_compressed(path):
        return path
    target = folder / "unpacked"
    with target.open("wb") as copy:
        if path.suffix.lower() == ".zst":
            _unpack_zstd(path, copy)
        else:
            with _reading(path, member) as source:
                shutil.copyfileobj(source, copy, BLOCK)
    return target


@contextmanager
def _reading(path: Path, member: str | None) -> Iterator[IO[bytes]]:
    if member is not None:
        with zipfile.ZipFile(path) as archive, archive.open(member) as file:
            yield file
        return
    openers: dict[str, Any] = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}  # each opens a binary file
    with openers[path.suffix.lower()](path, "rb") as file:
        yield file


def _unpack_zstd(path: Path, copy: IO[bytes]) -> None:
    """Unpack frame by frame: a reader of streams does not tell whether the last frame is whole."""
    import zstandard

    codec = zstandard.ZstdDecompressor()
    frame = codec.decompressobj()
    is_begun = is_whole = False
    with path.open("rb") as raw:
        while block := raw.read(BLOCK):
            while block:
                copy.write(frame.decompress(block))
                is_begun, is_whole, block = True, frame.eof, frame.unused_data
                if is_whole:
                    frame = codec.decompressobj()
    if not is_begun:
        raise EOFError("the compressed file is empty")
    if not is_whole:
        raise EOFError("the compressed file ended before its end was reached")


@contextmanager
def naming_damage(source: str, table: str) -> Iterator[None]:
    """Turn what a damaged file raises into an error that names it.

    Args:
        source: The file, as the reader knows it.
        table: The table it belongs to.

    Raises:
        DamagedSourceError: It ends too early, or is not what its name says.
    """
    try:
        yield
    except Exception as error:  # the readers of archives share no base class
        if is_out_of_memory(error) or not _is_damage(error):
            raise
        problem = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise DamagedSourceError(
            source=source,
            table=table,
            problem=f"{problem[:1].upper()}{problem[1:]}.",
            fix="Deliver it again, whole; nothing of it was published.",
        ) from error


def _is_damage(error: Exception) -> bool:
    """Whether an error tells of a file's content; those of a disk or of rights have a number."""
    return isinstance(error, DAMAGES) or (isinstance(error, OSError) and error.errno is None) or _is_of_zstd(error)


def _is_of_zstd(error: Exception) -> bool:
    return type(error).__module__.split(".")[0] == "zstandard"
