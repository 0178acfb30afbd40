from pathlib import Path

import pytest
from prefect import flow

from tasks.assets.asset import AssetRef, AssetSpec
from tasks.assets.recipe import StageConfig
from tasks.assets.store import AssetStore
from tasks.errors import StageNotRunError, UnavailableError, UsageError
from tasks.stage import Build, StageResult, code_revision, stage

CALLS: list[str] = []
TEXTS: list[str] = []


class Config(StageConfig):
    text: str = "hello"


def spec(subject: str) -> AssetSpec:
    return AssetSpec(f"things/{subject}", "A thing", "one thing", "team", format="json", main="*.txt")


@stage("make", revision=1, produces=lambda subject, **_: (spec(subject), spec(f"{subject}-beside")))
def make(subject: str, config: Config, build: Build) -> None:
    """Make a thing and one beside it."""
    CALLS.append(subject)
    for name in (subject, f"{subject}-beside"):
        with build.draft(spec(name)) as draft:
            (draft.path / "a.txt").write_text(config.text)


@stage("join", revision=1, produces=lambda **_: (spec("joined"),))
def join(parts: dict[str, AssetRef], build: Build) -> None:
    """Join things."""
    CALLS.append("join")
    texts = [(build.path(ref) / "a.txt").read_text() for _, ref in sorted(parts.items())]
    with build.draft(spec("joined")) as draft:
        (draft.path / "a.txt").write_text(" ".join(texts))


@stage("fail", revision=1, produces=lambda how, **_: (spec(how),))
def fail(how: str, build: Build) -> None:
    """Fail the first time in a way that may pass, or every time in one that does not."""
    CALLS.append(how)
    if how == "final":
        raise UsageError(problem="It never works.", fix="Stop.")
    if CALLS.count(how) < 2:
        raise UnavailableError(source="x", problem="busy.", fix="Wait.")
    with build.draft(spec(how)) as draft:
        (draft.path / "a.txt").write_text("done")


@pytest.fixture(autouse=True)
def no_calls() -> None:
    CALLS.clear()


def test_an_equal_recipe_is_skipped(store: AssetStore) -> None:
    first = make.fn("pen", config=Config(), store=store)
    again = make.fn("pen", config=Config(), store=store)
    assert (first.status, again.status) == ("run", "skipped")
    assert first.refs == again.refs
    assert CALLS == ["pen"]


def test_another_configuration_is_another_version(store: AssetStore) -> None:
    first = make.fn("pen", config=Config(), store=store)
    other = make.fn("pen", config=Config(text="bye"), store=store)
    assert first.primary.version != other.primary.version


def test_a_stage_whose_second_asset_is_gone_is_made_again(store: AssetStore) -> None:
    result = make.fn("pen", config=Config(), store=store)
    store.discard(result["things/pen-beside"])
    assert make.fn("pen", config=Config(), store=store).status == "run"
    assert store.is_intact(result["things/pen-beside"])


def test_a_tampered_asset_is_rebuilt(store: AssetStore) -> None:
    result = make.fn("pen", config=Config(), store=store)
    (store.path(result.primary) / "a.txt").write_text("jello")
    fresh = AssetStore(store.url)
    assert make.fn("pen", config=Config(), store=fresh).status == "run"
    assert (fresh.path(result.primary) / "a.txt").read_text() == "hello"


def test_refresh_makes_it_again_and_present_demands_it(store: AssetStore) -> None:
    with pytest.raises(StageNotRunError, match="things/pen"):
        make.fn("pen", config=Config(), store=store, mode="present")
    make.fn("pen", config=Config(), store=store)
    assert make.fn("pen", config=Config(), store=store, mode="present").status == "skipped"
    assert make.fn("pen", config=Config(), store=store, mode="refresh").status == "run"
    assert CALLS == ["pen", "pen"]


@stage("write", revision=1, produces=lambda **_: (spec("written"),))
def write(build: Build) -> None:
    """Write what `TEXTS` says next, or fail where it says nothing."""
    with build.draft(spec("written")) as draft:
        (draft.path / "a.txt").write_text(TEXTS.pop())


def test_a_refresh_takes_the_place_of_what_was_there(store: AssetStore) -> None:
    TEXTS[:] = ["new", "old"]
    ref = write.fn(store=store).primary
    before = store.path(ref)
    assert write.fn(store=store, mode="refresh").status == "run"
    assert (store.path(ref) / "a.txt").read_text() == "new"
    assert (before / "a.txt").read_text() == "old", "somebody may still be reading it"
    assert store.leftovers() == [before.relative_to(store.url).as_posix()]


