"""The command line: what it promises about help, exit codes and what it imports."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pyarrow as pa
import pytest
import yaml

from flows.cli import cli
from tasks.assets import specs
from tasks.assets.asset import AssetRef
from tasks.assets.recipe import Recipe
from tasks.assets.store import AssetStore
from tests.builders import make_products, save_asset, save_table
from tests.pandian import CALL, ROOT, answer, environment, pandian
from tests.tiny import write_shop

BUG = """
import flows.settings
def broken(path):
    raise KeyError("odd")
flows.settings.load_settings = broken
from flows.cli import main
main()
"""
"""The command with a bug in it."""

HEAVY = {"torch", "transformers", "great_expectations", "mlflow", "prefect", "pandas"}


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        yield " ".join((*path, name)), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


@pytest.mark.parametrize(("name", "command"), list(commands(cli)))
def test_every_command_has_help_with_an_example(name: str, command: click.Command) -> None:
    assert command.help is not None
    assert f"Example: pandian {name}" in command.help


@pytest.mark.parametrize(
    "args",
    [
        ["--help"],
        ["inventory", "list"],
        ["inventory", "findings"],
        ["inventory", "show", "tables/products", "--rows", "1"],
        ["inventory", "lineage", "tables/products"],
        ["inventory", "history", "tables/products"],
        ["inventory", "diff", "tables/products"],
        ["settings", "show"],
        ["settings", "schema"],
        ["gc", "--dry-run"],
    ],
)
def test_commands_that_only_read_import_nothing_heavy(tmp_path: Path, args: list[str]) -> None:
    write_shop(tmp_path)
    save_table(AssetStore(str(tmp_path / "lake")), "products", make_products(2))
    save_table(AssetStore(str(tmp_path / "lake")), "products", make_products(3))
    code = (
        "import sys, contextlib\n"
        "from flows.cli import main\n"
        "with contextlib.suppress(SystemExit): main()\n"
        f"loaded = set(sys.modules) & {HEAVY!r}\n"
        "assert not loaded, loaded\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *args],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_list_show_and_lineage_read_a_lake_that_no_run_has_finished(tmp_path: Path) -> None:
    write_shop(tmp_path)
    ref = save_table(AssetStore(str(tmp_path / "lake")), "products", make_products(3))
    (listed,) = answer("inventory", "list", cwd=tmp_path)
    assert listed["key"] == "tables/products"
    assert listed["rows"] == 3
    shown = answer("inventory", "show", "tables/products", cwd=tmp_path)
    assert shown["version"] == ref.version
    assert shown["metrics"] == {}
    assert answer("inventory", "lineage", "tables/products", cwd=tmp_path)["nodes"] == [str(ref)]
    assert answer("inventory", "findings", cwd=tmp_path) == []


@pytest.mark.parametrize("command", ["list", "findings"])
def test_a_shop_that_never_ran_is_told_so(tmp_path: Path, command: str) -> None:
    config = str(write_shop(tmp_path))
    done = pandian("inventory", command, "-c", config, cwd=tmp_path)
    said = f"No run has been made here yet: `pandian run -c {config}` takes stock.\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, said, "")
    assert answer("inventory", command, cwd=tmp_path) == []
    save_asset(AssetStore(str(tmp_path / "lake")), specs.RUN, {}, {specs.RUN.main: "{}"})
    assert said not in pandian("inventory", command, "-c", config, cwd=tmp_path).stdout


def test_no_control_sequence_reaches_the_terminal_by_an_error(tmp_path: Path) -> None:
    write_shop(tmp_path)
    done = pandian("inventory", "show", "\x1b[2J\x07", cwd=tmp_path)
    assert done.returncode == 2
    assert "“\\x1b[2J\\x07”" in done.stderr
    assert not {"\x1b", "\x07"} & set(done.stderr)


def test_show_names_where_the_data_lies_and_prints_the_first_rows(tmp_path: Path) -> None:
    write_shop(tmp_path)
    store = AssetStore(str(tmp_path / "lake"))
    ref = save_table(store, "products", make_products(3))
    shown = pandian("inventory", "show", "tables/products", "--rows", "2", cwd=tmp_path).stdout
    assert f"data: {store.path(ref)}\n" in shown.replace("\n  ", " ")
    assert "row 2 of 3" in shown
    assert "row 3" not in shown
    assert "row 1" not in pandian("inventory", "show", "tables/products", cwd=tmp_path).stdout
    done = pandian("inventory", "show", "tables/products", "--rows", "2", "--json", cwd=tmp_path)
    assert len(json.loads(done.stdout)["first_rows"]) == 2


def test_a_quarantine_is_shown_with_its_rows(tmp_path: Path) -> None:
    write_shop(tmp_path)
    rows = pa.table(
        {"reason": ["missing_product_id"], "source": ["items.csv"], "line": [7], "row": ['{"a":"\x1b[2J"}']}
    )
    save_asset(AssetStore(str(tmp_path / "lake")), specs.quarantine("products"), {"part-0.parquet": rows})
    shown = pandian("inventory", "show", "quarantine/products", "--rows", "5", cwd=tmp_path).stdout
    assert "reason: missing_product_id" in shown
    assert "line: 7" in shown
    assert "\x1b" not in shown
    assert "\\x1b[2J" in shown
    for data in (tmp_path / "lake").rglob("data-*"):
        shutil.rmtree(data)
    assert "rows: 1" in pandian("inventory", "show", "quarantine/products", cwd=tmp_path).stdout


def test_the_history_of_an_asset_lists_its_versions_and_diff_compares_two(tmp_path: Path) -> None:
    write_shop(tmp_path)
    store = AssetStore(str(tmp_path / "lake"))
    old = save_table(store, "products", make_products(2))
    new = save_table(store, "products", make_products(3).append_column("colour", pa.array(["\x1b[2J"] * 3)))
    newest, oldest = answer("inventory", "history", "tables/products", cwd=tmp_path)
    assert (newest["version"], newest["rows"], newest["is_current"]) == (new.version, 3, True)
    assert (oldest["version"], oldest["rows"], oldest["is_current"]) == (old.version, 2, False)
    assert [item["name"] for item in newest["changed"]["arguments"]] == ["content"]
    assert newest["changed"]["inputs"] == []
    found = answer("inventory", "diff", "tables/products", cwd=tmp_path)
    assert list(found) == [
        *("key", "old", "new", "facts", "columns", "metrics", "findings", "recipe", "arguments", "inputs")
    ]
    assert (found["old"], found["new"]) == (old.version, new.version)
    assert found["columns"] == {"added": [{"name": "colour", "type": "string"}], "removed": [], "retyped": []}
    assert found["findings"] == {"new": [], "gone": [], "changed": []}
    read = pandian("inventory", "diff", "tables/products", new.version, old.version, cwd=tmp_path).stdout
    assert "rows: 3 -> 2" in read
    assert "colour: string -> none" in read
    assert "\x1b" not in read
    listed = pandian("inventory", "history", "tables/products", cwd=tmp_path).stdout
    assert f"{new.version} (current)" in listed


def test_what_two_versions_share_is_not_named(tmp_path: Path) -> None:
    write_shop(tmp_path)
    ref = save_table(AssetStore(str(tmp_path / "lake")), "products", make_products(2))
    done = pandian("inventory", "diff", "tables/products", ref.version, ref.version, cwd=tmp_path)
    assert "They do not differ." in done.stdout
    alone = pandian("inventory", "diff", "tables/products", cwd=tmp_path)
    assert alone.returncode == 2
    assert "has no version before" in alone.stderr


@pytest.mark.parametrize("url", ["gs://bucket/lake", "abfs://container@shop.dfs.core.windows.net/lake"])
def test_a_lake_whose_package_is_missing_is_one_line_and_exit_code_2(tmp_path: Path, url: str) -> None:
    write_shop(tmp_path)
    code = "import sys; sys.modules.update(gcsfs=None, adlfs=None); from flows.cli import main; main()"
    done = pandian("inventory", "list", cwd=tmp_path, env={"PANDIAN_LAKE": url}, code=code)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "is not installed. Install it" in done.stderr


def test_the_doctor_says_what_is_there_and_exits_with_2_where_something_needed_is_not(tmp_path: Path) -> None:
    write_shop(tmp_path)
    well = pandian("doctor", cwd=tmp_path)
    assert well.returncode == 0, well.stderr
    assert "as pandian needs them" in well.stdout
    (tmp_path / "home").write_text("")
    ill = pandian("doctor", "--json", cwd=tmp_path, env={"PANDIAN_HOME": "home/below"})
    found = json.loads(ill.stdout)
    assert (ill.returncode, ill.stderr.count("\n"), found["is_ready"]) == (2, 1, False)
    assert {tuple(item) for item in found["checks"]} == {("name", "found", "is_ok", "is_needed", "fix")}
    assert {item["name"] for item in found["checks"] if not item["is_ok"]} == {"home", "MLflow"}
    assert "home, MLflow" in ill.stderr


def test_the_doctor_looks_at_a_machine_without_a_shop_and_at_a_broken_shop(tmp_path: Path) -> None:
    found = answer("doctor", cwd=tmp_path)
    (shop,) = [item for item in found["checks"] if item["name"] == "shop.yaml"]
    assert (shop["is_ok"], shop["is_needed"]) == (False, False)
    (tmp_path / "shop.yaml").write_text("shop: My Shop\n")
    broken = pandian("doctor", cwd=tmp_path)
    assert broken.returncode == 2
    assert "missing shop.yaml" in broken.stdout


def unreached(folder: Path) -> AssetRef:
    """Write a lake in which one of two assets is reached by no run, and return that."""
    write_shop(folder)
    store = AssetStore(str(folder / "lake"))
    orphan = save_table(store, "products", make_products(2))
    save_asset(store, specs.RUN, {}, {specs.RUN.main: "{}"})
    return orphan


def test_gc_removes_nothing_unasked_where_there_is_no_terminal(tmp_path: Path) -> None:
    orphan = unreached(tmp_path)
    store = AssetStore(str(tmp_path / "lake"))
    refused = pandian("gc", cwd=tmp_path)
    assert refused.returncode == 2
    assert "Pass `--yes`" in refused.stderr
    assert f"would remove {orphan}" in pandian("gc", "--dry-run", cwd=tmp_path).stdout
    assert store.find(orphan) is not None
    assert answer("gc", "--yes", cwd=tmp_path)["removed"] == [str(orphan)]
    assert store.find(orphan) is None


def test_gc_keeps_as_many_runs_as_it_is_told_with_all_they_use(tmp_path: Path) -> None:
    write_shop(tmp_path)
    store = AssetStore(str(tmp_path / "lake"))
    made = []
    for day in range(3):
        table = save_table(store, "products", make_products(day + 1))
        recipe = Recipe.of("run", 1, {"run_id": f"day {day}", "assets": [table]})
        with store.draft(specs.RUN, recipe, run_id=f"day {day}") as draft:
            (draft.path / specs.RUN.main).write_text("{}")
        made.append([f"{specs.RUN.key}@{recipe.version}", str(table)])
    assert answer("gc", "--dry-run", cwd=tmp_path)["removed"] == []
    assert answer("gc", "--keep", "2", "--dry-run", cwd=tmp_path)["removed"] == made[0]
    assert answer("gc", "--keep", "1", "--yes", cwd=tmp_path)["removed"] == sorted(made[0] + made[1])
    assert pandian("gc", "--keep", "0", "--yes", cwd=tmp_path).returncode == 2


@pytest.mark.parametrize(("says", "exit_code", "is_kept"), [("n", 130, True), ("y", 0, False)])
def test_gc_asks_on_a_terminal_what_it_may_remove(tmp_path: Path, says: str, exit_code: int, is_kept: bool) -> None:
    orphan = unreached(tmp_path)
    ours, theirs = pty.openpty()
    os.write(ours, f"{says}\n".encode())
    done = subprocess.run(
        [sys.executable, "-c", CALL, "gc"],
        cwd=tmp_path,
        env=environment(),
        stdin=theirs,
        capture_output=True,
        text=True,
        check=False,
    )
    os.close(ours)
    os.close(theirs)
    assert done.returncode == exit_code, done.stderr
    assert f"to be removed: {orphan}" in done.stderr
    assert "Remove 1 asset, " in done.stderr
    assert (AssetStore(str(tmp_path / "lake")).find(orphan) is not None) == is_kept


def test_an_unknown_asset_is_one_line_with_its_near_miss_and_exit_code_2(tmp_path: Path) -> None:
    write_shop(tmp_path)
    save_table(AssetStore(str(tmp_path / "lake")), "products", make_products(3))
    done = pandian("inventory", "show", "tables/product", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "Did you mean “tables/products”" in done.stderr


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["run"], "pandian demo"),
        (["run", "-c", "nowhere.yaml"], "nowhere.yaml"),
        (["run", "--only", "profil"], "Did you mean “profile”?"),
        (["run", "--from", "inventry"], "Did you mean “inventory”?"),
        (["nonsense"], "nonsense"),
        (["inventory", "show"], "KEY"),
    ],
)
def test_wrong_usage_is_exit_code_2(tmp_path: Path, args: list[str], words: str) -> None:
    done = pandian(*args, cwd=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bug_is_one_line_and_exit_code_1_and_its_traceback_is_there_on_request(tmp_path: Path) -> None:
    said = "This is a bug in pandian: KeyError: 'odd' `pandian --debug …` shows where.\n"
    done = pandian("inventory", "list", cwd=tmp_path, code=BUG)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)
    shown = pandian("--debug", "inventory", "list", cwd=tmp_path, code=BUG)
    assert (shown.returncode, shown.stdout) == (1, "")
    assert shown.stderr.startswith("Traceback")
    assert "in broken\n" in shown.stderr
    assert shown.stderr.endswith(said)


def test_an_expected_error_shows_its_traceback_on_request_and_keeps_its_exit_code(tmp_path: Path) -> None:
    done = pandian("--debug", "inventory", "list", "-c", "nowhere.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("Traceback")
    assert "nowhere.yaml" in done.stderr.splitlines()[-1]


def test_the_console_script_runs_from_any_folder_without_the_checkout_on_the_path(tmp_path: Path) -> None:
    write_shop(tmp_path)
    ref = save_table(AssetStore(str(tmp_path / "lake")), "products", make_products(3))
    env = {name: value for name, value in environment().items() if name != "PYTHONPATH"}
    command = [str(Path(sys.executable).parent / "pandian"), "inventory", "list", "--json"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [item["version"] for item in json.loads(done.stdout)] == [ref.version]


def test_the_schema_fits_the_shop_that_uses_it(tmp_path: Path) -> None:
    schema = json.loads(pandian("settings", "schema", cwd=tmp_path).stdout)
    assert {"shop", "lake", "sources", "validate", "register"} <= set(schema["properties"])
    assert schema["additionalProperties"] is False


def test_settings_are_shown_as_a_file_that_can_be_read_back(tmp_path: Path) -> None:
    write_shop(tmp_path)
    shown = pandian("settings", "show", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    (tmp_path / "again.yaml").write_text(shown.stdout)
    assert answer("settings", "show", cwd=tmp_path) == yaml.safe_load(shown.stdout)
    again = pandian("settings", "show", "-c", "again.yaml", cwd=tmp_path)
    assert again.stdout == shown.stdout, again.stderr


def test_generated_docs_are_current() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.docs", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
