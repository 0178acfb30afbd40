from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from expectations.expectation import within
from expectations.suites import SUITES
from tasks.assets.manifest import Manifest
from tasks.assets.reports import ExpectationResult, ValidationReport
from tasks.assets.store import AssetStore
from tasks.errors import CountsDisagreeError, ExpectationRaisedError, SuiteError
from tasks.validate.config import ValidateConfig
from tasks.validate.rows import Rows, Tally
from tasks.validate.task import validate
from tests.builders import make_events, make_products, save_table
from tests.tasks.validate.tables import clean, with_cell


def run(
    store: AssetStore,
    name: str,
    table: pa.Table,
    *,
    related: dict[str, pa.Table] | None = None,
    suite: object = None,
    config: ValidateConfig | None = None,
) -> tuple[Manifest, ValidationReport, Path]:
    refs = {other: save_table(store, other, rows) for other, rows in (related or {}).items()}
    text = suite if suite is None or isinstance(suite, str) else json.dumps(suite)
    rows = save_table(store, name, table)
    result = validate.fn(name, rows, refs, text, config=config or ValidateConfig(), store=store, mode="refresh")
    folder = store.path(result.primary)
    report = ValidationReport.model_validate_json((folder / "validation.json").read_text(encoding="utf-8"))
    return store.manifest(result.primary), report, folder


def named(report: ValidationReport, id_: str) -> ExpectationResult:
    return next(item for item in report.results if item.id == id_)


def own(type_: str, meta: dict[str, str] | None = None, /, **kwargs: object) -> dict[str, object]:
    return {"name": "own", "expectations": [{"type": type_, "kwargs": kwargs, "meta": meta or {}}]}


def test_a_clean_table_passes_without_findings(store: AssetStore) -> None:
    manifest, report, folder = run(
        store, "events", make_events(5, 20), related={"products": make_products(20), "unused": make_products(2)}
    )

    assert (manifest.verdict, manifest.findings, report.verdict) == ("passed", (), "passed")
    assert manifest.rows == len(report.results) == pq.read_table(folder / "results.parquet").num_rows
    assert not (folder / "failing").exists()


def test_a_blocked_table_is_a_verdict_with_counts_examples_and_every_failing_key(store: AssetStore) -> None:
    table = with_cell(with_cell(clean("judgments"), "grade", 2, 9), "grade", 5, -1)

    manifest, report, folder = run(store, "judgments", table)

    result = named(report, "grade.range")
    assert (manifest.verdict, result.failed, result.checked, result.is_met) == ("blocked", 2, 12, False)
    assert result.examples == ("-1", "9")
    rows = pq.read_table(folder / str(result.failing)).to_pylist()
    assert rows == [
        {"_row": 2, "query_id": "v2", "product_id": "v2", "grade": 9},
        {"_row": 5, "query_id": "v5", "product_id": "v5", "grade": -1},
    ]
    (finding,) = manifest.findings
    assert (finding.severity, finding.kind, finding.count, finding.keys) == (
        "critical",
        "invalid_category",
        2,
        result.failing,
    )


def test_a_warning_leaves_the_table_usable_and_names_the_orphans(store: AssetStore) -> None:
    manifest, report, folder = run(store, "events", make_events(5, 20), related={"products": make_products(6)})

    result = named(report, "product_id.known_in_products")
    assert manifest.verdict == "warned"
    assert [(item.kind, item.severity) for item in manifest.findings] == [("orphan_keys", "warning")]
    failing = pq.read_table(folder / str(result.failing))
    expected = pc.sum(pc.invert(pc.is_in(make_events(5, 20)["product_id"], pa.array([f"p{i}" for i in range(6)]))))
    assert failing.num_rows == result.failed == expected.as_py() > 0
    assert failing.column_names == ["_row", "user_id", "product_id"]


def test_a_reference_is_not_judged_without_the_table_it_refers_to(store: AssetStore) -> None:
    _, report, _ = run(store, "events", make_events(3, 5))

    assert not [item for item in report.results if "known_in" in item.id]


