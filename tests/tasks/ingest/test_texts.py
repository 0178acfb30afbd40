import bz2
import codecs
import gzip
import lzma
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tasks.errors import DamagedSourceError, UsageError
from tasks.ingest import texts
from tasks.ingest.texts import PlainText, plain_text
from tasks.ingest.unpacking import naming_damage, unpacked

LINES = "id,name\n1,订书机和记号笔\n2,活页夹和文件夹\n"


def read(path: Path, folder: Path, *, encoding: str = "auto", member: str | None = None) -> PlainText:
    folder.mkdir(exist_ok=True)
    with naming_damage(path.name, "products"):
        return plain_text(unpacked(path, member=member, folder=folder), encoding=encoding, folder=folder)


@pytest.mark.parametrize(
    ("encoding", "reported"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8 with byte order mark"), ("gb18030", "gb18030"), ("utf-16", "utf-16")],
)
def test_an_encoding_is_detected_and_reported(tmp_path: Path, encoding: str, reported: str) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes((LINES * 20).encode(encoding))
    found = read(file, tmp_path / "work")
    assert found.encoding == reported
    assert found.path.read_text(encoding="utf-8") == LINES * 20
    assert list(found.undecodable) == []


ENCODINGS = ["utf-8", "utf-8-sig", "gb18030", "big5", "shift_jis", "euc_kr", "utf-16"]


@pytest.mark.parametrize("block", [1, 2, 3, 7])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_lines_are_read_alike_however_long_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, block: int
) -> None:
    file = tmp_path / "a.csv"
    text = "id,name\n" + "1,一二三\n2,四五 六\n" * 9 + "3,七"
    file.write_bytes(text.encode(encoding))
    monkeypatch.setattr(texts, "BLOCK", block)
    found = read(file, tmp_path / "work", encoding="auto" if encoding == "utf-8-sig" else encoding)
    assert found.path.read_text(encoding="utf-8") == text
    assert (found.lines, list(found.undecodable)) == (20, [])


@pytest.mark.parametrize("block", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_the_lines_that_cannot_be_decoded_are_told_however_long_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int, mark: bytes
) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(mark + "笔\n".encode() + b"\xe7\xac\nab\xff\xffcd\n" + "笔笔\n".encode() * 9 + b"x\xe7\xac")
    monkeypatch.setattr(texts, "BLOCK", block)
    found = read(file, tmp_path / "work", encoding="utf-8-sig")
    assert list(found.undecodable) == [2, 3, 13]
    lines = found.path.read_text(encoding="utf-8").split("\n")
    assert lines == ["笔", "\\xe7\\xac", "ab\\xff\\xffcd", *["笔笔"] * 9, "x\\xe7\\xac"]


@pytest.mark.parametrize(
    ("encoding", "declared"), [("utf-8-sig", "auto"), ("gb18030", "auto"), ("gb18030", "gb18030"), ("utf-16", "auto")]
)
def test_a_file_of_one_line_is_not_held_whole(tmp_path: Path, encoding: str, declared: str) -> None:
    file = tmp_path / "a.json"
    entry = '"订书机和记号笔", "活页夹和文件夹", "颜色和图片不一样", '
    with file.open("w", encoding=encoding) as out:
        out.writelines(entry * 10_000 for _ in range(40))
    tracemalloc.start()
    found = read(file, tmp_path / "work", encoding=declared)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.encoding.startswith(encoding[:5])
    assert found.path.stat().st_size == 40 * 10_000 * len(entry.encode())
    assert peak < 16 * texts.BLOCK < found.path.stat().st_size


def test_latin_1_is_detected_by_its_letters(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    text = "id,name\n" + "1,Crème brûlée à la carte\n2,Größe für Mädchen\n" * 30
    file.write_bytes(text.encode("latin-1"))
    found = read(file, tmp_path / "work")
    assert found.encoding in {"cp1252", "latin_1"}
    assert found.path.read_text(encoding="utf-8") == text


def test_a_plain_utf_8_file_is_not_copied(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(LINES, encoding="utf-8")
    assert read(file, tmp_path / "work").path == file


def test_a_line_with_broken_bytes_is_set_aside_and_the_others_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes((LINES * 5).encode() + b"9,bro\xffken\n" + "10,钢笔\n".encode())
    found = read(file, tmp_path / "work")
    assert found.encoding == "utf-8"
    assert list(found.undecodable) == [16]
    assert found.path.read_text(encoding="utf-8").splitlines()[15:] == ["9,bro\\xffken", "10,钢笔"]


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".bz2", ".zst"])
def test_compressed_files_are_read_and_truncated_ones_refused(tmp_path: Path, suffix: str) -> None:
    compress: Any = {
        ".gz": gzip.compress,
        ".xz": lzma.compress,
        ".bz2": bz2.compress,
        ".zst": zstandard.ZstdCompressor().compress,
    }[suffix]
    whole = compress(LINES.encode() * 500)
    file = tmp_path / f"a.csv{suffix}"
    file.write_bytes(whole)
    assert read(file, tmp_path / "work").lines == 1500
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DamagedSourceError, match=f"a.csv{suffix}") as caught:
        read(file, tmp_path / "again")
    assert caught.value.exit_code == 3


def test_a_member_of_an_archive_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("inside.csv", LINES)
    assert read(tmp_path / "a.zip", tmp_path / "work", member="inside.csv").path.read_text(encoding="utf-8") == LINES


def test_an_unknown_encoding_is_wrong_usage(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(LINES, encoding="utf-8")
    with pytest.raises(UsageError, match="klingon"):
        read(file, tmp_path / "work", encoding="klingon")
