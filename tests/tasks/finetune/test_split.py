from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.assets.store import AssetStore
from tasks.errors import MemoryLimitError, TooLittleDataError
from tasks.finetune import split_queries
from tasks.finetune.config import SplitConfig
from tasks.finetune.split import Split, behaviour_split
from tasks.finetune.task import split_behaviour
from tests.builders import make_events, save_table

START = datetime(2026, 1, 1, tzinfo=UTC)

LABELLED_BY_HAND = """
create table labelled as
select *, unnest(string_split(split_part(product_id, ' ', 1), '+')) as split from choices where {bound}
"""
"""A split that may do anything: the first word of a product says where its choices go, `train+test` in both."""


def events_of(rows: list[tuple[str, str, int]], **more: list[object]) -> pa.Table:
    """Purchases as (user, product, day)."""
    return pa.table(
        {
            "user_id": [user for user, _, _ in rows],
            "product_id": [product for _, product, _ in rows],
            "event_type": ["purchase"] * len(rows),
            "timestamp": pa.array([START + timedelta(days=day) for _, _, day in rows], pa.timestamp("us", tz="UTC")),
            **more,
        }
    )


def split_of(events: pa.Table, folder: Path, **settings: object) -> Split:
    file = folder / "part-0.parquet"
    pq.write_table(events, file)
    return behaviour_split([file], SplitConfig.model_validate(settings), folder / "spill")


def held(split: Split, name: str) -> set[tuple[str, str]]:
    rows = split.interactions.filter(pc.equal(split.interactions["split"], name)).to_pylist()
    return {(row["user_id"], row["product_id"]) for row in rows}


def test_last_out_holds_back_the_last_choice_and_the_one_before_it(tmp_path: Path) -> None:
    split = split_of(events_of([("u", f"p{day}", day) for day in range(5)]), tmp_path)
    assert split.report.method == "last_out"
    assert held(split, "test") == {("u", "p4")}
    assert held(split, "validation") == {("u", "p3")}
    assert held(split, "train") == {("u", "p0"), ("u", "p1"), ("u", "p2")}


def test_a_user_with_too_short_a_history_is_only_learned_from(tmp_path: Path) -> None:
    rows = [("long", f"p{day}", day) for day in range(4)] + [("short", f"p{day}", day) for day in range(3)]
    split = split_of(events_of(rows), tmp_path)
    assert {product for user, product in held(split, "train") if user == "short"} == {"p0", "p1", "p2"}
    assert {user for user, _ in held(split, "test")} == {"long"}


def test_choices_of_one_moment_are_ordered_the_same_whatever_the_order_of_the_rows(tmp_path: Path) -> None:
    rows = [(f"u{user}", f"p{product}", 0) for user in range(9) for product in range(6)]
    first = split_of(events_of(rows), tmp_path)
    second = split_of(events_of(rows[::-1]), tmp_path)
    assert first.interactions.equals(second.interactions)
    assert len({product for _, product in held(first, "test")}) > 1, "a tie must not always hold back one product"


def test_a_repeated_purchase_is_one_row_with_its_days_and_weight(tmp_path: Path) -> None:
    rows = [("u", "milk", 0), ("u", "milk", 0), ("u", "milk", 7), ("u", "a", 8), ("u", "b", 9), ("u", "milk", 10)]
    split = split_of(events_of(rows), tmp_path)
    trained = [row for row in split.interactions.to_pylist() if row["product_id"] == "milk" and row["split"] == "train"]
    assert [(row["weight"], row["days"]) for row in trained] == [(3.0, 2)]
    assert trained[0]["first_at"] < trained[0]["timestamp"]
    assert held(split, "test") == {("u", "milk")}


def test_cutoff_gives_everything_from_one_moment_on_to_the_test(tmp_path: Path) -> None:
    rows = [(f"u{user}", f"p{day}", day) for user in range(3) for day in range(20)]
    split = split_of(events_of(rows), tmp_path, method="cutoff", validation_share=0.1, test_share=0.1)
    cutoff = datetime.fromisoformat(split.report.cutoffs["test"])
    for row in split.interactions.to_pylist():
        assert (row["first_at"] >= cutoff) == (row["split"] == "test")
    assert all(check.is_clean for check in split.report.leakage)


def test_auto_takes_a_cutoff_where_users_are_busy(tmp_path: Path) -> None:
    rows = [(f"u{user}", f"p{day}", day) for user in range(3) for day in range(25)]
    assert split_of(events_of(rows), tmp_path).report.method == "cutoff"


def test_ratings_below_the_threshold_do_not_count(tmp_path: Path) -> None:
    rows = [("u", f"p{day}", day) for day in range(6)]
    rated = events_of(rows, rating=[5.0, 1.0, 5.0, None, 5.0, 5.0])
    split = split_of(rated, tmp_path, min_rating=3)
    assert sum(split.report.events.values()) == 5


def test_events_that_mean_nothing_are_refused_with_the_types_that_there_are(tmp_path: Path) -> None:
    events = make_events(3, 3, event_type="impression")
    with pytest.raises(TooLittleDataError, match="12 of type impression"):
        split_of(events, tmp_path)


def test_behaviour_too_thin_to_hold_any_back_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TooLittleDataError, match="nothing for validation and test"):
        split_of(events_of([("u", "a", 0), ("u", "b", 1)]), tmp_path)


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split_queries, "SPLIT_BY_LAST", LABELLED_BY_HAND.format(bound="$min_history > 0"))
    monkeypatch.setattr(split_queries, "SPLIT_BY_CUTOFF", LABELLED_BY_HAND.format(bound="$validation < $test"))


def leaks(split: Split) -> dict[str, str]:
    return {check.name: check.detail for check in split.report.leakage if not check.is_clean}