def test_an_empty_extra_table_is_not_passed_over_in_silence(store: AssetStore) -> None:
    manifest, _, _ = run(store, "coupons", pa.table({"upc": pa.array([], pa.int64())}))

    assert manifest.verdict == "warned"
    assert [item.kind for item in manifest.findings] == ["missing_records"]


@pytest.mark.parametrize("partition_rows", [1, 7, 10_000])
def test_the_result_does_not_depend_on_the_partition_size(store: AssetStore, partition_rows: int) -> None:
    table = pa.concat_tables([clean("events", 30), clean("events", 8)])
    for row, price in ((1, -1.0), (2, -1.0), (9, -7.0), (20, None), (21, float("nan"))):
        table = with_cell(table, "price", row, price)
    suite = own("expect_column_pair_values_a_to_be_greater_than_b", column_A="price", column_B="position")
    related = {"products": clean("products", 9)}
    expected = run(store, "events", table, related=related, suite=suite, config=ValidateConfig())

    found = run(
        store, "events", table, related=related, suite=suite, config=ValidateConfig(partition_rows=partition_rows)
    )

    assert found[1].results == expected[1].results
    assert found[0].findings == expected[0].findings
    assert named(found[1], "price.minimum").failed == 3
    assert named(found[1], "price.minimum").checked == 36
    assert named(found[1], "event_id.unique").failed == 16


def test_equal_recipes_make_equal_bytes(tmp_path: Path) -> None:
    digests = {
        run(AssetStore(str(tmp_path / lake)), "judgments", with_cell(clean("judgments"), "grade", 2, 9))[
            0
        ].content_digest
        for lake in ("one", "two")
    }

    assert len(digests) == 1


def test_failing_rows_of_a_table_without_a_key_carry_their_number_and_ids(store: AssetStore) -> None:
    table = with_cell(clean("reviews"), "rating", 7, -3.0)

    _, report, folder = run(store, "reviews", table)

    (row,) = pq.read_table(folder / str(named(report, "rating.range").failing)).to_pylist()
    assert row == {"_row": 7, "review_id": "v7", "user_id": "v7", "product_id": "v7", "rating": -3.0}


@pytest.mark.parametrize(
    "name", ["_row", "_value", "n", "digest", "N", "rows", "is_known", "file_index", "File_Row_Number"]
)
def test_a_column_may_be_called_as_anything_is_called_here(store: AssetStore, name: str) -> None:
    table = pa.table({name: [0, 1, 2, 1], "v": pa.array([5, None, 1, 5], pa.int64()), "coupon_id": list("abcd")})
    entries = [
        {"type": "expect_column_values_to_be_between", "kwargs": {"column": name, "max_value": 1}},
        {"type": "expect_column_values_to_be_between", "kwargs": {"column": "v", "max_value": 4}},
        {"type": "expect_column_values_to_be_unique", "kwargs": {"column": name}},
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "v"}},
        {"type": "expect_column_pair_values_a_to_be_greater_than_b", "kwargs": {"column_A": "v", "column_B": name}},
    ]

    _, report, folder = run(store, "coupons", table, suite={"name": "own", "expectations": entries})

    failing = [pq.read_table(folder / str(item.failing)) for item in report.results[-5:]]
    number = "pandian:row" if name == "_row" else "_row"
    assert [found[number].to_pylist() for found in failing] == [[2], [0, 3], [1, 3], [1], [1, 2]]
    assert [found["coupon_id"].to_pylist() for found in failing] == [["c"], ["a", "d"], ["b", "d"], ["b"], ["b", "c"]]
    assert [item.examples for item in report.results[-5:]][:3] == [("2",), ("5",), ("1",)]


