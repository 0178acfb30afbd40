import os
import traceback
from pathlib import Path
from typing import Any

import pytest

from flows.promotion import promotion
from flows.run import Run
from flows.settings import find_config, load_settings, names_prefect, quiet_environment, read_suite
from flows.stocktake import stocktake
from tasks.errors import SettingsError, UsageError
from tests.tiny import write_shop


def test_paths_start_at_the_folder_of_the_file(tmp_path: Path) -> None:
    settings = load_settings(str(write_shop(tmp_path)))
    assert settings.lake == str(tmp_path / "lake")
    assert settings.home == str(tmp_path / ".pandian")
    assert settings.mlflow.tracking_uri == f"sqlite:///{tmp_path}/.pandian/mlflow/mlflow.db"


def test_a_path_may_start_at_the_users_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "ada"
    (home / "suites").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    for name, value in {"lake": "lake", "home": "state", "suites": "suites"}.items():
        monkeypatch.setenv(f"PANDIAN_{name.upper()}", f'"~/{value}"')
    settings = load_settings(str(write_shop(tmp_path / "shop")))
    assert (settings.lake, settings.suites) == (str(home / "lake"), str(home / "suites"))
    assert settings.mlflow.tracking_uri == f"sqlite:///{home}/state/mlflow/mlflow.db"
    monkeypatch.setenv("PANDIAN_LAKE", "~nobody-of-that-name")
    assert load_settings(str(tmp_path / "shop" / "shop.yaml")).lake == str(tmp_path / "shop" / "~nobody-of-that-name")


def test_an_encoder_in_a_folder_is_found_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "minilm").mkdir()
    for written in ("./model", "minilm/../model", f"{tmp_path}/./model/"):
        settings = load_settings(str(write_shop(tmp_path, extra=f"embed: {{encoder: {written}}}\n")))
        assert settings.embed.encoder == settings.finetune.model == str(tmp_path / "model")
    for name in ("minilm", "some/model@abc123"):
        settings = load_settings(str(write_shop(tmp_path, extra=f"embed: {{encoder: {name}}}\n")))
        assert settings.embed.encoder == settings.finetune.model == name


