"""What a person reads at the end of a run, and when asking the inventory."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console, RenderableType

from flows.printable import printable
from flows.report import AssetReport, ModelReport, RunReport, RunStatus, StageReport, StageStatus, why_blocked
from flows.settings import PATTERNS, Settings
from flows.summary import answer_list, asset_list, finding_list, lineage_page, next_steps, run_summary, version_list
from tasks.assets.asset import AssetRef
from tasks.assets.manifest import Manifest, Verdict
from tasks.assets.recipe import Recipe
from tasks.assets.reports import EvaluationReport, MetricValue
from tasks.register.registry import Version
from tasks.retrieval.recommender import Recommendation


def ref(key: str, version: int = 1) -> AssetRef:
    return AssetRef(key, str(version) * 12)


def stage(name: str, status: StageStatus, *, is_asked: bool = True, reason: str = "") -> StageReport:
    return StageReport(name=name, status=status, seconds=20.0, is_asked=is_asked, reason=reason)


def asset(key: str, stage: str, *, skipped: bool) -> AssetReport:
    return AssetReport(key=key, stage=stage, version="1" * 12, rows=1, bytes=5, verdict=None, skipped=skipped)


def report(
    status: RunStatus, stages: list[StageReport], assets: list[AssetReport], missing: tuple[str, ...] = ()
) -> RunReport:
    return RunReport(
        run_id="r",
        status=status,
        lake="lake",
        stages=tuple(stages),
        assets=tuple(assets),
        findings={"critical": 0},
        model=None,
        report="/lake/index.html",
        missing=missing,
    )


def read(found: RunReport) -> str:
    return printed(run_summary(found, None))


def printed(content: RenderableType, width: int = 120) -> str:
    console = Console(width=width)
    with console.capture() as captured:
        console.print(content)
    return captured.get()


def test_a_line_of_stages_ends_between_stages() -> None:
    names = ("ingest", "validate", "profile", "embed", "analyze", "finetune", "evaluate", "register", "inventory")
    text = read(report("succeeded", [stage(name, "run") for name in names], []))
    assert [name for name in names if f"{name} run 20.0s" not in text] == []


def test_a_failed_run_that_made_nothing_tells_why_and_points_to_no_pages() -> None:
    stages = [stage("ingest", "failed", reason="No file."), stage("validate", "blocked", reason="ingest failed.")]
    found = report("failed", stages, [])
    assert read(found) == (
        "Stocktake failed: 40 s of work\ningest failed 20.0s: No file.\nNot reached: validate. ingest failed.\n"
    )
    assert "index.html" not in next_steps(found, Path("shop.yaml"))
    assert "findings" not in next_steps(found, Path("shop.yaml"))


def test_what_validation_blocked_is_told_once_with_the_table() -> None:
    why = why_blocked([], ["events"])
    stages = [stage("ingest", "run"), *(stage(name, "blocked", reason=why) for name in ("finetune", "evaluate"))]
    text = read(report("blocked", stages, []))
    assert "Not reached: finetune, evaluate. Validation blocked events.\n" in text
    assert "finetune blocked" not in text


def test_a_stage_is_blocked_by_a_failure_a_table_or_the_end_of_the_run() -> None:
    assert why_blocked(["ingest", "embed"], ["events"]) == "ingest and embed failed."
    assert why_blocked([], ["events", "users"]) == "Validation blocked events and users."
    assert why_blocked([], []) == "The run ended before it."


def test_a_failed_run_that_made_something_points_to_its_pages() -> None:
    found = report("failed", [stage("ingest", "failed")], [asset("tables/users", "ingest", skipped=False)])
    assert "1 table with 1 row," in read(found)
    assert "Findings" in read(found)
    assert "index.html" in next_steps(found, Path("shop.yaml"))


def test_a_run_says_where_its_pages_lie_how_to_open_them_and_which_model_to_review() -> None:
    model = ModelReport(name="tiny-recommender", version="7", alias="challenger", state="waiting", metrics={})
    found = report("succeeded", [stage("register", "run")], []).model_copy(update={"model": model})
    steps = next_steps(found, Path("shop.yaml"))
    assert "The pages:       /lake/index.html\n" in steps
    assert f"{sys.executable} -m webbrowser file:///lake/index.html\n" in steps
    assert "pandian review show 7 -c shop.yaml" in steps


def test_what_is_blocked_in_part_is_told_as_that() -> None:
    why = why_blocked([], ["events"])
    stages = [stage(name, "blocked", reason=why) for name in ("analyze", "finetune")]
    text = read(report("blocked", stages, [asset("analysis/duplicates", "analyze", skipped=False)]))
    assert "Not reached: part of analyze, finetune. Validation blocked events.\n" in text


def test_what_was_asked_for_is_told_from_what_was_looked_for() -> None:
    stages = [stage("ingest", "skipped"), stage("profile", "skipped", is_asked=False), stage("embed", "run")]
    assets = [asset("tables/users", "ingest", skipped=True), asset("profiles/users", "profile", skipped=True)]
    text = read(report("succeeded", stages, assets, ("profiles/events",)))
    assert "Asked for: ingest, embed." in text
    assert "for later stages to read: profile." in text
    assert "not there for these inputs: profiles/events." in text
    assert "profile skipped" not in text
    assert "profiles/users" not in text


def test_lineage_names_direct_neighbours_first_each_asset_once_and_a_year_of_files_in_a_line() -> None:
    table, old = ref("tables/events"), ref("splits/behaviour")
    files = [(ref(f"shards/events/day{day}.csv"), table) for day in range(365)]
    edges = [*files, (table, old), (old, ref("models/encoder")), (table, ref("models/encoder"))]
    now = {item for edge in edges for item in edge} - {old}
    assert lineage_page(table, edges, now).splitlines() == [
        "tables/events@111111111111",
        "",
        "Made from",
        "  shards/events/… (365 files)",
        "",
        "Used by",
        "  models/encoder",
        "  splits/behaviour@111111111111, not current",
    ]
    assert lineage_page(ref("models/encoder"), edges, now).splitlines()[2:6] == [
        "Made from",
        "  splits/behaviour@111111111111, not current",
        "  tables/events",
        "    shards/events/… (365 files)  by way of tables/events",
    ]


def manifest(key: str, verdict: Verdict | None) -> Manifest:
    recipe = Recipe.of("by-hand", 1, {})
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Manifest(
        **dict.fromkeys(("title", "grain", "owner", "stage", "data", "main", "content_digest", "code_revision"), ""),
        key=key,
        version=recipe.version,
        format="parquet",
        recipe_revision=1,
        arguments={},
        inputs=(),
        files=(),
        columns=(),
        rows=1,
        bytes=5,
        metrics={},
        verdict=verdict,
        findings=(),
        seed=None,
        run_id="r",
        started_at=now,
        finished_at=now,
        duration_s=0,
    )


def test_a_table_has_one_verdict_in_the_summary_and_in_the_list() -> None:
    table, judged = manifest("tables/events", None), manifest("validations/events", "warned")
    run = report(
        "succeeded",
        [stage("ingest", "run"), stage("validate", "run")],
        [asset("tables/events", "ingest", skipped=False), asset("validations/events", "validate", skipped=False)],
    )
    run = run.model_copy(update={"assets": (run.assets[0], run.assets[1].model_copy(update={"verdict": "warned"}))})
    for shown in (run_summary(run, None), asset_list([table, judged], {})):
        lines = [line for line in printed(shown).splitlines() if "/events" in line]
        assert ["warned" in line for line in lines] == [True, True]
    of_another = printed(asset_list([table, judged], {judged.ref: ["tables/events"]}))
    assert ["warned" in line for line in of_another.splitlines() if "/events" in line] == [False, True]


def test_an_assets_name_is_on_one_line_however_narrow_the_terminal() -> None:
    key = "validations/campaign_descriptions"
    run = report("succeeded", [stage("ingest", "run")], [asset(key, "ingest", skipped=False)])
    for shown in (run_summary(run, None), asset_list([manifest(key, None)], {})):
        assert key in printed(shown, width=80)


def test_every_pattern_of_the_settings_has_words() -> None:
    text = str(Settings.model_json_schema(by_alias=True)).replace("\\\\", "\\")
    assert text.count("'pattern': ") == sum(text.count(f"'pattern': '{pattern}'") for pattern in PATTERNS)


def test_a_comparison_names_models_and_says_what_it_means() -> None:
    models = {"item_knn": 0.1, "combination": 0.2}
    evaluation = EvaluationReport(
        models=tuple(models),
        metrics=tuple(
            MetricValue(model=name, split="test", metric="ndcg_at_10", value=value, low=0, high=1)
            for name, value in models.items()
        ),
        weights={},
        leakage=(),
        users={},
        events={},
        products=1,
        cutoffs={},
    )
    console = Console(width=80)
    with console.capture() as captured:
        console.print(
            run_summary(report("succeeded", [stage("evaluate", "run")], []), evaluation, "Not distinguishable.")
        )
    text = captured.get()
    assert "ItemKNN" in text
    assert text.endswith("Not distinguishable.\n")


def test_data_is_printed_as_it_stands_and_never_read_as_markup() -> None:
    odd = "Shirt [red] size [/b] \x1b[2J"
    said = printable(odd)
    assert printed(answer_list([Recommendation(odd, odd, 0.5, (odd,))])).count(said) == 3
    version = Version("m", "1", (), {"reviewer": odd, "review_reason": odd}, {}, {}, "r", 0)
    assert printed(version_list([version])).count(said) == 2
    found = {"severity": "info", "table": "sizes", "column": "width [/cm]", "kind": "outliers", "count": 3}
    assert "width [/cm]" in printed(finding_list([{**found, "message": odd, "action": "Mend it."}]))
    assert "shards/events/day[1].csv" in printed(asset_list([manifest("shards/events/day[1].csv", None)], {}))