@pytest.mark.parametrize("name", ["n", "is_known", "key", "held"])
def test_a_reference_may_stand_beside_a_column_of_any_name(store: AssetStore, name: str) -> None:
    table = clean("events").append_column(name, pa.array([7] * 12))
    suite = own("expect_compound_columns_to_be_unique", column_list=[name, "event_type"])

    _, report, _ = run(store, "events", table, related={"products": clean("products", 9)}, suite=suite)

    assert named(report, "product_id.known_in_products").failed == 3
    assert report.results[-1].failed == 12


def test_one_text_under_two_labels_is_a_conflict_and_one_text_twice_under_one_label_is_none(store: AssetStore) -> None:
    table = clean("reviews")
    for row, text, label in ((0, "good", "1"), (1, "good", "0"), (2, "bad", "0"), (3, "bad", "0")):
        table = with_cell(with_cell(table, "text", row, text), "label", row, label)

    manifest, report, _ = run(store, "reviews", table)

    assert named(report, "text.one_label").failed == 2
    assert named(report, "text.one_label").examples == ("good",)
    (conflict,) = [item for item in manifest.findings if item.kind == "conflicting_values"]
    assert conflict.id == "reviews.text.one_label"


def test_a_finding_of_what_repeats_tells_rows_values_and_repeats(store: AssetStore) -> None:
    table = clean("reviews")
    for row, text in enumerate(["good", "good", "good", "bad", "bad"]):
        table = with_cell(with_cell(table, "text", row, text), "label", row, "1")

    manifest, report, folder = run(store, "reviews", table)

    (finding,) = manifest.findings
    assert (finding.id, finding.kind, finding.count) == ("reviews.text.unique", "duplicate_keys", 5)
    assert "in 5 of 12 rows; they share 2 values, so that 3 of them repeat another." in finding.message
    failing = pq.read_table(folder / str(named(report, "text.unique").failing))
    assert failing["text"].to_pylist() == ["good", "good", "good", "bad", "bad"]


def test_a_text_may_stand_in_several_reviews_that_no_model_learns_a_label_from(store: AssetStore) -> None:
    table = with_cell(with_cell(clean("reviews"), "text", 0, "good"), "text", 1, "good").drop_columns(["label"])

    manifest, _, _ = run(store, "reviews", table)

    assert manifest.findings == ()


def test_events_that_share_their_time_are_disordered_unless_bought_in_one_session(store: AssetStore) -> None:
    table = clean("events").drop_columns(["session_id"])
    for row in range(8):
        table = with_cell(with_cell(table, "user_id", row, "u"), "timestamp", row, table["timestamp"][0].as_py())
    basket = table.append_column("session_id", pa.array(["s"] * len(table)))

    _, alone, _ = run(store, "events", table)
    _, together, _ = run(store, "events", basket)

    assert named(alone, "user_id+timestamp.ordered").failed == 8
    assert not named(alone, "user_id+timestamp.ordered").is_met
    assert named(together, "user_id+timestamp.ordered").is_met


def test_events_after_ingestion_are_in_the_future(store: AssetStore) -> None:
    manifest, _, _ = run(store, "events", with_cell(clean("events"), "timestamp", 0, datetime(2190, 1, 1, tzinfo=UTC)))

    assert [(item.kind, item.count) for item in manifest.findings] == [("future_timestamps", 1)]
    assert manifest.findings[0].examples[0].startswith("2190-01-01")


def test_text_with_markup_is_found_and_a_plain_comparison_is_not(store: AssetStore) -> None:
    table = clean("products")
    for row, text in ((0, "a <b>bold</b> pen"), (1, "3 < 4 and 5 > 4"), (2, "salt &amp; pepper"), (3, "R&D; <3")):
        table = with_cell(table, "title", row, text)

    _, report, _ = run(store, "products", table)

    assert named(report, "title.no_markup").examples == ("a <b>bold</b> pen", "salt &amp; pepper")


def test_a_long_failing_text_is_shown_shortened_and_written_whole(store: AssetStore) -> None:
    text = "<b>" + "word " * 100

    _, report, folder = run(store, "products", with_cell(clean("products"), "title", 0, text))

    result = named(report, "title.no_markup")
    assert result.examples == (text[:200] + "…",)
    assert pq.read_table(folder / str(result.failing))["title"].to_pylist() == [text]


