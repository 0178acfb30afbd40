"""Files that are damaged, or unusual, in ways that shops deliver them."""

import bz2
import gzip
import io
import json
import struct
import tracemalloc
import warnings
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tasks.assets.store import AssetStore
from tasks.errors import DamagedSourceError, EmptyTableError, MissingColumnsError, UsageError
from tasks.ingest import object_rows
from tasks.ingest.config import SourceConfig
from tasks.ingest.csv_rows import csv_rows
from tasks.ingest.json_array import entries
from tasks.ingest.raw import LONGEST_LINE
from tasks.ingest.texts import PlainText, plain_text
from tests.tasks.ingest.ingesting import Ingested, ingest

PRODUCTS: dict[str, Any] = {"table": "products", "uri": "p.csv", "columns": {"product_id": "sku", "title": "name"}}


def write(folder: Path, name: str, content: str | bytes) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def aside(found: Ingested) -> list[tuple[str, int, str]]:
    return [(row["reason"], row["line"], row["row"]) for row in found.quarantine.to_pylist()]


def streamed_zstd(data: bytes) -> bytes:
    codec = zstandard.ZstdCompressor().compressobj()
    return codec.compress(data) + codec.flush()


LINES = b"sku,name\n" + b"".join(b"%d,pen %d\n" % (number, number * 7919) for number in range(5000))


# Names of files.


@pytest.mark.parametrize("names", [("1", "[1]"), ("xzy", "x*y"), ("qq", "q?"), ("a[0-9]b", "a1b")])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_name_that_looks_like_a_pattern_is_a_name(
    store: AssetStore, tmp_path: Path, names: tuple[str, str], kind: str
) -> None:
    (tmp_path / "days").mkdir()
    for name in names:
        file = tmp_path / "days" / f"{name}.{kind}"
        if kind == "csv":
            file.write_text(f"sku,name\n{name},pen\n")
        else:
            pq.write_table(pa.table({"sku": [name], "name": ["pen"]}), file)
    found = ingest(store, tmp_path, {**PRODUCTS, "uri": "days"})
    assert sorted(found.column("product_id")) == sorted(names)


def test_a_uri_that_is_a_files_name_is_that_file(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "[shop]/[1].csv", "sku,name\n1,pen\n")
    write(tmp_path, "[shop]/1.csv", "sku,name\n2,cup\n")
    base = tmp_path / "[shop]"
    assert ingest(store, base, {**PRODUCTS, "uri": "[1].csv"}).column("product_id") == ["1"]
    assert sorted(ingest(store, base, {**PRODUCTS, "uri": "*.csv"}).column("product_id")) == ["1", "2"]


def test_quarantine_and_metrics_tell_two_files_of_one_name_apart(store: AssetStore, tmp_path: Path) -> None:
    for folder in "ab":
        write(tmp_path, f"{folder}/d.csv", f"sku,name\n{folder},pen\n{folder}2,\n")
    sources = [{**PRODUCTS, "uri": "a/d.csv"}, {**PRODUCTS, "uri": "b/*.csv"}]
    found = ingest(store, tmp_path, *sources)
    assert sorted(found.quarantine["source"].to_pylist()) == ["a/d.csv", "b/d.csv"]
    assert sorted(found.metrics["sources"]) == ["a-d.csv", "b-d.csv"]


def test_one_file_may_be_read_by_two_sources(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "p.csv", "sku,name,other,words\n1,pen,2,cup\n")
    other = {**PRODUCTS, "columns": {"product_id": "other", "title": "words"}}
    found = ingest(store, tmp_path, PRODUCTS, other)
    assert sorted(found.column("product_id")) == ["1", "2"]
    assert len(found.metrics["sources"]) == 2


# Compressed files.


