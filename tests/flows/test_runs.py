"""Whole runs over the real command line: what they make, skip, block and rebuild, and what the inventory says of it."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tasks.assets.manifest import Manifest
from tasks.assets.store import AssetStore
from tests.pandian import WAITS, answer, pandian, start
from tests.services import S3, s3_endpoint
from tests.tiny import registry_of, write_day, write_shop

__all__ = ["s3_endpoint"]

STAGES = ("ingest", "validate", "profile", "embed", "analyze", "finetune", "evaluate", "register", "inventory")
KNOWN_PRODUCTS = ("s0", "s1")
"""All that the shop with the wrong catalogue has of what its users buy."""

OWN_SUITE = {
    "name": "users",
    "expectations": [
        {
            "type": "expect_column_values_to_be_in_set",
            "kwargs": {"column": "region", "value_set": ["north"]},
            "severity": "critical",
        }
    ],
}


@dataclass(frozen=True, slots=True)
class Rerun:
    """A further run of a finished shop.

    Args:
        change: What happens to the shop before.
        args: Beside `run`.
        exit_code: What it must end with.
        has_own_registry: Nothing was registered yet where it registers.
    """

    change: Callable[[Path], object]
    args: tuple[str, ...] = ()
    exit_code: int = 0
    has_own_registry: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """A shop's folder, what lay in its lake before the run, and how the run ended."""

    folder: Path
    before: Mapping[str, Manifest]
    run: subprocess.CompletedProcess[str]
    exit_code: int = 0

    @property
    def report(self) -> Any:  # JSON values of any shape
        assert self.run.returncode == self.exit_code, self.run.stderr[-4000:]
        return json.loads(self.run.stdout)

    @property
    def statuses(self) -> dict[str, str]:
        return {stage["name"]: stage["status"] for stage in self.report["stages"]}

    @property
    def made(self) -> set[str]:
        return {item["key"] for item in self.report["assets"] if not item["skipped"]}


def damage(folder: Path) -> None:
    """Change one byte of a table, take another asset's manifest away, and make a third one's unreadable."""
    (part,) = (folder / "lake" / "tables" / "events").glob("*/data-*/part-*.parquet")
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content)
    manifest_of(folder, "profiles/products").unlink()
    manifest_of(folder, "splits/behaviour").write_text("{}")


def close_the_gate(folder: Path) -> None:
    """Ask of the model what none can reach."""
    path = folder / "shop.yaml"
    text = path.read_text(encoding="utf-8")
    assert "max_loss_to_part: 1" in text
    path.write_text(text.replace("max_loss_to_part: 1", "max_loss_to_part: 1, min_value: 1"), encoding="utf-8")
    shutil.rmtree(folder / ".pandian" / "mlflow")


def expect_judgments(folder: Path) -> None:
    """Name judgments that have not come yet, and a suite that blocks the users."""
    path = folder / "shop.yaml"
    source = "sources:\n  - {table: judgments, uri: judgments.csv}\n"
    path.write_text(path.read_text(encoding="utf-8").replace("sources:\n", source) + "suites: suites\n")
    block_users(folder)


def block_users(folder: Path) -> None:
    """Write a suite that fails for every second user."""
    (folder / "suites").mkdir()
    (folder / "suites" / "users.json").write_text(json.dumps(OWN_SUITE))


def manifest_of(folder: Path, key: str) -> Path:
    """Return where the manifest of an asset's only version lies."""
    (path,) = (folder / "lake" / key).glob("*/manifest.json")
    return path


RERUNS = {
    "damaged": Rerun(damage),
    "a new day": Rerun(lambda folder: write_day(folder, 3), ("--only", "ingest")),
    "one stage again": Rerun(lambda _: None, ("--only", "profile", "--refresh")),
    "from a stage": Rerun(lambda _: None, ("--from", "inventory", "--refresh")),
    "late judgments": Rerun(expect_judgments, exit_code=5),
    "refused": Rerun(close_the_gate, ("--from", "register"), exit_code=4, has_own_registry=True),
}


@pytest.fixture(scope="module")
def reruns(
    finished_shop: Path, prefect: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Ended]:
    """Each of the further runs, on a copy of the finished shop: two at a time, since each of them mostly imports."""
    folders = {name: tmp_path_factory.mktemp("rerun") / "shop" for name in RERUNS}
    with ThreadPoolExecutor(2) as pool:
        runs = {
            name: pool.submit(run_again, finished_shop, folders[name], rerun, prefect) for name, rerun in RERUNS.items()
        }
        return {name: run.result() for name, run in runs.items()}


