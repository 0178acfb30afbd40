from pathlib import Path

import duckdb
import pytest
from pydantic import ValidationError

from tasks.bounds import BoundedConfig, connect
from tasks.errors import MemoryLimitError


def test_a_connection_is_bounded_and_in_utc(tmp_path: Path) -> None:
    with connect(BoundedConfig(memory_limit="300MB", threads=1), tmp_path / "spill") as connection:
        asked = "memory_limit", "threads", "temp_directory", "TimeZone"
        found = [connection.execute(f"select current_setting('{name}')").fetchall()[0][0] for name in asked]
    assert found == ["286.1 MiB", 1, str(tmp_path / "spill"), "UTC"]


def test_nothing_is_loaded_from_elsewhere(tmp_path: Path) -> None:
    with connect(BoundedConfig(), tmp_path) as connection, pytest.raises(duckdb.Error, match="spatial"):
        connection.execute("select st_point(1, 2)")


@pytest.mark.parametrize("form", ["fetchall", "to_arrow_reader"])
def test_a_limit_that_is_too_low_is_told_as_one(tmp_path: Path, form: str) -> None:
    limits = BoundedConfig(memory_limit="20MB", threads=1)
    with pytest.raises(MemoryLimitError, match=r"`memory_limit` 20MB with 1 threads is too little: .*MiB used.*Raise"):
        _sort(limits, tmp_path, form)


def test_any_other_error_is_told_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(duckdb.ConversionException), connect(BoundedConfig(), tmp_path) as connection:
        connection.execute("select 'much'::integer")


@pytest.mark.parametrize("limit", ["0MB", "1.5GB", "much", "5"])
def test_a_limit_is_a_whole_number_of_megabytes_or_gigabytes(limit: str) -> None:
    with pytest.raises(ValidationError, match="memory_limit"):
        BoundedConfig(memory_limit=limit)


def _sort(limits: BoundedConfig, folder: Path, form: str) -> None:
    with connect(limits, folder) as connection:
        connection.execute("set temp_directory = ''")
        list(getattr(connection.sql("select range, md5(range::varchar) from range(3000000) order by 2"), form)())