SOUND = [("u", "train a", 0), ("u", "train b", 1), ("u", "validation c", 2), ("u", "test d", 3)]


@pytest.mark.usefixtures("by_hand")
@pytest.mark.parametrize(
    ("rows", "check", "detail"),
    [
        (
            [("v", "train+test a", 1), ("w", "train+validation b", 2)],
            "every_choice_is_in_one_split",
            "Choices in two splits: 2.",
        ),
        (
            [("v", "train a", 5), ("v", "validation b", 4)],
            "no_user_learns_after_their_validation",
            "Users with an earlier split's choice after one of validation: 1.",
        ),
        (
            [("v", "train a", 5), ("v", "test b", 4)],
            "no_user_learns_after_their_test",
            "Users with an earlier split's choice after one of test: 1.",
        ),
        (
            [("v", "validation a", 5), ("v", "test b", 4)],
            "no_user_learns_after_their_test",
            "Users with an earlier split's choice after one of test: 1.",
        ),
    ],
    ids=["in two splits", "train after validation", "train after test", "validation after test"],
)
def test_a_user_whose_later_choices_are_learned_from_is_counted_as_a_leak(
    rows: list[tuple[str, str, int]], check: str, detail: str, tmp_path: Path
) -> None:
    assert leaks(split_of(events_of(SOUND), tmp_path)) == {}
    found = leaks(split_of(events_of([*SOUND, *rows]), tmp_path))
    assert list(found) == [check]
    assert found[check].startswith(detail)


@pytest.mark.usefixtures("by_hand")
@pytest.mark.parametrize(
    ("moved", "expected"),
    [
        ({}, {}),
        ({3: "train"}, {"validation": "Choices of train past the cutoff: 1."}),
        ({5: "validation"}, {"test": "Choices of train and validation past the cutoff: 1."}),
        (
            {6: "train"},
            {
                "validation": "Choices of train past the cutoff: 1.",
                "test": "Choices of train and validation past the cutoff: 1.",
            },
        ),
    ],
    ids=["none", "train at validation's moment", "validation at the test's moment", "train after both"],
)
def test_choices_at_or_after_the_moment_of_a_later_split_are_counted_as_a_leak(
    moved: dict[int, str], expected: dict[str, str], tmp_path: Path
) -> None:
    labels = dict(enumerate(["train"] * 3 + ["validation"] * 2 + ["test"] * 3)) | moved
    rows = [(f"u{day}", f"{label} {day}", day) for day, label in labels.items()]
    found = split_of(events_of(rows), tmp_path, method="cutoff", validation_share=0.25, test_share=0.25)
    assert leaks(found) == {f"nothing_before_{split}_is_past_its_cutoff": words for split, words in expected.items()}


def test_last_out_tells_how_much_it_learns_from_other_users_hindsight(tmp_path: Path) -> None:
    rows = [("early", f"p{day}", day) for day in range(4)] + [("late", f"p{day}", day) for day in range(3, 8)]
    checks = {check.name: check for check in split_of(events_of(rows), tmp_path).report.leakage}
    assert "Of the training choices 40% are later" in checks["no_user_learns_after_their_test"].detail


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(st.sampled_from("uvw"), st.sampled_from("abcdef"), st.integers(0, 9)), min_size=30, max_size=60
    ),
    method=st.sampled_from(["last_out", "cutoff"]),
)
def test_no_split_learns_from_a_user_after_what_it_predicts(
    rows: list[tuple[str, str, int]], method: str, tmp_path: Path
) -> None:
    try:
        split = split_of(events_of(rows), tmp_path, method=method, validation_share=0.2, test_share=0.2)
    except TooLittleDataError:
        return
    rank = {"train": 0, "validation": 1, "test": 2}
    last: dict[tuple[str, int], datetime] = {}
    for row in split.interactions.to_pylist():
        place = (row["user_id"], rank[row["split"]])
        last[place] = max(last.get(place, row["timestamp"]), row["timestamp"])
    for row in split.interactions.to_pylist():
        for earlier in range(rank[row["split"]]):
            assert last.get((row["user_id"], earlier), START) <= row["first_at"]
    assert all(check.is_clean for check in split.report.leakage)
    assert sum(split.report.events.values()) == len(rows)


def test_the_memory_limit_holds(tmp_path: Path) -> None:
    with pytest.raises(MemoryLimitError, match="`memory_limit` 1MB with 2 threads is too little: "):
        split_of(events_of([("u", f"p{day}", day) for day in range(5)]), tmp_path, memory_limit="1MB")


def test_the_stage_publishes_interactions_and_their_report(store: AssetStore) -> None:
    result = split_behaviour.fn(save_table(store, "events", make_events(6, 8)), config=SplitConfig(), store=store)
    folder = store.path(result.primary)
    report = json.loads((folder / "split.json").read_text())
    assert report["events"] == {"train": 12, "validation": 6, "test": 6}
    assert store.manifest(result.primary).rows == pq.read_metadata(folder / "interactions.parquet").num_rows


def test_office_is_split_by_last_choices_and_leaks_nothing(shared_data: Path, tmp_path: Path) -> None:
    file = tmp_path / "events.parquet"
    duckdb.execute(
        f"""copy (select user_id, asin as product_id, 'rating' as event_type, rating::double as rating,
        to_timestamp("timestamp"::bigint) as timestamp from read_csv('{shared_data}/amazon-office/events.csv'))
        to '{file}'"""
    )
    report = behaviour_split([file], SplitConfig(), tmp_path / "spill").report
    assert report.method == "last_out"
    assert sum(report.events.values()) == 21_297
    assert report.users["train"] == 3_231
    assert all(check.is_clean for check in report.leakage)
