from pathlib import Path

import duckdb
import pytest
from pydantic import ValidationError

from tasks.bounds import BoundedConfig, connect


def test_a_connection_is_bounded_and_in_utc(tmp_path: Path) -> None:
    with connect(BoundedConfig(memory_limit="300MB", threads=1), tmp_path / "spill") as connection:
        asked = "memory_limit", "threads", "temp_directory", "TimeZone"
        found = [connection.execute(f"select current_setting('{name}')").fetchall()[0][0] for name in asked]
    assert found == ["286.1 MiB", 1, str(tmp_path / "spill"), "UTC"]


def test_nothing_is_loaded_from_elsewhere(tmp_path: Path) -> None:
    with connect(BoundedConfig(), tmp_path) as connection, pytest.raises(duckdb.Error, match="spatial"):
        connection.execute("select st_point(1, 2)")


@pytest.mark.parametrize("limit", ["0MB", "1.5GB", "much", "5"])
def test_a_limit_is_a_whole_number_of_megabytes_or_gigabytes(limit: str) -> None:
    with pytest.raises(ValidationError, match="memory_limit"):
        BoundedConfig(memory_limit=limit)
