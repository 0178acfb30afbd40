"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import yaml
from hypothesis import settings

from tasks.assets.store import AssetStore
from tests.pandian import prefect_server

# No test may call home; set before any of these libraries is imported.
os.environ.update(
    DO_NOT_TRACK="1",
    PREFECT_SERVER_ANALYTICS_ENABLED="false",
    GX_ANALYTICS_ENABLED="false",
    MLFLOW_DISABLE_TELEMETRY="true",
    HF_HUB_OFFLINE="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    TOKENIZERS_PARALLELISM="false",
)

if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    # Processes side by side share the cores: threads that wait for each other while others compute cost most.
    os.environ["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])))

# The same examples in every run: a test fails for what was changed, or not at all.
settings.register_profile("suite", derandomize=True)
settings.load_profile("suite")

GOLDEN = Path(__file__).parent / "golden"
SHARED_DATA = Path(__file__).parents[1].parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data sets beside the checkout."""
    if not SHARED_DATA.is_dir():
        pytest.skip("The public data sets (../shared/data) are not beside this checkout.")
    return SHARED_DATA


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden", action="store_true", help="write the golden files anew instead of comparing")


@pytest.fixture(scope="session")
def golden(request: pytest.FixtureRequest) -> Callable[[str, object], None]:
    """Compare a value with `tests/golden/NAME.yaml`, or write it there when asked to."""
    renew = bool(request.config.getoption("--golden"))

    def compare(name: str, value: object) -> None:
        file = GOLDEN / f"{name}.yaml"
        text = yaml.safe_dump(value, sort_keys=False, width=120, allow_unicode=True)
        if renew:
            file.write_text(text, encoding="utf-8")
        assert text == file.read_text(encoding="utf-8"), f"{file.name} differs: `make golden`, and read the difference."

    return compare


@pytest.fixture
def store(tmp_path: Path) -> AssetStore:
    """An empty store in a local lake."""
    return AssetStore(str(tmp_path / "lake"))


@pytest.fixture(scope="session")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """What names, in the environment, a Prefect server for all runs of this process that need none of their own."""
    with prefect_server(tmp_path_factory.mktemp("prefect")) as env:
        yield env


@pytest.fixture(scope="session")
def prefect_backend(prefect: Mapping[str, str]) -> Iterator[None]:
    """That server for the flows that run in this very process."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: prefect["PREFECT_API_URL"]}):
        yield