def test_a_zstd_stream_that_is_cut_is_refused(store: AssetStore, tmp_path: Path) -> None:
    whole = streamed_zstd(LINES)
    write(tmp_path, "p.csv.zst", whole)
    assert ingest(store, tmp_path, {**PRODUCTS, "uri": "p.csv.zst"}).metrics["rows_read"] == 5000
    write(tmp_path, "p.csv.zst", whole[: len(whole) // 2])
    with pytest.raises(DamagedSourceError, match=r"p\.csv\.zst.*ended before"):
        ingest(store, tmp_path, {**PRODUCTS, "uri": "p.csv.zst"})


def test_every_frame_of_a_zstd_file_is_read_and_one_that_is_cut_refused(store: AssetStore, tmp_path: Path) -> None:
    first, second = zstandard.compress(b"sku,name\n1,pen\n"), streamed_zstd(b"2,cup\n")
    skippable = struct.pack("<II", 0x184D2A50, 4) + b"note"
    write(tmp_path, "p.csv.zst", skippable + first + second)
    assert ingest(store, tmp_path, {**PRODUCTS, "uri": "p.csv.zst"}).column("product_id") == ["1", "2"]
    write(tmp_path, "p.csv.zst", first + second[:-2])
    with pytest.raises(DamagedSourceError, match="ended before"):
        ingest(store, tmp_path, {**PRODUCTS, "uri": "p.csv.zst"})


@pytest.mark.parametrize("suffix", ["gz", "bz2", "zst", "xz", "zip"])
@pytest.mark.parametrize("name", ["p.csv", "p.json"])
def test_a_file_that_is_not_what_its_name_says_is_damaged(
    store: AssetStore, tmp_path: Path, suffix: str, name: str
) -> None:
    write(tmp_path, f"days/{name}.{suffix}", b"sku,name\n1,pen\n")
    with pytest.raises(DamagedSourceError, match=rf"days/{name}\.{suffix}") as caught:
        ingest(store, tmp_path, {**PRODUCTS, "uri": "days"})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", ["gz", "bz2", "zst", "xz", "zip"])
def test_an_empty_compressed_file_is_data_that_cannot_be_used(store: AssetStore, tmp_path: Path, suffix: str) -> None:
    write(tmp_path, f"p.csv.{suffix}", b"")
    with pytest.raises((DamagedSourceError, EmptyTableError), match=rf"p\.csv\.{suffix}") as caught:
        ingest(store, tmp_path, {**PRODUCTS, "uri": f"p.csv.{suffix}"})
    assert caught.value.exit_code == 3


def zipped(*members: tuple[str, str]) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Duplicate name", UserWarning)  # what the test is about
        with zipfile.ZipFile(file, "w") as archive:
            for name, text in members:
                archive.writestr(name, text)
    return file.getvalue()


def patched(archive: bytes, *, local: int, central: int, value: int) -> bytes:
    """Change a field of two bytes of an archive's one member: in its own header and in the directory."""
    data = bytearray(archive)
    struct.pack_into("<H", data, local, value)
    struct.pack_into("<H", data, archive.index(b"PK\x01\x02") + central, value)
    return bytes(data)


ONE = zipped(("p.csv", "sku,name\n1,pen\n"))


@pytest.mark.parametrize(
    ("archive", "words"),
    [
        (zipped(), "no file"),
        (zipped(("folder/", "")), "no file"),
        (zipped(("p.csv", "sku,name\n1,pen\n"), ("p.csv", "sku,name\n2,cup\n")), "two files"),
        (patched(ONE, local=6, central=8, value=1), "encrypted"),
        (patched(ONE, local=8, central=10, value=99), "method"),
    ],
)
def test_an_archive_that_cannot_be_read_whole_is_refused(
    store: AssetStore, tmp_path: Path, archive: bytes, words: str
) -> None:
    write(tmp_path, "days/p.zip", archive)
    with pytest.raises(DamagedSourceError, match=rf"days/p\.zip.*{words}"):
        ingest(store, tmp_path, {**PRODUCTS, "uri": "days/p.zip"})


def test_what_a_system_puts_into_an_archive_is_left_out(store: AssetStore, tmp_path: Path) -> None:
    archive = zipped(
        ("d/", ""), ("d/p.csv", "sku,name\n1,\n2,cup\n"), ("__MACOSX/d/._p.csv", "\0"), ("d/.DS_Store", "\0")
    )
    write(tmp_path, "p.zip", archive)
    found = ingest(store, tmp_path, {**PRODUCTS, "uri": "p.zip"})
    assert found.column("product_id") == ["2"]
    assert found.quarantine["source"].to_pylist() == ["p.zip/d/p.csv"]


def test_every_file_of_an_archive_is_read_however_its_path_begins(store: AssetStore, tmp_path: Path) -> None:
    names = ("./a.csv", "../b.csv", "c.csv", "./d/./e.csv")
    write(tmp_path, "p.zip", zipped(*((name, f"sku,name\n{name},pen\n") for name in names)))
    assert sorted(ingest(store, tmp_path, {**PRODUCTS, "uri": "p.zip"}).column("product_id")) == sorted(names)


def test_suffixes_may_be_in_capitals(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "a.csv.GZ", gzip.compress(b"sku,name\n1,pen\n"))
    write(tmp_path, "b.CSV.Bz2", bz2.compress(b"sku,name\n2,cup\n"))
    write(tmp_path, "c.ZIP", zipped(("c.CSV", "sku,name\n3,box\n")))
    sources = [{**PRODUCTS, "uri": uri} for uri in ("a.csv.GZ", "b.CSV.Bz2", "c.ZIP")]
    assert sorted(ingest(store, tmp_path, *sources).column("product_id")) == ["1", "2", "3"]


def test_parquet_may_be_compressed_again(store: AssetStore, tmp_path: Path) -> None:
    pq.write_table(pa.table({"sku": ["1"], "name": ["pen"]}), tmp_path / "p.parquet")
    write(tmp_path, "p.parquet.gz", gzip.compress((tmp_path / "p.parquet").read_bytes()))
    assert ingest(store, tmp_path, {**PRODUCTS, "uri": "p.parquet.gz"}).column("product_id") == ["1"]


# Encodings.


def test_a_record_with_an_undecodable_line_inside_is_set_aside_whole(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "p.csv", b'sku,name\n1,\xc3\xa9\n2,"foo\n\xe9\nbar"\n3,\xc3\xbc\n4,\xc3\xbc\n5,\n')
    found = ingest(store, tmp_path, PRODUCTS)
    assert found.metrics["rows_read"] == 5
    assert found.column("title") == ["é", "ü", "ü"]
    assert aside(found) == [
        ("undecodable_bytes", 3, '2,"foo\n\\xe9\nbar"'),
        ("missing_title", 8, '{"sku":"5","name":null}'),
    ]


@pytest.mark.parametrize(
    ("encoding", "title", "reported"),
    [
        ("utf-8", "笔", {"utf-8"}),
        ("utf-8-sig", "笔", {"utf-8 with byte order mark"}),
        ("utf-16", "笔", {"utf-16"}),
        ("gb18030", "订书机和记号笔", {"gb18030"}),
        ("latin-1", "Crème brûlée à la carte", {"cp1252", "latin_1"}),
    ],
)
@pytest.mark.parametrize("name", ["p.csv", "p.jsonl", "p.json"])
def test_a_table_tells_the_encoding_of_its_files(
    store: AssetStore, tmp_path: Path, encoding: str, title: str, reported: set[str], name: str
) -> None:
    rows = [{"sku": str(number), "name": title} for number in range(30)]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    text = {
        "p.csv": "\n".join(["sku,name", *(f"{row['sku']},{row['name']}" for row in rows)]),
        "p.jsonl": "\n".join(lines),
        "p.json": f"[{','.join(lines)}]",
    }
    write(tmp_path, name, text[name].encode(encoding))
    found = ingest(store, tmp_path, {**PRODUCTS, "uri": name})
    assert set(found.column("title")) == {title}
    assert found.metrics["files"][name]["encoding"] in reported


@pytest.mark.parametrize(
    "content", ["sku,name\n1,pen\n".encode("utf-16")[:-1], "sku,name\n1,".encode("utf-16") + b"\x00\xd8\x0a\x00"]
)
def test_broken_utf_16_is_damaged(store: AssetStore, tmp_path: Path, content: bytes) -> None:
    write(tmp_path, "p.csv", content)
    with pytest.raises(DamagedSourceError, match=r"p\.csv"):
        ingest(store, tmp_path, PRODUCTS)


def test_a_json_array_in_utf_16_is_one(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "p.json", json.dumps([{"sku": "1", "name": "笔"}], ensure_ascii=False, indent=1).encode("utf-16"))
    found = ingest(store, tmp_path, {**PRODUCTS, "uri": "p.json"})
    assert (found.column("title"), found.metrics["rows_read"]) == (["笔"], 1)


def test_utf_16_without_a_mark_is_read_where_it_is_declared(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "p.csv", "sku,name\n1,ਅ\n2,cup\n".encode("utf-16-le"))
    assert ingest(store, tmp_path, {**PRODUCTS, "encoding": "utf-16-le"}).column("title") == ["ਅ", "cup"]


@pytest.mark.parametrize("encoding", ["hex", "rot13", "zlib", "klingon", "a\0b"])
def test_only_encodings_of_texts_are_encodings(store: AssetStore, tmp_path: Path, encoding: str) -> None:
    write(tmp_path, "p.csv", "sku,name\n1,pen\n")
    with pytest.raises(UsageError, match="no known encoding"):
        ingest(store, tmp_path, {**PRODUCTS, "encoding": encoding})


PARQUET = pa.BufferOutputStream()
pq.write_table(pa.table({"sku": ["1"], "name": ["pen"]}), PARQUET)


@pytest.mark.parametrize("name", ["p.csv", "p.jsonl", "p.json"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(ONE, "Excel workbook or a .zip", id="zip"),
        pytest.param(PARQUET.getvalue().to_pybytes(), "a parquet file", id="parquet"),
        pytest.param(gzip.compress(b"sku,name\n1,pen\n"), "a .gz file", id="gzip"),
        pytest.param(b"\xef\xbb\xbf\n<!DOCTYPE html>\n<p>sku,name</p>\n", "a web page", id="html"),
    ],
)
def test_a_file_of_another_kind_is_damaged(
    store: AssetStore, tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    write(tmp_path, name, content)
    with pytest.raises(DamagedSourceError, match=f"{name}.*It looks like .*{words}") as caught:
        ingest(store, tmp_path, {**PRODUCTS, "uri": name})
    assert caught.value.exit_code == 3


def test_a_csv_may_begin_as_parquet_does(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "c.csv", "PAR1,PAR2\n1,pen\n")
    assert ingest(store, tmp_path, {"table": "coupons", "uri": "c.csv"}).column("PAR1") == [1]


# Lines of csv.


@pytest.mark.parametrize(
    ("lines", "columns"),
    [
        (["id;name, short;price", "1;pen;2", "2;cup, red;3"], ["id", "name, short", "price"]),
        (["id;name, short", "1;pen, red", "2;cup, blue"], ["id", "name, short"]),
        (["id;a, b, c, d", "1;x"], ["id", "a, b, c, d"]),
        (["id,cat|sub,price", "1,a|b,2", "2,a|b", "3,a|b,4"], ["id", "cat|sub", "price"]),
        (["id\tname", '1\t"a\nb;c"', "2\tx;y"], ["id", "name"]),
        (['id|"a,b,c"|x', '1|"a,b,c"|2'], ["id", "a,b,c", "x"]),
        (["id", "1,5", "2,5"], ["id"]),
        (["id;name, short;price"], ["id", "name, short", "price"]),
    ],
)
def test_the_delimiter_is_what_most_rows_agree_on(tmp_path: Path, lines: list[str], columns: list[str]) -> None:
    write(tmp_path, "c.csv", "\n".join(lines) + "\n")
    plain = plain_text(tmp_path / "c.csv", encoding="auto", folder=tmp_path)
    with duckdb.connect() as connection:
        rows = csv_rows(connection, plain, SourceConfig(table="coupons", uri="c.csv"), tmp_path)
    assert list(rows.columns) == columns


@pytest.mark.timeout(20)
def test_a_long_line_of_names_is_split_in_time(tmp_path: Path) -> None:
    write(tmp_path, "c.csv", ",".join(f'"a{number}"' for number in range(30_000)) + "\n")
    plain = plain_text(tmp_path / "c.csv", encoding="auto", folder=tmp_path)
    with duckdb.connect() as connection:
        rows = csv_rows(connection, plain, SourceConfig(table="coupons", uri="c.csv"), tmp_path)
    assert len(rows.columns) == 30_000


def test_a_tab_may_be_spelled() -> None:
    assert SourceConfig(table="products", uri="p.csv", delimiter=r"\t").delimiter == "\t"


@pytest.mark.parametrize(
    "marks",
    [{"delimiter": "||"}, {"delimiter": "\n"}, {"quote": "«"}, {"delimiter": '"'}, {"delimiter": "'", "quote": "'"}],
)
def test_marks_that_csv_cannot_have_are_refused(marks: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"delimiter|quote"):
        SourceConfig(table="products", uri="p.csv", **marks)


@pytest.mark.parametrize("quote", ["'", ""])
def test_fields_are_read_by_the_quote_that_is_declared(store: AssetStore, tmp_path: Path, quote: str) -> None:
    rows = (
        {"1": "big, red", "2": 'say "hi"', "3": "two\nlines"} if quote else {"1": '"pen"', "2": 'say "hi"', "3": "5'"}
    )
    lines = [f"{number},{quote}{name}{quote}" for number, name in rows.items()]
    write(tmp_path, "p.csv", "\n".join(["sku,name", *lines, "4,too,many", "5,"]) + "\n")
    found = ingest(store, tmp_path, {**PRODUCTS, "quote": quote})
    assert dict(zip(found.column("product_id"), found.column("title"), strict=True)) == rows
    behind = 5 + bool(quote)
    assert aside(found) == [
        ("malformed_line", behind, "4,too,many"),
        ("missing_title", behind + 1, '{"sku":"5","name":null}'),
    ]
    assert found.metrics["files"]["p.csv"]["quote"] == quote


def test_a_row_is_set_aside_with_its_own_text(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "u.csv", 'user_id,age,gender,region\n1,"x",b,"1"\n2,"["a"]",b,"["a"]"\n3,c,b,3\n')
    found = ingest(store, tmp_path, {"table": "users", "uri": "u.csv"})
    assert aside(found) == [("malformed_line", 3, '2,"["a"]",b,"["a"]"')]


def test_the_line_of_a_broken_row_is_right_behind_rows_of_several_lines(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "p.csv", 'sku,name\n1,"two\nlines"\n2,3,4\n5,"a\nb",6\n\n7,\n8,9\n')
    found = ingest(store, tmp_path, PRODUCTS)
    assert [(reason, line, row) for reason, line, row in aside(found) if reason == "malformed_line"] == [
        ("malformed_line", 4, "2,3,4"),
        ("malformed_line", 5, '5,"a\nb",6'),
    ]
    assert [line for reason, line, _ in aside(found) if reason == "missing_title"] == [8]


def test_a_broken_row_of_a_crlf_file_has_no_line_break(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "p.csv", "sku,name\r\n1,pen\r\n2,3,4\r\n5,6,7\r\n8,cup\r\n")
    assert [row for _, _, row in aside(ingest(store, tmp_path, PRODUCTS))] == ["2,3,4", "5,6,7"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_line_with_a_stray_carriage_return_is_set_aside_alone(store: AssetStore, tmp_path: Path, end: str) -> None:
    write(tmp_path, "p.csv", end.join(["sku,name", "1,x\ry", "2,cup", '3,"a\rb"', "4,5,6", "7,", ""]))
    found = ingest(store, tmp_path, PRODUCTS)
    assert found.column("title") == ["cup", "a\rb"]
    assert [(reason, line, row) for reason, line, row in aside(found) if reason == "malformed_line"] == [
        ("malformed_line", 2, "1,x\ry"),
        ("malformed_line", 5, "4,5,6"),
    ]
    assert [line for reason, line, _ in aside(found) if reason == "missing_title"] == [6]


def test_lines_may_end_in_several_ways(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "p.csv", "sku,name\r\n1,pen\n2,cup\r\n3,box\n")
    assert ingest(store, tmp_path, PRODUCTS).column("product_id") == ["1", "2", "3"]


def test_lines_may_end_in_carriage_returns_alone(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "p.csv", "sku,name\r1,pen\r2,3,4\r5,\r")
    found = ingest(store, tmp_path, PRODUCTS)
    assert found.column("product_id") == ["1"]
    assert [line for _, line, _ in aside(found)] == [3, 4]


def test_blank_lines_before_the_names_are_skipped_and_counted(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "p.csv", "\n  \n\nsku,name\n1,pen\n2,3,4\n5,\n")
    found = ingest(store, tmp_path, PRODUCTS)
    assert found.column("product_id") == ["1"]
    assert [(reason, line) for reason, line, _ in aside(found)] == [("malformed_line", 6), ("missing_title", 7)]


def test_names_that_repeat_are_told_apart_from_every_other(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "c.csv", "id,a,a,a_2,A\nx,b,c,d,e\n")
    found = ingest(store, tmp_path, {"table": "coupons", "uri": "c.csv"})
    assert found.rows.to_pylist() == [{"id": "x", "a": "b", "a_3": "c", "a_2": "d", "A_4": "e"}]


CELLS = st.text(st.sampled_from('ab",\n\r ;é[]'), max_size=6)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.lists(CELLS, min_size=1, max_size=3), max_size=6),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
@example([["", "\r;"]], "\n", False)
@example([["", "\r"], [";"]], "\n", False)
def test_no_row_is_lost_whatever_its_cells_hold(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], end: str, is_quoted: bool
) -> None:
    folder = tmp_path_factory.mktemp("law")
    cells = [['"' + cell.replace('"', '""') + '"' if is_quoted else cell for cell in row] for row in rows]
    text = end.join(["sku,name", "sure,thing", *(",".join(row) for row in cells)]) + end
    write(folder, "p.csv", text)
    found = ingest(AssetStore(str(folder / "lake")), folder, PRODUCTS)
    read, kept, merged, quarantined = found.accounts
    assert read == kept + merged + quarantined
    physical = text.split("\n")
    for reason, line, row in aside(found):
        if reason == "malformed_line":
            assert physical[line - 1].rstrip("\r") == row.split("\n", 1)[0].rstrip("\r")


# Objects.


@pytest.mark.parametrize("name", ["p.jsonl", "p.json"])
@pytest.mark.parametrize(
    "broken",
    [
        '{"sku": "2", "name": ' + "[" * 3000 + "]" * 3000 + "}",
        '{"sku": "2", "name": "half \\ud800"}',
        '{"sku": "2", "\\udc00": "half"}',
        '{"sku": "2" "name": "no comma"}',
        '"no object"',
        '{"sku": "2", "name": "a", "name": "b"}',
        '{"sku": "2", "name": "a", "more": [{"x": 1, "x": 2}]}',
    ],
)
def test_an_object_that_cannot_be_read_is_set_aside_alone(
    store: AssetStore, tmp_path: Path, name: str, broken: str
) -> None:
    rows = ['{"sku": "1", "name": "pen \\ud83d\\ude00"}', broken, '{"sku": "3", "name": "cup"}']
    write(tmp_path, name, "\n".join(rows) + "\n" if name == "p.jsonl" else f"[{', '.join(rows)}]")
    found = ingest(store, tmp_path, {**PRODUCTS, "uri": name})
    assert found.column("title") == ["pen 😀", "cup"]
    assert aside(found) == [("malformed_line", 2, broken)]


@pytest.mark.parametrize("name", ["p.jsonl", "p.json"])
def test_large_numbers_and_those_that_are_none_are_taken_alike(store: AssetStore, tmp_path: Path, name: str) -> None:
    rows = ['{"sku": 12345678901234567890123, "name": "pen"}', '{"sku": "2", "name": "cup", "price": NaN}']
    write(tmp_path, name, "\n".join(rows) if name == "p.jsonl" else f"[{','.join(rows)}]")
    found = ingest(store, tmp_path, {**PRODUCTS, "uri": name})
    assert found.column("product_id") == ["12345678901234567890123", "2"]


@pytest.mark.parametrize("text", ['[{"sku": "1", "name": "pen"}', '[{"sku": "1"', '[{"sku": "1"}] more', "["])
def test_an_array_that_does_not_end_is_damaged(store: AssetStore, tmp_path: Path, text: str) -> None:
    write(tmp_path, "days/p.json", text)
    with pytest.raises(DamagedSourceError, match=r"days/p\.json.*not JSON to its end"):
        ingest(store, tmp_path, {**PRODUCTS, "uri": "days"})


@pytest.mark.parametrize("name", ["p.json", "p.jsonl", "p.txt"])
@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"sku": "1", "name": "pen"}, indent=1),
        json.dumps({"sku": "1", "name": "pen"}, indent=1).replace("{\n", "{"),
        '{"products": [\n{"sku": "1", "name": "pen"},\n{"sku": "2", "name": "cup"}\n]}\n',
    ],
)
def test_an_object_over_many_lines_is_refused(store: AssetStore, tmp_path: Path, name: str, text: str) -> None:
    write(tmp_path, name, text)
    with pytest.raises(DamagedSourceError, match=rf"{name}.* first line is an object that does not end there"):
        ingest(store, tmp_path, {**PRODUCTS, "uri": name, "format": "auto" if name == "p.json" else "jsonl"})


