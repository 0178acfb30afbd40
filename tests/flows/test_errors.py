"""What a run that cannot go on says, over the real command line, and what it leaves behind."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from flows.plan import STAGES
from tasks.assets.store import AssetStore
from tests.pandian import pandian
from tests.services import Postgres, postgres
from tests.tiny import write_shop

__all__ = ["postgres"]

PASSWORD = "correct-horse-battery"
"""A wrong one, which nothing may show."""


@dataclass(frozen=True, slots=True)
class Broken:
    """One way of breaking a shop, and how the run must end.

    Args:
        spoil: Breaks the shop in a folder.
        exit_code: What the command exits with.
        words: Parts of its last line: what happened, to what, what to do.
        table: The table that must not be published.
        args: Beside `run`.
    """

    spoil: Callable[[Path], object]
    exit_code: int
    words: tuple[str, ...]
    table: str | None = None
    args: tuple[str, ...] = ("--only", "ingest")


@dataclass(frozen=True, slots=True)
class Ended:
    """A shop's folder, and how its run ended."""

    folder: Path
    run: subprocess.CompletedProcess[str]


def replace(old: str, new: str, folder: Path) -> None:
    """Change shop.yaml."""
    path = folder / "shop.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def truncate(folder: Path) -> None:
    """Deliver the products as the first half of a compressed file."""
    content = gzip.compress((folder / "products.csv").read_bytes())
    (folder / "products.csv.gz").write_bytes(content[: len(content) // 2])
    replace("products.csv", "products.csv.gz", folder)


def withhold(first: str, second: str, folder: Path) -> None:
    """Deliver neither of two files."""
    (folder / first).unlink()
    (folder / second).unlink()


def empty_all(folder: Path) -> None:
    """Deliver, for every table, a file without the columns it needs or without a row."""
    for path in folder.rglob("*.csv"):
        path.write_text("nothing\n")


def ask_postgres(folder: Path, *, url: str) -> None:
    """Let the users come from a database."""
    replace("uri: users.csv", f'uri: {url}\n    query: "select 1 as user, 2 as region"', folder)


FILES: dict[str, Broken] = {
    "a missing file": Broken(
        lambda folder: (folder / "users.csv").unlink(), 5, ("“users.csv”", "“users”", "Deliver it"), "users"
    ),
    "an unmapped required column": Broken(
        partial(replace, "user_id: user, product_id: sku", "user_id: user, product_id: skuu"),
        2,
        ("“events”", "“product_id”", "“user”, “sku”, “at”, “paid”", "Did you mean “sku”?", "mend `columns`"),
        "events",
    ),
    "a truncated gzip": Broken(
        truncate, 3, ("“products.csv.gz”", "“products”", "ended", "Deliver it again"), "products"
    ),
    "an empty table": Broken(
        lambda folder: (folder / "users.csv").write_text("user,region\n"), 3, ("“users”", "0 were read"), "users"
    ),
    "a lake that cannot be written": Broken(
        partial(replace, "lake: lake", "lake: users.csv/lake"),
        2,
        ("users.csv/lake”", "cannot be written", "Mend `lake`"),
    ),
    "two tables": Broken(
        partial(withhold, "users.csv", "coupons.csv"),
        5,
        ("No file matches “users.csv”", "No file matches “coupons.csv”", "Deliver it"),
        "users",
    ),
    "no table at all": Broken(empty_all, 2, ("“products”", "“events”", "“users”", "And 3 more."), "products", args=()),
    "a stage without what it needs": Broken(
        lambda _: None,
        2,
        ("not there yet", "“validations/products”", "Run without `--only`"),
        args=("--only", "embed"),
    ),
}
"""What Prefect has to start for."""

SETTINGS: dict[str, Broken] = {
    "an unknown setting": Broken(
        partial(replace, "lake: lake", "laek: lake"), 2, ("shop.yaml”", "`laek`", "“lake”?", "settings schema")
    ),
    "an unknown setting further in": Broken(
        partial(replace, "max_steps: 8", "max_step: 8"), 2, ("shop.yaml”", "`finetune.max_step`", "“max_steps”?")
    ),
    "a setting of a wrong type": Broken(
        partial(replace, "max_steps: 8", "max_steps: many"), 2, ("shop.yaml”", "`finetune.max_steps`", "integer")
    ),
    "a name with signs it may not have": Broken(
        partial(replace, "shop: tiny", "shop: My_Shop"),
        2,
        ("shop.yaml”", "`shop`: “My_Shop” should be lower case letters, digits and dashes"),
    ),
    "a file that is no YAML": Broken(
        partial(replace, "shop: tiny", "shop: [tiny"), 2, ("shop.yaml”", "line 2, column 5", "Write it as YAML")
    ),
    "an unknown stage": Broken(
        lambda _: None, 2, ("“profil”", "“profile”?", "`pandian run --help`"), args=("--only", "profil")
    ),
}
"""What is said before anything starts."""


def end(broken: Broken, folder: Path, env: Mapping[str, str] | None = None) -> Ended:
    """Write a shop, break it, and run."""
    write_shop(folder)
    broken.spoil(folder)
    return Ended(folder, pandian("run", *broken.args, cwd=folder, env=env, is_warm=True))


def check(broken: Broken, ended: Ended) -> None:
    """Look at the last line, the exit code, and what lies in the lake."""
    last = ended.run.stderr.splitlines()[-1]
    assert ended.run.returncode == broken.exit_code, ended.run.stderr[-4000:]
    assert [word for word in broken.words if word not in last] == [], last
    assert "Traceback" not in ended.run.stderr
    if (ended.folder / "lake").exists():
        store = AssetStore(str(ended.folder / "lake"))
        keys = {manifest.key for manifest in store.manifests()}
        assert not {f"tables/{broken.table}", f"quarantine/{broken.table}"} & keys
        assert store.leftovers() == []


@pytest.fixture(scope="module")
def ends(prefect: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    """Every broken shop that Prefect starts for, run: two at a time, since each of them mostly imports."""
    folders = {name: tmp_path_factory.mktemp("broken") for name in FILES}
    with ThreadPoolExecutor(2) as pool:
        runs = {name: pool.submit(end, broken, folders[name], prefect) for name, broken in FILES.items()}
        return {name: run.result() for name, run in runs.items()}


@pytest.mark.service
@pytest.mark.parametrize("name", FILES)
def test_what_stops_a_run_is_its_last_line_and_leaves_nothing_half_published(
    name: str, ends: Mapping[str, Ended]
) -> None:
    check(FILES[name], ends[name])


@pytest.mark.service
def test_a_missing_file_makes_ingest_a_failed_stage_and_leaves_the_other_tables(ends: Mapping[str, Ended]) -> None:
    ended = ends["a missing file"]
    assert re.search(r"^ingest failed [\d.]+s: No file matches “users.csv”", ended.run.stdout, re.MULTILINE)
    assert "tables/products" in ended.run.stdout
    assert "Findings:" in ended.run.stdout


@pytest.mark.service
def test_what_failed_before_anything_was_made_names_what_was_not_reached_and_no_pages(
    ends: Mapping[str, Ended],
) -> None:
    ended = ends["no table at all"]
    assert "Not reached: validate, profile" in ended.run.stdout
    (record,) = AssetStore(str(ended.folder / "lake")).versions("inventory/run")
    stages = json.loads((AssetStore(str(ended.folder / "lake")).path(record.ref) / "run.json").read_text())["stages"]
    assert {item["name"]: (item["status"], item["reason"]) for item in stages[1:]} == dict.fromkeys(
        STAGES[1:], ("blocked", "ingest failed.")
    )
    assert not [word for word in ("The pages", "Findings", "What is wrong", "0 tables") if word in ended.run.stdout]
    assert "NotReady" not in ended.run.stderr
    assert not (ended.folder / "lake" / "inventory" / "catalogue").exists()


@pytest.mark.service
def test_two_tables_that_fail_are_both_in_the_last_line(ends: Mapping[str, Ended]) -> None:
    last = ends["two tables"].run.stderr.splitlines()[-1]
    assert "“users.csv”" in last
    assert "“coupons.csv”" in last


@pytest.mark.service
def test_a_wrong_password_is_refused_and_never_shown(
    postgres: Postgres, prefect: Mapping[str, str], tmp_path: Path
) -> None:
    refused = (f"“127.0.0.1:{postgres.port}” refused the credentials", "Set PGPASSWORD")
    broken = Broken(partial(ask_postgres, url=postgres.url), 2, refused, "users")
    ended = end(broken, tmp_path, {**prefect, "PGPASSWORD": PASSWORD})
    check(broken, ended)
    assert PASSWORD not in ended.run.stdout + ended.run.stderr
    assert not any(PASSWORD.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.parametrize("broken", SETTINGS.values(), ids=SETTINGS)
def test_what_is_wrong_with_the_settings_is_one_line_before_anything_starts(broken: Broken, tmp_path: Path) -> None:
    ended = end(broken, tmp_path)
    check(broken, ended)
    assert ended.run.stderr.count("\n") == 1
    assert not {"lake", ".pandian"} & {path.name for path in tmp_path.iterdir()}
