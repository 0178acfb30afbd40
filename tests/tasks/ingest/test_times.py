"""Times are read by the form that reads most of them, and only where they are plausible."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.assets.store import AssetStore
from tasks.errors import UsageError
from tests.tasks.ingest.ingesting import Ingested, ingest

SOURCE = {"table": "users", "uri": "u.csv"}
DAY = datetime(2024, 1, 2, tzinfo=UTC)


def users(store: AssetStore, folder: Path, times: list[str], **more: Any) -> Ingested:  # settings of any kind
    rows = [f"{number},{time}" for number, time in enumerate(times)]
    (folder / "u.csv").write_text("\n".join(["user_id,signed_up_at", *rows]) + "\n", "utf-8")
    return ingest(store, folder, {**SOURCE, **more})


def days(folder: Path, *files: list[str]) -> dict[str, Any]:
    (folder / "days").mkdir(exist_ok=True)
    for number, times in enumerate(files, start=1):
        rows = [f"{number}-{place},{time}" for place, time in enumerate(times)]
        (folder / f"days/{number}.csv").write_text("\n".join(["user_id,signed_up_at", *rows]) + "\n", "utf-8")
    return {**SOURCE, "uri": "days/*.csv"}


@pytest.mark.parametrize("odd", ["0", "infinity", "1704153600", "20240102.0"])
def test_one_odd_value_does_not_decide_for_a_file(store: AssetStore, tmp_path: Path, odd: str) -> None:
    found = users(store, tmp_path, ["2024-01-02"] * 9 + [odd])
    assert found.column("signed_up_at") == [DAY] * 9 + [None]
    (finding,) = found.manifest.findings
    assert (finding.kind, finding.count) == ("invalid_type", 1)


@pytest.mark.parametrize("around", ["\t", "\u00a0", "\ufeff", "\u200b", " \r"])
@pytest.mark.parametrize(
    "texts",
    [
        ["2024-01-02", "2024-01-03"],
        ["20240102", "20240103"],
        ["1704153600", "1704240000"],
        ["02.01.2024", "13.01.2024"],
    ],
)
def test_times_are_bare_of_what_stands_around_them(
    store: AssetStore, tmp_path: Path, texts: list[str], around: str
) -> None:
    held = {"user_id": ["a", "b"], "signed_up_at": [f"{around}{texts[0]}{around}", texts[1]]}
    pq.write_table(pa.table(held), tmp_path / "u.parquet")
    found = ingest(store, tmp_path, {**SOURCE, "uri": "u.parquet"})
    assert found.column("signed_up_at")[0] == DAY
    assert found.manifest.findings == ()


def test_the_form_of_times_is_told_though_something_stands_around_all_of_them(
    store: AssetStore, tmp_path: Path
) -> None:
    found = users(store, tmp_path, ["03/04/2024\t", "05/05/2024\t"])
    assert found.column("signed_up_at")[0] == datetime(2024, 3, 4, tzinfo=UTC)
    assert [item.count for item in found.manifest.findings] == [1]


def test_numbers_may_be_declared_as_any_form_of_time(store: AssetStore, tmp_path: Path) -> None:
    pq.write_table(pa.table({"user_id": ["a"], "signed_up_at": [20240102]}), tmp_path / "u.parquet")
    found = ingest(store, tmp_path, {**SOURCE, "uri": "u.parquet", "timestamp_format": "iso"})
    assert found.column("signed_up_at") == [DAY]


@pytest.mark.parametrize("text", ["20240102", "20240102000000", "202401020000", "20240102T000000Z"])
def test_dates_without_dashes_are_dates(store: AssetStore, tmp_path: Path, text: str) -> None:
    assert users(store, tmp_path, [text, "2024-01-02"]).column("signed_up_at") == [DAY, DAY]


def test_numbers_that_are_dates_without_dashes_are_dates(store: AssetStore, tmp_path: Path) -> None:
    pq.write_table(pa.table({"user_id": ["a", "b"], "signed_up_at": [20240102, None]}), tmp_path / "u.parquet")
    assert ingest(store, tmp_path, {**SOURCE, "uri": "u.parquet"}).column("signed_up_at") == [DAY, None]
    pq.write_table(pa.table({"user_id": ["a", "b"], "signed_up_at": [20240102.0, None]}), tmp_path / "u.parquet")
    assert ingest(store, tmp_path, {**SOURCE, "uri": "u.parquet"}).column("signed_up_at") == [DAY, None]


@pytest.mark.parametrize(
    "text", ["03/04/26", "26-04-03", "2024", "0", "-5", "epoch", "infinity", "20241301", "1969-07-20", "2100-01-01"]
)
def test_what_is_no_time_of_a_shop_is_set_aside(store: AssetStore, tmp_path: Path, text: str) -> None:
    (tmp_path / "e.csv").write_text(
        f"user_id,product_id,event_type,timestamp\n1,2,view,{text}\n1,3,view,2024-01-02\n", "utf-8"
    )
    found = ingest(store, tmp_path, {"table": "events", "uri": "e.csv"})
    assert found.column("timestamp") == [DAY]
    assert found.quarantine["reason"].to_pylist() == ["invalid_timestamp"]


def test_typed_times_are_held_to_the_same_years(store: AssetStore, tmp_path: Path) -> None:
    moments = [datetime(1969, 7, 20, tzinfo=UTC), DAY]
    pq.write_table(pa.table({"user_id": ["a", "b"], "signed_up_at": moments}), tmp_path / "u.parquet")
    found = ingest(store, tmp_path, {**SOURCE, "uri": "u.parquet"})
    assert found.column("signed_up_at") == [None, DAY]
    assert found.metrics["rows_kept"] == 2


def test_dates_that_nothing_settles_are_told(store: AssetStore, tmp_path: Path) -> None:
    found = users(store, tmp_path, ["03/04/2024", "05/05/2024", "07/08/2024"])
    assert found.column("signed_up_at")[0] == datetime(2024, 3, 4, tzinfo=UTC)
    (finding,) = found.manifest.findings
    assert (finding.severity, finding.count) == ("warning", 2)
    assert finding.message == "Dates that can be read day first or month first in 2 values of “signed_up_at”."
    assert pq.read_table(found.folder / str(finding.keys))["user_id"].to_pylist() == ["0", "2"]
    declared = users(store, tmp_path, ["03/04/2024", "05/05/2024"], timestamp_format="day_first")
    assert declared.column("signed_up_at")[0] == datetime(2024, 4, 3, tzinfo=UTC)
    assert declared.manifest.findings == ()


def test_one_date_settles_all_of_a_file_wherever_it_stands(store: AssetStore, tmp_path: Path) -> None:
    found = users(store, tmp_path, ["03/04/2024"] * 1_500 + ["13/04/2024"])
    assert set(found.column("signed_up_at")) == {datetime(2024, 4, day, tzinfo=UTC) for day in (3, 13)}
    assert found.manifest.findings == ()


def test_files_of_one_source_that_seem_to_differ_are_refused_by_name(store: AssetStore, tmp_path: Path) -> None:
    source = days(tmp_path, ["03/04/2024"], ["13/04/2024"])
    with pytest.raises(UsageError, match=r"month first in “1\.csv” and day first in “2\.csv”") as caught:
        ingest(store, tmp_path, source)
    assert caught.value.exit_code == 2
    found = ingest(store, tmp_path, {**source, "timestamp_format": "day_first"})
    assert found.column("signed_up_at") == [datetime(2024, 4, day, tzinfo=UTC) for day in (3, 13)]


def test_sources_may_differ_in_the_order_of_their_dates(store: AssetStore, tmp_path: Path) -> None:
    days(tmp_path, ["04/13/2024"], ["13/04/2024"])
    sources = [{**SOURCE, "uri": f"days/{number}.csv"} for number in (1, 2)]
    found = ingest(store, tmp_path, *sources)
    assert found.column("signed_up_at") == [datetime(2024, 4, 13, tzinfo=UTC)] * 2


def test_what_stands_behind_microseconds_is_cut_and_counted_where_it_is_something(
    store: AssetStore, tmp_path: Path
) -> None:
    texts = [
        "2024-01-02 00:00:00.123456789",
        "2024-01-02T00:00:00.123456000Z",
        "2024-01-02",
        "2024-01-02 25:00:00.1234567",
    ]
    found = users(store, tmp_path, texts)
    cut = DAY.replace(microsecond=123456)
    assert found.column("signed_up_at") == [cut, cut, DAY, None]
    assert found.metrics["rules"] == {"signed_up_at.timestamp_iso": 3, "signed_up_at.nanoseconds": 1}


@pytest.mark.parametrize("zone", [None, "UTC"])
def test_times_of_a_type_of_nanoseconds_are_cut_as_texts_are(
    store: AssetStore, tmp_path: Path, zone: str | None
) -> None:
    begin = int(DAY.timestamp()) * 10**9
    moments = pa.array([begin + 123_456_789, begin + 123_456_000, None], pa.timestamp("ns", zone))
    pq.write_table(pa.table({"user_id": ["a", "b", "c"], "signed_up_at": moments}), tmp_path / "u.parquet")
    found = ingest(store, tmp_path, {**SOURCE, "uri": "u.parquet"})
    cut = DAY.replace(microsecond=123456)
    assert found.column("signed_up_at") == [cut, cut, None]
    assert found.metrics["rules"] == {"signed_up_at.nanoseconds": 1}