def test_a_broken_first_line_of_json_is_set_aside_alone(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "p.json", '{"sku": "1", "name": "pe\n{"sku": "2", "name": "cup"}\n')
    found = ingest(store, tmp_path, {**PRODUCTS, "uri": "p.json"})
    assert found.column("title") == ["cup"]
    assert aside(found) == [("malformed_line", 1, '{"sku": "1", "name": "pe')]


def test_an_array_entry_with_broken_bytes_is_set_aside_alone(store: AssetStore, tmp_path: Path) -> None:
    entries = [f'{{"sku": "{number}", "name": "笔"}}'.encode() for number in range(4)]
    entries[1] = b'{"sku": "1", "name": "\xff"}'
    write(tmp_path, "p.json", b"[" + b",\n".join(entries) + b"]")
    found = ingest(store, tmp_path, {**PRODUCTS, "uri": "p.json"})
    assert found.column("product_id") == ["0", "2", "3"]
    assert [(line, row) for _, line, row in aside(found)] == [(2, '{"sku": "1", "name": "\\xff"}')]


def test_python_literals_without_a_text_are_set_aside(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "p.json", "{'sku': '1', 'name': 'pen'}\n{'sku': '2', 'name': b'x'}\n{'sku': '3', 'name': {1, 2}}\n")
    found = ingest(store, tmp_path, {**PRODUCTS, "uri": "p.json"})
    assert found.column("product_id") == ["1"]
    assert [line for _, line, _ in aside(found)] == [2, 3]