def run_again(finished: Path, folder: Path, rerun: Rerun, env: Mapping[str, str]) -> Ended:
    """Copy a finished shop, change it, and run."""
    shutil.copytree(finished, folder)
    before = {item.key: item for item in AssetStore(str(folder / "lake")).manifests()}
    rerun.change(folder)
    registry = {} if rerun.has_own_registry else registry_of(finished)
    done = pandian("run", *rerun.args, "--json", cwd=folder, env={**env, **registry}, is_warm=True)
    return Ended(folder, before, done, rerun.exit_code)


@pytest.mark.service
def test_only_makes_one_stage_again_looks_for_those_before_and_leaves_out_the_rest(reruns: Mapping[str, Ended]) -> None:
    ended = reruns["one stage again"]
    assert ended.statuses == {"ingest": "skipped", "validate": "skipped", "profile": "run"}
    assert ended.made == {key for key in ended.before if key.startswith("profiles/")}


@pytest.mark.service
def test_from_makes_a_stage_and_looks_for_all_before(reruns: Mapping[str, Ended]) -> None:
    ended = reruns["from a stage"]
    assert ended.statuses == {**dict.fromkeys(STAGES, "skipped"), "inventory": "run"}
    assert ended.made == {"inventory/catalogue"}


@pytest.mark.service
def test_a_candidate_that_the_gate_refuses_ends_the_run_with_4_and_its_tags_say_why(
    reruns: Mapping[str, Ended],
) -> None:
    ended = reruns["refused"]
    assert ended.report["status"] == "refused"
    assert ended.statuses == {**dict.fromkeys(STAGES, "skipped"), "register": "run", "inventory": "run"}
    assert (ended.report["model"]["version"], ended.report["model"]["alias"]) == ("1", None)
    why = f"Its ndcg_at_10 of {ended.report['model']['metrics']['ndcg_at_10']:.4f} is below the 1.0000 that is asked."
    assert ended.run.stderr.splitlines()[-1].startswith(
        f"The candidate “tiny-recommender version 1” was refused: {why} `pandian review show 1`"
    )
    (listed,) = answer("review", "list", cwd=ended.folder, is_warm=True)
    assert (listed["gate"], listed["reason"]) == ("refused", why)
    assert (listed["alias"], listed["review"]) == (None, None)


@pytest.mark.service
def test_a_registry_that_was_lost_is_filled_again(
    finished_shop: Path, prefect: Mapping[str, str], tmp_path: Path
) -> None:
    shutil.copytree(finished_shop, tmp_path / "shop")
    shutil.rmtree(tmp_path / "shop" / ".pandian" / "mlflow")
    first = answer("run", "--from", "register", cwd=tmp_path / "shop", env=prefect, is_warm=True)
    shutil.rmtree(tmp_path / "shop" / ".pandian" / "mlflow")
    again = answer("run", cwd=tmp_path / "shop", env=prefect, is_warm=True)
    run = {stage["name"] for stage in again["stages"] if stage["status"] == "run"}
    assert run == {"register", "inventory"}, "pages tell the version's number, too"
    assert again["model"] == first["model"]
    (listed,) = answer("review", "list", cwd=tmp_path / "shop", is_warm=True)
    assert (listed["version"], listed["review"]) == (again["model"]["version"], "pending")


@pytest.mark.service
def test_a_candidate_that_the_gate_lets_pass_awaits_a_review(finished_shop: Path) -> None:
    (listed,) = answer("review", "list", cwd=finished_shop, is_warm=True)
    assert (listed["gate"], listed["alias"], listed["review"]) == ("passed", "challenger", "pending")


@pytest.mark.service
def test_prefect_calls_a_run_failed_that_is_blocked_or_refused(
    reruns: Mapping[str, Ended], blocked: Ended, prefect: Mapping[str, str]
) -> None:
    assert reruns["refused"].run.returncode == 4
    assert blocked.run.returncode == 3
    for ended, words in ((reruns["refused"], "was refused"), (blocked, "The table “events” is blocked")):
        run_id = json.loads(ended.run.stdout)["run_id"]
        with urllib.request.urlopen(f"{prefect['PREFECT_API_URL']}/flow_runs/{run_id}", timeout=60) as answered:
            state = json.load(answered)["state"]
        assert (state["type"], state["name"]) == ("FAILED", "Failed")
        assert words in state["message"]