def test_a_returned_quantity_may_be_negative(store: AssetStore) -> None:
    table = with_cell(with_cell(clean("events"), "quantity", 0, -1.0), "event_type", 0, "return")

    manifest, _, _ = run(store, "events", table)

    assert manifest.verdict == "passed"


def test_the_inferred_suite_holds_on_its_own_table_and_can_be_copied(store: AssetStore) -> None:
    table = pa.table(
        {
            "coupon_id": list(range(60)),
            "kind": ["a", "b", "c"] * 20,
            "when": pa.array([None, *range(59)], pa.int32()),
            "tags": pa.array([["x"]] * 60, pa.list_(pa.string())),
        }
    )

    manifest, report, folder = run(store, "coupons", table)
    text = (folder / "suite.json").read_text(encoding="utf-8")
    changed = with_cell(table.drop_columns(["tags"]), "kind", 0, "d")
    again, _, _ = run(store, "coupons", table, suite=text)
    broken, _, _ = run(
        store,
        "coupons",
        changed,
        suite=json.dumps({**json.loads(text), "expectations": json.loads(text)["expectations"][:2]}),
    )

    assert (manifest.verdict, manifest.findings) == ("passed", ())
    assert report.suite == "coupons (inferred)"
    assert {item.id for item in report.results} == {
        "table.not_empty",
        "table.columns",
        *(f"{name}.type" for name in table.column_names),
        "coupon_id.not_null",
        "kind.not_null",
        "tags.not_null",
        "coupon_id.unique",
        "kind.known",
    }
    assert again.verdict == "passed"
    assert again.metrics["expectations"] == 2 * manifest.metrics["expectations"]
    assert [item.kind for item in broken.findings] == ["schema_change"]


def test_a_shops_own_expectation_is_judged_beside_ours_with_its_own_severity(store: AssetStore) -> None:
    suite = own("expect_column_values_to_match_regex", {"severity": "block"}, column="brand", regex="(a|b)rand[01]")

    manifest, report, folder = run(store, "products", make_products(9), suite=suite)

    result = report.results[-1]
    assert (manifest.verdict, result.severity, result.failed, result.examples) == ("blocked", "block", 3, ("brand2",))
    assert pq.read_table(folder / str(result.failing))["product_id"].to_pylist() == ["p2", "p5", "p8"]


OF_TYPE = "expect_column_values_to_be_of_type"


def test_a_type_that_only_the_shops_own_suite_demands_takes_no_check_of_ours_away(store: AssetStore) -> None:
    table = with_cell(clean("judgments"), "grade", 2, 9)

    manifest, report, _ = run(store, "judgments", table, suite=own(OF_TYPE, column="grade", type_="int32"))

    assert (manifest.verdict, named(report, "grade.range").failed) == ("blocked", 1)
    assert not report.results[-1].is_met


@pytest.mark.parametrize("type_", ["int32", "BIGINT"])
def test_a_column_of_a_type_that_a_suite_does_not_expect_is_judged_no_further_by_it(
    store: AssetStore, type_: str
) -> None:
    entries = [
        {"type": OF_TYPE, "kwargs": {"column": "brand", "type_": type_}},
        {"type": "expect_column_values_to_be_between", "kwargs": {"column": "brand", "min_value": 3}},
    ]

    _, report, _ = run(store, "products", make_products(3), suite={"name": "own", "expectations": entries})

    assert [(item.expectation, item.is_met) for item in report.results if "own." in item.id] == [(OF_TYPE, False)]


@pytest.mark.parametrize("kind", [pa.float32(), pa.float64(), pa.int8(), pa.uint64(), pa.date32(), pa.timestamp("ns")])
def test_a_column_has_the_type_that_its_inferred_suite_read_off_it(store: AssetStore, kind: pa.DataType) -> None:
    values = pa.array([1, None, 2], pa.int32() if kind == pa.date32() else pa.int64()).cast(kind)

    manifest, _, _ = run(store, "coupons", pa.table({"c": values}))

    assert manifest.verdict == "passed"


