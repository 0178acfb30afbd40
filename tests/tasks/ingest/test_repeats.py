from __future__ import annotations

import duckdb
import pytest

from tasks.ingest import repeats
from tasks.ingest.repeats import repeated_hashes

ROWS = "(select (n * 3 % 700)::ubigint * 26353589706233567 as h from range(1000) t(n))"


@pytest.mark.parametrize("at_once", [7, 500, 1_000_000])
def test_each_hash_that_several_rows_have_is_found_once_however_few_are_held(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeats, "HASHES_AT_ONCE", at_once)
    found = repeated_hashes(duckdb.connect(), ROWS, "h", count=1000).to_pylist()
    assert sorted(found) == sorted(n * 3 % 700 * 26353589706233567 for n in range(300))
    assert min(found) < 2**63 < max(found)


def test_no_rows_have_no_repeats() -> None:
    assert len(repeated_hashes(duckdb.connect(), "(select 1::ubigint as h where false)", "h", count=0)) == 0
