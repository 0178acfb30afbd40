"""Turns a text file of any encoding into a plain UTF-8 one, and says what it was."""

from __future__ import annotations

import bisect
import codecs
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

import numpy as np

from tasks.errors import UsageError

BLOCK: Final = 1024 * 1024
"""Bytes at once; many more do not fit a processor's cache, and are looked at three times more slowly."""

NEWLINE: Final = ord("\n")
RETURN: Final = ord("\r")
SAMPLE_LINES: Final = 20_000
SAMPLE_BYTES: Final = 16 * BLOCK
GUESS_LINES: Final = 2_000
CANDIDATES: Final = ("gb18030", "big5", "shift_jis", "euc_kr", "cp1252", "latin_1")
BYTE_ORDER_MARKS: Final = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


@dataclass(frozen=True, slots=True)
class PlainText:
    """A UTF-8 file without a byte order mark.

    Args:
        lines: Physical lines in it.
        undecodable: Ascending numbers of the lines that are not in `encoding`; they stand in the file with escapes.
        is_uneven: Whether its lines end in more ways than one.
        has_strays: Whether carriage returns stand in it without a line feed, though its lines end in those.
    """

    path: Path
    encoding: str
    lines: int
    undecodable: Sequence[int] = ()
    is_uneven: bool = False
    has_strays: bool = False

    def has_undecodable(self, first: int, last: int) -> bool:
        """Return whether one of the lines from the first to the last is not in the file's encoding."""
        place = bisect.bisect_left(self.undecodable, first)
        return place < len(self.undecodable) and self.undecodable[place] <= last


def plain_text(path: Path, *, encoding: str, folder: Path) -> PlainText:
    """Return a file as plain UTF-8: itself where it is that already, a copy below `folder` otherwise.

    Args:
        path: The file, not compressed.
        encoding: Its encoding, or `auto`.
        folder: Where a copy goes.

    Raises:
        UnicodeError: It is UTF-16, and ends too early or is broken inside.
        UsageError: The encoding named is unknown.
    """
    scan = _scan(path)
    chosen = _encoding(path, scan) if encoding == "auto" else _known(encoding)
    if chosen == "utf-8" and not scan.invalid:
        return _described(path, chosen, scan.ends)
    if scan.mark == chosen == "utf-8-sig" and not scan.invalid:
        return _without_mark(path, folder)
    return _transcoded(path, chosen, folder)


def beginning_of(head: bytes, encoding: str) -> str:
    """Return the first bytes of a file as text, as far as they can be read."""
    mark = next((name for mark, name in BYTE_ORDER_MARKS.items() if head.startswith(mark)), "utf-8")
    return head.decode(mark if encoding == "auto" else _known(encoding), "replace")


@dataclass(frozen=True, slots=True)
class _Scan:
    mark: str | None
    ends: _LineEnds
    invalid: bool


def _scan(path: Path) -> _Scan:
    ends, text = _LineEnds(), _Utf8()
    with path.open("rb") as file:
        head = file.read(4)
        file.seek(0)
        while block := file.read(BLOCK):
            ends.count(block)
            text.check(block)
        text.check(b"", is_last=True)
    mark = next((name for mark, name in BYTE_ORDER_MARKS.items() if head.startswith(mark)), None)
    return _Scan(mark=mark, ends=ends, invalid=text.is_broken)


@dataclass(slots=True)
class _Utf8:
    """Whether bytes are UTF-8. Most are ASCII, which is seen without decoding."""

    is_broken: bool = False
    _decoder: codecs.IncrementalDecoder = field(default_factory=codecs.getincrementaldecoder("utf-8"))

    def check(self, block: bytes, *, is_last: bool = False) -> None:
        is_between = not self._decoder.getstate()[0]
        if self.is_broken or (is_between and block.isascii()):
            return
        try:
            self._decoder.decode(block, is_last)
        except UnicodeDecodeError:
            self.is_broken = True


@dataclass(slots=True)
class _LineEnds:
    """Counts line feeds, carriage returns, and the two together."""

    feeds: int = 0
    returns: int = 0
    pairs: int = 0
    last: bytes = b"\n"

    def count(self, block: bytes) -> None:
        values = np.frombuffer(block, np.uint8)
        self.feeds += int(np.count_nonzero(values == NEWLINE))
        if b"\r" in block:
            returns = values == RETURN
            self.returns += int(np.count_nonzero(returns))
            self.pairs += int(np.count_nonzero(returns[:-1] & (values[1:] == NEWLINE)))
        self.pairs += self.last == b"\r" and block[:1] == b"\n"
        self.last = block[-1:]

    @property
    def lines(self) -> int:
        return self.feeds + (self.last != b"\n")

    @property
    def are_uneven(self) -> bool:
        if self.returns == 0 or self.feeds == 0:
            return False
        return not self.feeds == self.returns == self.pairs

    @property
    def have_strays(self) -> bool:
        return self.feeds > 0 and self.returns > self.pairs


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
    """Lines that are not ASCII; of a long one the first block that is not."""
    found: list[bytes] = []
    size, is_told = 0, False
    with path.open("rb") as file:
        for block in iter(lambda: file.readline(BLOCK), b""):
            if not is_told and not block.isascii():
                found.append(block)
                size, is_told = size + len(block), True
                if len(found) == SAMPLE_LINES or size >= SAMPLE_BYTES:
                    break
            is_told = is_told and not _is_end(block)
    return found


