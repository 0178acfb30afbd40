import bz2
import gzip
import lzma
import zipfile
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tasks.errors import DamagedSourceError, UsageError
from tasks.ingest.texts import PlainText, naming_damage, plain_text, unpacked

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
    assert found.undecodable == {}


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
    assert found.undecodable == {16: "9,bro\\xffken"}
    assert found.path.read_text(encoding="utf-8").splitlines()[16] == "10,钢笔"


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