@pytest.mark.parametrize(
    "broken",
    [r"{'sku': '2', 'name': '\U0000d800'}", "{'sku': '2', 'name': 'a', 'name': 'b'}", f"{{'sku': '{'2' * 2**20}'}}"],
)
def test_a_python_literal_that_cannot_be_read_is_set_aside_alone(
    store: AssetStore, tmp_path: Path, broken: str
) -> None:
    write(tmp_path, "p.json", f"{{'sku': '1', 'name': 'pen'}}\n{broken}\n{{'sku': '3', 'name': 'cup'}}\n")
    found = ingest(store, tmp_path, {**PRODUCTS, "uri": "p.json"})
    assert found.column("title") == ["pen", "cup"]
    assert aside(found) == [("malformed_line", 2, broken)]


def test_a_broken_entry_behind_a_long_text_needs_little_memory() -> None:
    text = f'[{{"name": "{"x" * 20_000_000}" "sku": 1}}, {{"sku": 2}}]'
    tracemalloc.start()
    found = list(entries(io.StringIO(text)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [entry.value for entry in found] == [None, {"sku": 2}]
    assert peak < 20 * len(text)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_line_that_is_too_long_is_set_aside_alone(
    store: AssetStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    monkeypatch.setattr(object_rows, "LONGEST_LINE", 60)
    monkeypatch.setattr(object_rows, "SHOWN", 20)
    sizes = [60, 61, 500, 30, 600]
    lines = [f'{{"sku": "{size}", "name": "'.ljust(size - 2, "x") + '"}' for size in sizes]
    write(tmp_path, "p.jsonl", end.join(lines))
    found = ingest(store, tmp_path, {**PRODUCTS, "uri": "p.jsonl"})
    assert found.column("product_id") == ["60", "30"]
    assert aside(found) == [("malformed_line", line, lines[line - 1][:20]) for line in (2, 3, 5)]
    details = found.quarantine["detail"].to_pylist()
    assert [detail.split(",")[0] for detail in details] == [
        f"The line has {size} characters" for size in (61, 500, 600)
    ]


def test_a_line_that_is_too_long_needs_little_memory(tmp_path: Path) -> None:
    size = 8 * LONGEST_LINE
    with (tmp_path / "p.jsonl").open("w") as file:
        file.write('{"sku": "1", "name": "')
        file.writelines("x" * 2**20 for _ in range(size // 2**20))
        file.write('"}\n{"sku": "2", "name": "pen"}\n')
    plain = PlainText(tmp_path / "p.jsonl", "utf-8", 2)
    tracemalloc.start()
    with duckdb.connect() as connection:
        rows = object_rows.object_rows(connection, plain, SourceConfig(**PRODUCTS), kind="jsonl", folder=tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows.rejects is not None
    rows.rejects.close()
    (reject,) = pq.read_table(rows.rejects.path).to_pylist()
    assert (reject["line"], len(reject["row"])) == (1, object_rows.SHOWN)
    assert peak < size


@pytest.mark.parametrize("key", ["_rest", "_record"])
def test_keys_that_ingest_keeps_for_itself_cannot_be_mapped(store: AssetStore, tmp_path: Path, key: str) -> None:
    write(tmp_path, "p.jsonl", json.dumps({"sku": "1", "name": "pen", key: "x"}) + "\n")
    assert dict(ingest(store, tmp_path, {**PRODUCTS, "uri": "p.jsonl"}).column("attributes")[0]) == {key: "x"}
    with pytest.raises(UsageError, match=f"“{key}”"):
        ingest(store, tmp_path, {**PRODUCTS, "uri": "p.jsonl", "columns": {"product_id": "sku", "title": key}})
    sql = {"product_id": "sku", "title": {"sql": f"{key}::varchar"}}
    with pytest.raises(UsageError, match=f"“{key}”"):
        ingest(store, tmp_path, {**PRODUCTS, "uri": "p.jsonl", "columns": sql})


def test_a_column_without_a_name_cannot_be_mapped() -> None:
    with pytest.raises(ValidationError, match="at least 1 character"):
        SourceConfig.model_validate({**PRODUCTS, "columns": {"title": ""}})


@pytest.mark.parametrize("expression", [False, True])
@pytest.mark.parametrize("compression", ["snappy", "gzip", "none"])
def test_parquet_that_is_damaged_inside_is_told_as_damage(
    store: AssetStore, tmp_path: Path, compression: str, expression: bool
) -> None:
    rows = {"sku": [f"sku {number * 7919}" for number in range(5000)], "name": [f"pen {n}" for n in range(5000)]}
    pq.write_table(pa.table(rows), tmp_path / "p.parquet", compression=compression, use_dictionary=False)
    content = bytearray((tmp_path / "p.parquet").read_bytes())
    middle = len(content) // 4
    content[middle : middle + 4000] = b"\xff" * 4000
    write(tmp_path, "p.parquet", bytes(content))
    columns = {"product_id": "sku", "title": {"sql": "upper(name)"} if expression else "name"}
    with pytest.raises(DamagedSourceError, match=r"p\.parquet.*Deliver it again") as caught:
        ingest(store, tmp_path, {**PRODUCTS, "uri": "p.parquet", "columns": columns})
    assert "LINE 1" not in str(caught.value)
    assert not list(store.manifests())


def test_keys_of_a_python_literal_that_are_one_as_text_are_not_fused(store: AssetStore, tmp_path: Path) -> None:
    lines = [
        "{'sku': '1', 'name': 'pen', 1: 'int', '1': 'str'}",
        "{'sku': '2', 'name': 'cup', 'of': {None: 1, 'None': 2}}",
    ]
    write(tmp_path, "p.txt", "\n".join([*lines, "{'sku': '3', 'name': 'ink', 1: 'int'}", "f()"]))
    found = ingest(store, tmp_path, {**PRODUCTS, "uri": "p.txt", "format": "python"})
    assert found.column("product_id") == ["3"]
    details = found.quarantine["detail"].to_pylist()
    assert details == [
        "The key “1” comes more than once.",
        "The key “None” comes more than once.",
        "It calls something, which no literal does.",
    ]


def test_mapped_keys_that_differ_in_case_alone_are_refused(store: AssetStore, tmp_path: Path) -> None:
    columns = {"product_id": "sku", "title": "title", "brand": "Title"}
    source = {**PRODUCTS, "uri": "p.jsonl", "columns": columns}
    write(tmp_path, "p.jsonl", '{"sku": "1", "title": "pen", "Title": "acme"}\n')
    with pytest.raises(UsageError, match="“Title” and “title”"):
        ingest(store, tmp_path, source)


# Which file it was.


def test_errors_name_the_one_of_many_files(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "days/1.csv", "sku,name\n1,pen\n")
    write(tmp_path, "days/2.csv", "sku,titel\n1,pen\n")
    with pytest.raises(MissingColumnsError, match=r"days/2\.csv"):
        ingest(store, tmp_path, {**PRODUCTS, "uri": "days"})
    write(tmp_path, "days/2.csv", "")
    with pytest.raises(EmptyTableError, match=r"days/2\.csv"):
        ingest(store, tmp_path, {**PRODUCTS, "uri": "days/*.csv"})
    write(tmp_path, "days/2.csv", "")
    (tmp_path / "days/2.csv").rename(tmp_path / "days/2.parquet")
    with pytest.raises(DamagedSourceError, match=r"days/2\.parquet"):
        ingest(store, tmp_path, {**PRODUCTS, "uri": "days"})


@pytest.mark.parametrize(
    ("values", "kind", "problem"),
    [
        ([-(2**63), 5], pa.timestamp("us"), "Its column “at” holds times before the year 1 or after 9999"),
        ([5, -(2**63) + 5], pa.timestamp("us", "UTC"), "Its column “at” holds times"),
        ([106_751_992, 0], pa.date32(), "Its column “at” holds times"),
        ([2**40], pa.timestamp("s"), "Its column “at” holds times"),
        ([2**63 // 1000 + 1, 5], pa.timestamp("ms"), "Could not convert"),
    ],
)
def test_a_time_that_no_calendar_has_is_damage(
    store: AssetStore, tmp_path: Path, values: list[int], kind: pa.DataType, problem: str
) -> None:
    pq.write_table(pa.table({"at": pa.array(values, kind), "n": values}), tmp_path / "x.parquet")
    with pytest.raises(DamagedSourceError, match=problem):
        ingest(store, tmp_path, {"table": "logins", "uri": "x.parquet"})


def test_a_time_without_end_is_kept(store: AssetStore, tmp_path: Path) -> None:
    pq.write_table(pa.table({"until": pa.array([2**63 - 1, 5, None], pa.timestamp("us"))}), tmp_path / "x.parquet")
    assert ingest(store, tmp_path, {"table": "logins", "uri": "x.parquet"}).accounts == (3, 3, 0, 0)