def test_a_file_as_encoder_is_looked_for_on_no_hub(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text("{}")
    settings = load_settings(str(write_shop(tmp_path, extra="embed: {encoder: p.jsonl}\n")))
    assert settings.embed.encoder == str(tmp_path / "p.jsonl")


def test_halves_of_a_character_are_joined_or_refused(tmp_path: Path) -> None:
    settings = load_settings(str(write_shop(tmp_path, extra='embed: {prompt: "\\ud83d\\ude00 "}\n')))
    assert settings.embed.prompt == "😀 "
    with pytest.raises(SettingsError, match=r"shop\.yaml"):
        load_settings(str(write_shop(tmp_path, extra='embed: {prompt: "\\ud83d "}\n')))


def test_the_encoder_is_trained_with_the_prompts_it_embeds_with(tmp_path: Path) -> None:
    extra = "embed: {encoder: some/e5, prompt: 'passage: ', query_prompt: 'query: '}\n"
    trained = load_settings(str(write_shop(tmp_path, extra=extra))).finetune
    assert (trained.prompt, trained.query_prompt) == ("passage: ", "query: ")


def test_training_another_encoder_than_is_compared_with_is_refused(tmp_path: Path) -> None:
    config = write_shop(tmp_path)
    config.write_text(config.read_text().replace("finetune: {", "finetune: {model: some/other, "))
    with pytest.raises(SettingsError, match=r"finetune\.model differs from embed\.encoder"):
        load_settings(str(config))


def test_an_object_store_stays_an_address(tmp_path: Path) -> None:
    config = write_shop(tmp_path)
    config.write_text(config.read_text().replace("lake: lake", "lake: s3://bucket/prefix"))
    assert load_settings(str(config)).lake == "s3://bucket/prefix"


def test_the_stages_that_track_are_told_where(tmp_path: Path) -> None:
    settings = load_settings(str(write_shop(tmp_path)))
    assert settings.register_.tracking_uri == settings.finetune.tracking_uri == settings.mlflow.tracking_uri
    assert settings.register_.model_name == "tiny-recommender"


def test_the_environment_overrides_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANDIAN_LAKE", "elsewhere")
    monkeypatch.setenv("PANDIAN_FINETUNE__MAX_STEPS", "6")
    settings = load_settings(str(write_shop(tmp_path)))
    assert settings.lake == str(tmp_path / "elsewhere")
    assert settings.finetune.max_steps == 6


def test_an_unknown_variable_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANDIAN_LAKES", "elsewhere")
    with pytest.raises(SettingsError, match="“PANDIAN_LAKES” is not a valid configuration: `lakes` is not a setting"):
        load_settings(str(write_shop(tmp_path)))


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"PANDIAN_FINETUNE__MAX_STEPS": "many"}, "“PANDIAN_FINETUNE__MAX_STEPS” is not"),
        ({"PANDIAN_EMBED": "{device: 7}"}, "“PANDIAN_EMBED” is not"),
        ({"PANDIAN_LAKES__X": "1"}, "“PANDIAN_LAKES__X” is not"),
        ({"PANDIAN_OWNERS": "{nothing: ada}"}, "“PANDIAN_OWNERS” is not"),
        ({"PANDIAN_SUITES": "nowhere"}, "“PANDIAN_SUITES” is not.*drop PANDIAN_SUITES"),
        ({"PANDIAN_SHOP": "A", "PANDIAN_LAKES": "x"}, "“PANDIAN_SHOP and PANDIAN_LAKES”.*In PANDIAN_SHOP: `shop`"),
        (
            {"PANDIAN_CONFIG": "nowhere.yaml"},
            "“nowhere.yaml” is not .*PANDIAN_CONFIG names it, and there is no such file",
        ),
    ],
)
def test_what_a_variable_says_wrongly_is_not_blamed_on_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], named: str
) -> None:
    config = str(write_shop(tmp_path))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=named) as caught:
        load_settings(None if "PANDIAN_CONFIG" in variables else config)
    assert "shop.yaml" not in str(caught.value)


def test_what_file_and_variable_say_wrongly_is_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = write_shop(tmp_path, extra="lakes: {y: 1}\n")
    monkeypatch.setenv("PANDIAN_LAKES__X", "1")
    monkeypatch.setenv("PANDIAN_FINETUNE__MAX_STEPS", "many")
    with pytest.raises(SettingsError, match=r"shop\.yaml” is not .*In PANDIAN_FINETUNE__MAX_STEPS: ") as caught:
        load_settings(str(config))
    assert "PANDIAN_LAKES" not in str(caught.value)


@pytest.mark.parametrize("flow", [stocktake, promotion])
def test_a_flow_that_was_deployed_without_a_configuration_says_what_to_do(flow: Any) -> None:
    with pytest.raises(UsageError, match="deploy again with PANDIAN_CONFIG set") as caught:
        flow.fn(config="")
    assert "\n" not in str(caught.value)


def test_every_misfit_is_named_with_its_place(tmp_path: Path) -> None:
    config = tmp_path / "shop.yaml"
    config.write_text("shop: My Shop\nsources:\n  - {table: products, uri: a.csv, colums: {}}\n")
    with pytest.raises(SettingsError, match="is not a setting") as caught:
        load_settings(str(config))
    assert "`shop`" in str(caught.value)
    assert "`sources.0.colums` is not a setting. Did you mean “columns”" in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("text", ["", "- a list", "shop: [", "shop: x"])
def test_what_is_no_configuration_is_refused(tmp_path: Path, text: str) -> None:
    config = tmp_path / "shop.yaml"
    config.write_text(text)
    with pytest.raises(SettingsError, match=r"shop\.yaml"):
        load_settings(str(config))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.yaml.*no such file"):
        load_settings(str(tmp_path / "nowhere.yaml"))


def test_the_demo_is_found_where_no_shop_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PANDIAN_CONFIG", raising=False)
    write_shop(tmp_path / "pandian-demo")
    assert find_config() == tmp_path / "pandian-demo" / "shop.yaml"
    write_shop(tmp_path)
    assert find_config() == tmp_path / "shop.yaml"