def _is_end(block: bytes) -> bool:
    """Whether what `readline` read of at most `BLOCK` bytes is a line's end."""
    return len(block) < BLOCK or block.endswith(b"\n")


def _guess(lines: list[bytes]) -> str:
    from charset_normalizer import from_bytes

    fitting = [name for name in CANDIDATES if all(_decodes(line, name) for line in lines)]
    sample = b"".join(lines[:GUESS_LINES])
    best = from_bytes(sample, cp_isolation=fitting or list(CANDIDATES)).best()
    chosen = best.encoding if best is not None else (fitting or ["latin_1"])[0]
    # Every file of GBK or GB2312 is one of GB18030, and latin_1's printable characters all are in cp1252.
    return {"gbk": "gb18030", "gb2312": "gb18030"}.get(chosen, chosen)


def _decodes(line: bytes, encoding: str) -> bool:
    return _accepts(codecs.getincrementaldecoder(encoding)(), line, is_last=_is_end(line))


def _accepts(decoder: codecs.IncrementalDecoder, block: bytes, *, is_last: bool) -> bool:
    try:
        decoder.decode(block, is_last)
    except UnicodeDecodeError:
        return False
    return True


def _known(encoding: str) -> str:
    try:
        found = codecs.lookup(encoding)
        "".encode(encoding)  # an encoding of bytes, such as hex, is refused
    except (LookupError, ValueError) as error:
        raise UsageError(
            problem=f"“{encoding}” is no known encoding of texts.",
            fix="Write, for instance, utf-8, gb18030 or latin-1, or auto.",
        ) from error
    return found.name


def _described(path: Path, encoding: str, ends: _LineEnds, undecodable: Sequence[int] = ()) -> PlainText:
    reported = encoding.replace("utf-8-sig", "utf-8 with byte order mark")
    return PlainText(path, reported, ends.lines, undecodable, ends.are_uneven, ends.have_strays)


def _without_mark(path: Path, folder: Path) -> PlainText:
    target, ends = folder / "transcoded", _LineEnds()
    with path.open("rb") as file, target.open("wb") as copy:
        file.seek(len(codecs.BOM_UTF8))
        while block := file.read(BLOCK):
            ends.count(block)
            copy.write(block)
    return _described(target, "utf-8-sig", ends)


def _transcoded(path: Path, encoding: str, folder: Path) -> PlainText:
    target, ends = folder / "transcoded", _LineEnds()
    undecodable, number = array("q"), 1
    with target.open("wb") as copy:
        for text, is_whole in _texts(path, encoding):
            if not is_whole and undecodable[-1:] != array("q", [number]):
                undecodable.append(number)
            held = text.encode()
            ends.count(held)
            copy.write(held)
            number += text.endswith("\n")
    return _described(target, encoding, ends, undecodable)


def _texts(path: Path, encoding: str) -> Iterator[tuple[str, bool]]:
    """Yield lines, of long ones blocks, and whether each is in the encoding; what is not stands as an escape."""
    if encoding.startswith(("utf-16", "utf-32")):
        with path.open(encoding=encoding, newline="\n") as file:
            yield from ((text, True) for text in iter(lambda: file.read(BLOCK), ""))
        return
    with path.open("rb") as raw:
        if encoding == "utf-8-sig":
            raw.seek(len(codecs.BOM_UTF8) * (raw.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8))
            encoding = "utf-8"
        for block in iter(lambda: raw.readline(BLOCK), b""):
            if not _is_end(block):
                yield from _blocks_of_line(block, raw, encoding)
                continue
            try:
                yield block.decode(encoding), True
            except UnicodeDecodeError:
                yield block.decode(encoding, "backslashreplace"), False


def _blocks_of_line(block: bytes, raw: IO[bytes], encoding: str) -> Iterator[tuple[str, bool]]:
    make = codecs.getincrementaldecoder(encoding)
    strict, escaping, is_whole = make(), make("backslashreplace"), True
    while True:
        is_last = _is_end(block)
        is_whole = is_whole and _accepts(strict, block, is_last=is_last)
        yield escaping.decode(block, is_last), is_whole
        if is_last:
            return
        block = raw.readline(BLOCK)