@pytest.mark.parametrize(
    ("suite", "failed"),
    [
        (own(OF_TYPE, column="price", type_="float"), 0),
        (own("expect_column_values_to_match_regex", column="brand", regex="brand(?!2)"), 3),
        (own("expect_column_values_to_match_strftime_format", column="brand", strftime_format="%Y"), 9),
        (own("expect_column_values_to_be_between", column="price", min_value=2, max_value=8, strict_max=True), 3),
        (own("expect_column_values_to_not_be_in_set", column="brand", value_set=["brand0", "brand1"]), 6),
        (own("expect_column_value_lengths_to_equal", column="brand", value=5), 9),
        (own("expect_column_values_to_be_in_set", column="price", value_set=[1, 2]), 7),
        (own("expect_column_values_to_be_null", column="brand"), 9),
        (own("expect_column_values_to_be_decreasing", column="price"), 8),
        (own("expect_select_column_values_to_be_unique_within_record", column_list=["brand", "language"]), 0),
        (own("expect_compound_columns_to_be_unique", column_list=["brand", "language"]), 9),
        (own("expect_column_mean_to_be_between", column="price", max_value=4), 9),
        (own("expect_table_row_count_to_equal", value=9), 0),
        (own("expect_column_values_to_be_in_type_list", column="price", type_list=["float64", "int"]), 0),
        (own("expect_column_distinct_values_to_be_in_set", column="brand", value_set=["brand0"]), 9),
        (own("expect_column_values_to_be_between", column="price", max_value=1, mostly=0.1), 8),
    ],
    ids=lambda value: value["expectations"][0]["type"] if isinstance(value, dict) else str(value),
)
def test_every_way_of_judging_counts_and_writes_the_failing_rows(
    store: AssetStore, suite: dict[str, object], failed: int
) -> None:
    _, report, folder = run(store, "products", make_products(9), suite=suite)

    result = report.results[-1]
    assert result.failed == failed
    if result.failing:
        assert pq.read_table(folder / result.failing).num_rows == failed


MATCH = "expect_column_values_to_match_regex"
BETWEEN = "expect_column_values_to_be_between"
BIG = 2**60
MOMENTS = pa.array([datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)], pa.timestamp("ns", "UTC"))


@pytest.mark.parametrize(
    ("values", "type_", "kwargs", "failed"),
    [
        (pa.array(["EUR", "EUR\n", "eur"]), MATCH, {"regex": "^[A-Z]{3}$"}, [2]),
        (pa.array(["红色的包", "bag", "-"]), MATCH, {"regex": r"^\w+$"}, [2]),
        (pa.array(["１", "1", "a"]), MATCH, {"regex": r"\d"}, [2]),
        (pa.array(["a\x0bb", "a b", "ab"]), MATCH, {"regex": r"\s"}, [2]),
        (pa.array(["ébé", "é b", "bé"]), MATCH, {"regex": r"\bb"}, [0]),
        (pa.array([0.1, 0.2, 0.3], pa.float32()), BETWEEN, {"max_value": 0.2}, [1, 2]),  # a float32 is a bit above 0.2
        (pa.array([0.5, 2.0**24, None], pa.float32()), BETWEEN, {"min_value": 2**24 + 1}, [0, 1]),
        (pa.array([BIG - 512, BIG, BIG + 512]), BETWEEN, {"min_value": BIG}, [0]),
        (pa.array([BIG - 1, BIG, BIG + 1]), BETWEEN, {"min_value": BIG, "strict_min": True}, [0, 1, 2]),
        (pa.array([5, BIG, None]), BETWEEN, {"max_value": 10**40}, []),
        (pa.array([5, BIG + 1, 7]), "expect_column_values_to_be_in_set", {"value_set": [0.5, 5, BIG + 1]}, [1, 2]),
        (MOMENTS, BETWEEN, {"min_value": "2026-01-02T00:00:00"}, [0]),
    ],
)
def test_what_great_expectations_reads_otherwise_than_sql_is_judged_as_it_reads_it(
    store: AssetStore, values: pa.Array, type_: str, kwargs: dict[str, object], failed: list[int]
) -> None:
    _, report, folder = run(store, "coupons", pa.table({"c": values}), suite=own(type_, column="c", **kwargs))

    result = report.results[-1]
    assert result.failed == len(failed)
    assert not failed or pq.read_table(folder / str(result.failing))["_row"].to_pylist() == failed