def test_owners_must_name_tables(tmp_path: Path) -> None:
    config = write_shop(tmp_path, extra="owners: {prodcts: team}\n")
    with pytest.raises(SettingsError, match="prodcts"):
        load_settings(str(config))


def test_owners_are_told_to_the_store_and_to_the_pages_but_to_no_stage_that_makes_data(tmp_path: Path) -> None:
    plain = load_settings(str(write_shop(tmp_path / "plain")))
    owned = load_settings(str(write_shop(tmp_path / "owned", extra="owners: {products: 王小明}\n")))
    assert owned.inventory.owners == Run(owned, {}, tmp_path).store.owners == {"products": "王小明"}
    parts = ("ingest", "validate_", "profile", "embed", "analyze", "split", "evaluate")
    assert [getattr(owned, part) for part in parts] == [getattr(plain, part) for part in parts]


def test_a_shops_own_suite_is_read_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "events.json").write_text('{"name": "mine"}')
    settings = load_settings(str(write_shop(tmp_path, extra="suites: suites\n")))
    assert read_suite(settings, "events") == '{"name": "mine"}'
    assert read_suite(settings, "products") is None


def test_a_suite_of_no_table_is_refused_and_the_nearest_table_named(tmp_path: Path) -> None:
    config = str(write_shop(tmp_path, extra="suites: suites\n"))
    (tmp_path / "suites").mkdir()
    for name in ("events", "coupons", "queries"):  # the last is a table that others may lead to
        (tmp_path / "suites" / f"{name}.json").write_text("{}")
    assert load_settings(config).suites is not None
    (tmp_path / "suites" / "evnets.json").write_text("{}")
    with pytest.raises(
        SettingsError, match=r"evnets\.json is named after no table of the shop\. Did you mean “events”\?"
    ):
        load_settings(config)


def test_a_missing_folder_of_suites_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="suites"):
        load_settings(str(write_shop(tmp_path, extra="suites: nowhere\n")))


def test_no_library_calls_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {})
    quiet_environment()
    silent = {
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "GX_ANALYTICS_ENABLED": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    assert {name: os.environ.get(name) for name in silent} == silent


def test_what_keeps_a_library_quiet_is_left_where_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"MLFLOW_LOGGING_LEVEL": "DEBUG"})
    quiet_environment()
    assert os.environ["MLFLOW_LOGGING_LEVEL"] == "DEBUG"


@pytest.mark.parametrize("name", ["PREFECT_API_URL", "PREFECT_HOME", "PREFECT_PROFILE"])
def test_a_named_prefect_is_kept(name: str) -> None:
    assert names_prefect({name: "x"})
    assert not names_prefect({"PREFECT_LOGGING_LEVEL": "DEBUG"})


@pytest.mark.parametrize("stage", ["mlflow", "finetune", "register"])
@pytest.mark.parametrize("setting", ["tracking_uri", "artifact_location"])
def test_a_password_in_an_address_of_mlflow_is_refused_and_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str, setting: str
) -> None:
    monkeypatch.setenv(f"PANDIAN_{stage}__{setting}".upper(), "https://ada:hunter2@mlflow.shop")
    with pytest.raises(SettingsError, match=rf"`{stage}\.{setting}`.*MLFLOW_TRACKING_PASSWORD") as caught:
        load_settings(str(write_shop(tmp_path)))
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("shop: 2024-13-45", "month must be"),
        ("shop: !!int abc", "invalid literal"),
        ("shop: " + "[" * 5_000, "nested too deeply"),
        ("shop: a\nembed: {}\nshop: b", "line 3, column 1: the key “shop” stands twice"),
    ],
)
def test_yaml_that_cannot_be_read_is_refused_wherever_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, words: str
) -> None:
    (tmp_path / "shop.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=words):
        load_settings(str(tmp_path / "shop.yaml"))
    monkeypatch.setenv("PANDIAN_EMBED", text)
    with pytest.raises(SettingsError, match=f"PANDIAN_EMBED.*{words}"):
        load_settings(str(write_shop(tmp_path / "shop")))
