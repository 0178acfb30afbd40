"""Addresses that fsspec reaches, and what is said where it does not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tasks.assets.file_system import DRIVERS, EXTRAS, file_system, is_of_a_store, missing_driver
from tasks.assets.lake import open_lake
from tasks.errors import UsageError


@pytest.fixture
def without_drivers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no package that reaches a store be found, whatever is installed."""
    for package in DRIVERS.values():
        monkeypatch.setitem(sys.modules, package, None)


@pytest.mark.usefixtures("without_drivers")
@pytest.mark.parametrize("url", ["gs://bucket/lake", "abfs://container@shop.dfs.core.windows.net/lake", "s3://bucket"])
def test_a_lake_whose_package_is_missing_is_wrong_usage_that_names_it(url: str, tmp_path: Path) -> None:
    package = DRIVERS[url.partition("://")[0]]
    with pytest.raises(UsageError, match=f"the package {package} is not installed.*pip install {package}"):
        open_lake(url, tmp_path)


@pytest.mark.usefixtures("without_drivers")
def test_pandians_extra_is_named_where_it_has_one() -> None:
    for package, extra in EXTRAS.items():
        url = next(scheme for scheme, driver in DRIVERS.items() if driver == package) + "://bucket"
        with pytest.raises(UsageError, match=f"extra “{extra}”"):
            file_system(url)


def test_the_packages_that_come_with_pandian_are_there() -> None:
    assert missing_driver("s3://bucket") is missing_driver("https://shop/items.csv") is None


def test_an_address_that_no_store_has_names_those_there_are() -> None:
    with pytest.raises(UsageError, match="Did you mean “gcs”"):
        file_system("gcss://bucket/items.csv")


def test_the_path_is_what_the_file_system_calls_it() -> None:
    system, path = file_system("memory://folder/items.csv")
    system.pipe_file(path, b"1")
    assert system.cat_file(path) == b"1"


def test_a_stores_error_is_told_from_a_bug() -> None:
    from botocore.exceptions import EndpointConnectionError

    assert is_of_a_store(EndpointConnectionError(endpoint_url="http://nowhere"))
    assert is_of_a_store(TimeoutError())
    assert not is_of_a_store(KeyError("size"))