def test_a_row_condition_restricts_what_is_judged(store: AssetStore) -> None:
    condition = {"type": "comparison", "column": {"name": "brand"}, "operator": "==", "parameter": "brand0"}
    suite = own("expect_column_values_to_be_between", column="price", max_value=3, row_condition=condition)

    _, report, folder = run(store, "products", make_products(9), suite=suite)

    result = report.results[-1]
    assert (result.checked, result.failed) == (3, 2)
    assert pq.read_table(folder / str(result.failing))["product_id"].to_pylist() == ["p3", "p6"]


@pytest.mark.parametrize("partition_rows", [7, 10_000])
@pytest.mark.parametrize(
    ("type_", "met", "broken"),
    [
        ("expect_column_mean_to_be_between", {"max_value": 2}, {"max_value": 1}),
        ("expect_column_max_to_be_between", {"max_value": 3}, {"max_value": 2}),
        ("expect_column_unique_value_count_to_be_between", {"max_value": 3}, {"max_value": 2}),
        ("expect_table_row_count_to_be_between", {"max_value": 30}, {"max_value": 29}),
    ],
)
def test_a_row_condition_restricts_what_is_said_of_the_whole(
    store: AssetStore, type_: str, met: dict[str, int], broken: dict[str, int], partition_rows: int
) -> None:
    table = pa.table({"n": [1.0, 9.0, 2.0, 9.0, 3.0, 9.0] * 10, "kind": ["a", "b"] * 30})
    condition = {"type": "comparison", "column": {"name": "kind"}, "operator": "==", "parameter": "a"}
    about = {} if "table" in type_ else {"column": "n"}
    entries = [{"type": type_, "kwargs": {**about, **limit, "row_condition": condition}} for limit in (met, broken)]

    config = ValidateConfig(partition_rows=partition_rows)
    _, report, _ = run(store, "coupons", table, suite={"name": "own", "expectations": entries}, config=config)

    assert [item.is_met for item in report.results[-2:]] == [True, False]


@pytest.mark.parametrize("partition_rows", [7, 10_000])
@pytest.mark.parametrize(
    ("type_", "about", "failed"),
    [
        ("expect_column_values_to_be_unique", {"column": "n"}, 30),
        ("expect_compound_columns_to_be_unique", {"column_list": ["n", "kind"]}, 30),
        ("expect_column_values_to_be_increasing", {"column": "n"}, 9),
    ],
)
def test_under_a_row_condition_rows_of_all_partitions_are_compared(
    store: AssetStore, type_: str, about: dict[str, object], failed: int, partition_rows: int
) -> None:
    table = pa.table({"n": [1.0, 9.0, 2.0, 9.0, 3.0, 9.0] * 10, "kind": ["a", "b"] * 30})
    condition = {"type": "comparison", "column": {"name": "kind"}, "operator": "==", "parameter": "a"}

    config = ValidateConfig(partition_rows=partition_rows)
    suite = {"name": "own", "expectations": [{"type": type_, "kwargs": {**about, "row_condition": condition}}]}
    _, report, _ = run(store, "coupons", table, suite=suite, config=config)

    assert (report.results[-1].checked, report.results[-1].failed) == (30, failed)