@stage("post", revision=1, produces=lambda **_: (spec("posted"),), is_kept=lambda wall, **_: Path(wall).exists())
def post(wall: str, build: Build) -> None:
    """Leave a note on a wall, outside of the lake."""
    Path(wall).write_text(TEXTS.pop())
    with build.draft(spec("posted")) as draft:
        (draft.path / "a.txt").write_text(Path(wall).read_text())


def test_what_was_left_outside_of_the_lake_and_is_lost_is_made_again(store: AssetStore, tmp_path: Path) -> None:
    TEXTS[:] = ["again", "first"]
    wall = tmp_path / "wall"
    assert [post.fn(str(wall), store=store).status for _ in range(2)] == ["run", "skipped"]
    wall.unlink()
    assert post.fn(str(wall), store=store, mode="present").status == "skipped"
    assert [post.fn(str(wall), store=store).status for _ in range(2)] == ["run", "skipped"]
    assert (store.path(post.fn(str(wall), store=store).primary) / "a.txt").read_text() == "again"


def test_a_refresh_that_fails_leaves_what_was_there(store: AssetStore) -> None:
    TEXTS[:] = ["old"]
    ref = write.fn(store=store).primary
    with pytest.raises(IndexError):
        write.fn(store=store, mode="refresh")
    assert (AssetStore(store.url).path(ref) / "a.txt").read_text() == "old"


def test_a_damaged_asset_that_is_only_looked_for_is_named_and_left(
    store: AssetStore, caplog: pytest.LogCaptureFixture
) -> None:
    damaged, beside = make.fn("pen", config=Config(), store=store).refs
    (store.path(damaged) / "a.txt").write_text("jello")
    fresh = AssetStore(store.url)
    with pytest.raises(StageNotRunError, match="things/pen"):
        make.fn("pen", config=Config(), store=fresh, mode="present")
    assert "differ from their digest" in caplog.text
    assert "rebuilt" not in caplog.text
    assert {item.ref for item in fresh.manifests()} == {damaged, beside}


def test_a_result_is_taken_as_its_primary_asset(store: AssetStore) -> None:
    pen = make.fn("pen", config=Config(text="a"), store=store)
    cup = make.fn("cup", config=Config(text="b"), store=store)
    joined = join.fn({"one": pen, "two": cup.primary}, store=store)
    assert (store.path(joined.primary) / "a.txt").read_text() == "a b"
    assert set(store.manifest(joined.primary).input_refs) == {pen.primary, cup.primary}


def test_the_durations_of_a_stages_assets_do_not_overlap(store: AssetStore) -> None:
    result = make.fn("pen", config=Config(), store=store)
    first, second = (store.manifest(ref) for ref in result.refs)
    assert first.started_at <= first.finished_at
    assert first.started_at < second.started_at


def test_scratch_is_removed_when_the_stage_is_done(store: AssetStore) -> None:
    make.fn("pen", config=Config(), store=store)
    assert list((Path(store.url) / ".scratch").iterdir()) == []


def test_the_code_revision_names_the_version() -> None:
    assert code_revision().startswith("0.")


@pytest.mark.usefixtures("prefect_backend")
def test_futures_flow_from_stage_to_stage_in_a_flow(store: AssetStore) -> None:
    @flow
    def both() -> tuple[StageResult, str | None]:
        parts = {name: make.submit(name, config=Config(), store=store, label=name) for name in ("pen", "cup")}
        joined = join.submit(parts, store=store)
        return joined.result(), joined.state.name

    first, first_state = both()
    again, again_state = both()
    assert (first.status, again.status) == ("run", "skipped")
    assert (first_state, again_state) == ("Completed", "Cached")
    assert first.refs == again.refs


@pytest.mark.usefixtures("prefect_backend")
def test_only_what_may_pass_is_tried_again(store: AssetStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.stage.RETRY_DELAYS_S", [0.0, 0.0])

    @flow
    def run(how: str) -> StageResult:
        return fail.submit(how, store=store).result()

    assert run("transient").status == "run"
    assert CALLS == ["transient", "transient"]
    with pytest.raises(UsageError, match="never works"):
        run("final")
    assert CALLS.count("final") == 1
