import pytest

from tasks.assets.asset import AssetSpec


@pytest.mark.parametrize(
    "key",
    ["tables", "/tables/x", "tables/../x", "tables/..", "../x", "tables//x", "tables/x/", "tables/.x", "tables/x\n"],
)
def test_a_key_that_would_lead_elsewhere_in_the_lake_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="words joined by slashes"):
        AssetSpec(key, "Title", "one row", "team")


@pytest.mark.parametrize("key", ["tables/events", "profiles/_relationships", "shards/events/data-2024..01_A.csv.gz"])
def test_a_key_may_hold_what_a_files_name_holds(key: str) -> None:
    assert AssetSpec(key, "Title", "one row", "team").key == key