@pytest.mark.service
def test_damaged_assets_are_named_and_made_again_and_nothing_else_is(reruns: Mapping[str, Ended]) -> None:
    ended = reruns["damaged"]
    events, split = ended.before["tables/events"].ref, ended.before["splits/behaviour"].ref
    assert f"the bytes of the file part-00000.parquet of {events} differ from their digest" in ended.run.stderr
    assert f"the manifest of {split} cannot be read" in ended.run.stderr
    assert ended.made == {"tables/events", "quarantine/events", "profiles/products", "splits/behaviour"}


@pytest.mark.service
def test_what_was_damaged_is_as_it_was(reruns: Mapping[str, Ended]) -> None:
    ended = reruns["damaged"]
    store = AssetStore(str(ended.folder / "lake"))
    after = {item.key: item for item in store.manifests()}
    assert all(store.is_intact(item.ref) for item in after.values())
    assert {key: after[key].version for key in ended.before if key != "inventory/run"} == {
        key: item.version for key, item in ended.before.items() if key != "inventory/run"
    }
    for key in ("tables/events", "splits/behaviour"):
        assert after[key].content_digest == ended.before[key].content_digest


@pytest.mark.service
def test_a_damaged_manifest_is_named_and_never_shown(finished_shop: Path, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(finished_shop, folder)
    damage(folder)
    shown = pandian("inventory", "show", "splits/behaviour", "--json", cwd=folder)
    assert (shown.returncode, shown.stdout) == (3, "")
    assert "the manifest of splits/behaviour" in shown.stderr.splitlines()[-1]
    assert "Run the flow again" in shown.stderr.splitlines()[-1]
    keys = {item["key"] for item in answer("inventory", "list", cwd=folder)}
    assert not {"splits/behaviour", "profiles/products"} & keys


@pytest.mark.service
def test_a_new_day_is_the_only_file_read(reruns: Mapping[str, Ended]) -> None:
    ended = reruns["a new day"]
    assert ended.made == {"shards/events/day3.csv", "tables/events", "quarantine/events"}
    assert "ingest events: 4 files, 3 unchanged, 1 read, 720 rows" in ended.run.stderr


@pytest.mark.service
def test_the_console_has_a_line_per_table_or_stage_and_none_per_file(reruns: Mapping[str, Ended]) -> None:
    ended = reruns["from a stage"]
    said = [line.partition(" | ")[2].partition(":")[0] for line in ended.run.stderr.splitlines() if " | " in line]
    assert said == ["inventory"]
    ended = reruns["damaged"]
    said = [line.partition(" | ")[2].partition(":")[0] for line in ended.run.stderr.splitlines() if " | " in line]
    ingested = ["ingest products", "ingest events", "ingest users", "ingest coupons"]
    assert [line for line in said if "WARNING" not in line] == [*ingested, *STAGES[1:]]
    assert "Finished in state" not in ended.run.stderr


@pytest.mark.service
def test_what_was_not_asked_for_is_told_from_what_was(reruns: Mapping[str, Ended]) -> None:
    report = reruns["one stage again"].report
    asked = {stage["name"]: stage["is_asked"] for stage in report["stages"]}
    assert asked == {"ingest": False, "validate": False, "profile": True}
    assert report["missing"] == []
    assert {item["stage"] for item in report["assets"]} == set(asked)


@pytest.mark.service
def test_the_list_marks_what_was_made_from_the_table_without_the_new_day(reruns: Mapping[str, Ended]) -> None:
    listed = {item["key"]: item["behind"] for item in answer("inventory", "list", cwd=reruns["a new day"].folder)}
    assert listed["profiles/events"] == listed["splits/behaviour"] == listed["models/encoder"] == ["tables/events"]
    assert listed["profiles/products"] == listed["tables/events"] == listed["inventory/run"] == []


@pytest.mark.service
def test_a_table_grows_by_the_rows_of_the_new_day(reruns: Mapping[str, Ended]) -> None:
    ended = reruns["a new day"]
    rows = {item["key"]: item["rows"] for item in ended.report["assets"]}
    delivered = len((ended.folder / "events" / "day3.csv").read_text().splitlines()) - 1
    assert rows["shards/events/day3.csv"] == delivered
    assert rows["tables/events"] == (ended.before["tables/events"].rows or 0) + delivered
    assert rows["tables/products"] == ended.before["tables/products"].rows


@pytest.fixture(scope="module")
def blocked(prefect: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """A shop whose catalogue lacks nearly all that is bought, and whose own suite of users fails for one in two."""
    folder = tmp_path_factory.mktemp("blocked")
    write_shop(folder, extra="suites: suites\n")
    header, *lines = (folder / "products.csv").read_text().splitlines()
    others = [line if line.split(",")[0] in KNOWN_PRODUCTS else f"x{line}" for line in lines]
    (folder / "products.csv").write_text("\n".join([header, *others, ""]))
    block_users(folder)
    return Ended(folder, {}, pandian("run", "--json", cwd=folder, env=prefect, is_warm=True), 3)


def blocking(ended: Ended, rule: str) -> tuple[str, Sequence[dict[str, Any]]]:  # rows with values of any type
    """Return what the run's last line says of a rule, and the rows of the file that it names."""
    last = ended.run.stderr.splitlines()[-1]
    said = re.search(rf"“{re.escape(rule)}” fails for (.*?), all of them in (\S+\.parquet)[;.]", last)
    assert said is not None, last
    return said[1], pq.read_table(said[2]).to_pylist()


@pytest.mark.service
def test_a_blocked_table_is_told_with_its_rule_and_a_file_of_exactly_the_failing_rows(blocked: Ended) -> None:
    assert blocked.run.returncode == 3
    assert "The table “events” is blocked" in blocked.run.stderr.splitlines()[-1]
    bought = [
        (row["user"], row["sku"])
        for path in (blocked.folder / "events").glob("*.csv")
        for row in csv.DictReader(path.read_text().splitlines())
    ]
    unknown = sorted(pair for pair in bought if pair[1] not in KNOWN_PRODUCTS)
    counts, rows = blocking(blocked, "product_id.mostly_known_in_products")
    assert counts == f"{len(unknown)} of {len(bought)} rows"
    assert sorted((row["user_id"], row["product_id"]) for row in rows) == unknown


@pytest.mark.service
def test_a_shops_own_critical_expectation_blocks_too(blocked: Ended) -> None:
    counts, rows = blocking(blocked, "own.1.region.be_in_set")
    assert counts == "30 of 60 rows"
    assert {row["region"] for row in rows} == {"south"}
    assert sorted(row["user_id"] for row in rows) == sorted(f"u{number}" for number in range(1, 60, 2))


@pytest.mark.service
def test_only_what_depends_on_a_blocked_table_does_not_run(blocked: Ended) -> None:
    report = json.loads(blocked.run.stdout)
    assert report["status"] == "blocked"
    why = {stage["name"]: stage["reason"] for stage in report["stages"] if stage["status"] == "blocked"}
    assert why == dict.fromkeys(("analyze", "finetune", "evaluate", "register"), "Validation blocked events.")
    keys = {item["key"] for item in report["assets"]}
    assert {"profiles/products", "profiles/coupons", "embeddings/products", "inventory/catalogue"} <= keys
    assert "analysis/duplicates" in keys, "of products alone"
    assert not {"profiles/events", "profiles/users", "splits/behaviour"} & keys
    assert not {"analysis/clusters", "analysis/associations"} & keys, "they tell shares of the events"


@pytest.mark.service
def test_no_model_is_made_without_the_judgments_that_a_shop_has_and_that_are_late(reruns: Mapping[str, Ended]) -> None:
    ended = reruns["late judgments"]
    assert "judgments.csv" in ended.run.stderr.splitlines()[-1]
    held = {stage["name"]: stage["reason"] for stage in ended.report["stages"] if stage["status"] == "blocked"}
    assert held == dict.fromkeys(("finetune", "evaluate", "register"), "ingest failed.")
    assert "analysis/clusters" not in ended.made
    assert not {key for key in ended.made if key.startswith(("models/", "evaluations/", "registrations/"))}
    listed = {item["key"]: item["version"] for item in answer("inventory", "list", cwd=ended.folder)}
    assert listed["registrations/recommender"] == ended.before["registrations/recommender"].version


@pytest.mark.service
def test_the_inventory_tells_of_a_blocked_table(blocked: Ended) -> None:
    listed = {item["key"]: item for item in answer("inventory", "list", cwd=blocked.folder)}
    assert listed["validations/events"]["verdict"] == "blocked"
    assert listed["validations/products"]["verdict"] == "passed"
    shown = answer("inventory", "show", "validations/events", cwd=blocked.folder)
    assert [item["id"] for item in shown["findings"] if item["severity"] == "critical"] == [
        "events.product_id.mostly_known_in_products"
    ]


@pytest.mark.service
def test_golden_findings_of_a_blocked_table(blocked: Ended, golden: Callable[[str, object], None]) -> None:
    found = answer("inventory", "findings", cwd=blocked.folder)
    for item in found:
        assert pq.read_table(item["keys"]).num_rows == item["count"]
    golden("inventory-findings", [{**item, "keys": Path(item["keys"]).name} for item in found])


@pytest.mark.service
def test_the_inventory_answers_while_a_run_goes_on(tmp_path: Path, prefect: Mapping[str, str]) -> None:
    write_shop(tmp_path)
    go = tmp_path / "go"
    env = {**prefect, "WAITS_BEFORE": "validations/events/", "WAITS_FOR": str(go)}
    stages = ("--only", "ingest", "--only", "validate", "--only", "profile")
    with start("run", *stages, "--json", cwd=tmp_path, env=env, code=WAITS) as run:
        while not any((tmp_path / "lake").glob("validations/events/*/data-*")):
            assert run.poll() is None, run.communicate()
        early = asked(tmp_path)
        go.touch()
        answers = [early]
        while run.poll() is None:
            answers.append(asked(tmp_path))
        output, errors = run.communicate()
    assert run.returncode == 0, errors[-4000:]
    assert "tables/events" in early
    assert "validations/events" not in early
    made = {item["key"] for item in json.loads(output)["assets"] if not item["key"].startswith("shards/")}
    assert all(keys <= made | {"inventory/run"} for keys in answers)
    assert asked(tmp_path) == made | {"inventory/run"}


def asked(folder: Path) -> set[str]:
    """Ask the inventory in its three ways, look whether all it names has a manifest, and return the keys listed."""
    listed = answer("inventory", "list", cwd=folder)
    shown = answer("inventory", "show", "tables/events", cwd=folder)
    lineage = answer("inventory", "lineage", "tables/events", cwd=folder)
    refs = {f"{item['key']}@{item['version']}" for item in [*listed, shown]} | set(lineage["nodes"])
    for ref in refs:
        key, version = ref.split("@")
        assert (folder / "lake" / key / version / "manifest.json").is_file(), ref
    return {item["key"] for item in listed}


@pytest.mark.service
def test_the_inventory_answers_from_manifests_alone(finished_shop: Path, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(finished_shop, folder)
    questions = (
        ("list", "--all"),
        *(
            (ask, key)
            for ask in ("show", "lineage")
            for key in ("tables/events", "models/recommender", "inventory/run")
        ),
    )
    before = [answer("inventory", *question, cwd=folder) for question in questions]
    for data in list((folder / "lake").glob("**/data-*")):
        shutil.rmtree(data)
    assert {path.name for path in (folder / "lake").rglob("*") if path.is_file() and ".locks" not in path.parts} == {
        "manifest.json"
    }
    assert [answer("inventory", *question, cwd=folder) for question in questions] == before


@pytest.mark.service
def test_a_lake_in_an_object_store_holds_the_same_and_a_second_run_skips_everything(
    s3_endpoint: S3, prefect: Mapping[str, str], finished_shop: Path, tmp_path: Path
) -> None:
    write_shop(tmp_path)
    env = {**prefect, "PANDIAN_LAKE": f"{s3_endpoint.url}/lake"}
    first = answer("run", cwd=tmp_path, env=env, is_warm=True)
    shutil.rmtree(tmp_path / ".pandian" / "cache")  # as on another machine: everything comes from the store
    second = answer("run", cwd=tmp_path, env=env, is_warm=True)
    listed = answer("inventory", "list", cwd=tmp_path, env=env)

    assert {stage["status"] for stage in first["stages"]} == {"run"}
    assert {stage["name"]: stage["status"] for stage in second["stages"]} == dict.fromkeys(STAGES, "skipped")
    assert [(a["key"], a["version"]) for a in second["assets"]] == [(a["key"], a["version"]) for a in first["assets"]]
    local = {item.key: item.rows for item in AssetStore(str(finished_shop / "lake")).manifests()}
    assert {a["key"]: a["rows"] for a in first["assets"]} == {k: r for k, r in local.items() if k != "inventory/run"}
    assert {item["key"] for item in listed} == {key for key in local if not key.startswith("shards/")}
    assert not (tmp_path / "lake").exists()