@pytest.mark.parametrize(
    ("suite", "words"),
    [
        ("{", "expectations.json|products.json"),
        ({"name": "own"}, "expectations of “products.json”: Field required"),
        (own("expect_column_values_to_be_nul", column="brand"), "Did you mean “expect_column_values_to_be_null”"),
        (own("expect_column_values_to_be_null", column="brnd"), "“brnd”, which the table lacks. Did you mean “brand”"),
        (own("expect_column_values_to_be_between", column="price", min_value="cheap"), "min_value"),
        (own("unexpected_rows_expectation", unexpected_rows_query="select 1"), "needs an SQL database"),
    ],
    ids=["broken", "shapeless", "type", "column", "argument", "unsupported"],
)
def test_a_suite_that_cannot_be_used_is_named_with_what_to_do(store: AssetStore, suite: object, words: str) -> None:
    with pytest.raises(SuiteError, match=words) as caught:
        run(store, "products", make_products(3), suite=suite)

    assert caught.value.exit_code == 2
    assert store.versions("validations/products") == []


@pytest.mark.parametrize("type_", ["expect_column_values_to_be_between", "expect_column_mean_to_be_between"])
def test_an_expectation_of_the_shops_own_that_fits_no_text_is_wrong_usage(store: AssetStore, type_: str) -> None:
    with pytest.raises(SuiteError, match=rf"“own\.1\..*” \({type_}\) could not be judged: .*\. Correct") as caught:
        run(store, "products", make_products(3), suite=own(type_, column="brand", min_value=3))

    assert caught.value.exit_code == 2
    assert store.versions("validations/products") == []


def test_an_expectation_of_ours_that_raises_is_no_verdict_on_the_data(
    store: AssetStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = within("brand", "impossible_values", "A reason.", "An action.", min_value=3)
    monkeypatch.setattr("tasks.validate.table.SUITES", {"products": (broken,)})

    with pytest.raises(ExpectationRaisedError, match=r"“brand\.minimum” .* could not be judged") as caught:
        run(store, "products", make_products(3), suite=own("expect_column_values_to_be_null", column="brand"))

    assert caught.value.exit_code == 1
    assert store.versions("validations/products") == []


@pytest.mark.parametrize(
    ("method", "wrong"), [("tally", Tally(entries=12, failed_entries=0, failed_rows=0)), ("write_failing", 0)]
)
def test_counts_that_disagree_are_never_published(
    store: AssetStore, monkeypatch: pytest.MonkeyPatch, method: str, wrong: object
) -> None:
    monkeypatch.setattr(Rows, method, lambda *_: wrong)

    with pytest.raises(CountsDisagreeError, match=r"“grade\.range” has 1 failures by Great Expectations and 0"):
        run(store, "judgments", with_cell(clean("judgments"), "grade", 2, 9))

    assert store.versions("validations/judgments") == []


def test_data_docs_fetch_nothing_and_run_nothing_of_the_data(store: AssetStore) -> None:
    table = with_cell(clean("events"), "event_type", 0, "<script>alert(1)</script>")

    _, report, folder = run(store, "events", table)

    index = folder / str(report.docs)
    pages = [path.read_text(encoding="utf-8") for path in sorted((folder / "docs").rglob("*.html"))]
    assert len(pages) == 3
    assert not [page for page in pages if "http://" in page or "https://" in page or "<script" in page]
    assert "alert(1)" in "".join(pages)
    links = [part.split('"')[0] for part in index.read_text(encoding="utf-8").split('href="')[1:]]
    assert len(links) == 2
    assert all((index.parent / link).is_file() for link in links)


@pytest.mark.parametrize("table", list(SUITES))
def test_every_suite_can_be_written_as_great_expectations_json(store: AssetStore, table: str) -> None:
    _, _, folder = run(store, table, clean(table))

    written = json.loads((folder / "suite.json").read_text(encoding="utf-8"))
    assert {"type", "kwargs", "severity", "meta"} == set(written["expectations"][0])
    assert "table.not_empty" in {item["meta"]["name"] for item in written["expectations"]}
