import gzip
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.assets.store import AssetStore
from tasks.errors import EmptyTableError, MissingColumnsError, MissingSourceError, UsageError
from tasks.ingest.config import IngestConfig
from tests.tasks.ingest.ingesting import ingest

PRODUCTS = {"table": "products", "uri": "p.csv", "columns": {"product_id": "sku", "title": "name"}}
EVENTS = {"table": "events", "uri": "e.csv", "columns": {"user_id": "u", "product_id": "p", "timestamp": "t"}}


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


def test_every_row_is_kept_merged_or_quarantined_with_its_line(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "p.csv", "sku,name\n1,pen\n2,\n1,pen\n3,cup\ntoo,many,fields\n4,box\n")
    found = ingest(store, tmp_path, PRODUCTS)
    assert found.accounts == (6, 3, 1, 2)
    assert found.column("product_id") == ["1", "3", "4"]
    aside = {(row["reason"], row["line"]) for row in found.quarantine.to_pylist()}
    assert aside == {("missing_title", 3), ("malformed_line", 6)}
    assert set(found.quarantine["source"].to_pylist()) == {"p.csv"}
    missing = next(row for row in found.quarantine.to_pylist() if row["reason"] == "missing_title")
    assert json.loads(missing["row"]) == {"sku": "2", "name": None}
    assert found.metrics["sources"]["p.csv"]["rows_read"] == 6


def test_lines_are_right_where_rows_span_several(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "p.csv", 'sku,name\n1,"two\nlines"\n\n2,\n3,cup\n4,\n')
    found = ingest(store, tmp_path, PRODUCTS)
    assert [row["line"] for row in found.quarantine.to_pylist()] == [5, 7]
    assert found.column("title") == ["two\nlines", "cup"]


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["1", "2", "3", ""]),
            st.sampled_from(["pen", "", "a,b", '"q"', "<b>x</b>", "N/A"]),
            st.booleans(),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_the_numbers_add_up_whatever_the_rows_are(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, bool]]
) -> None:
    folder = tmp_path_factory.mktemp("law")
    lines = [f'{sku},"{name.replace(chr(34), chr(34) * 2)}"' + (",extra" if bad else "") for sku, name, bad in rows]
    write(folder, "p.csv", "\n".join(["sku,name", "sure,thing", *lines]) + "\n")
    found = ingest(AssetStore(str(folder / "lake")), folder, PRODUCTS)
    read, kept, merged, quarantined = found.accounts
    assert read == len(rows) + 1 == kept + merged + quarantined
    assert kept == found.rows.num_rows
    assert quarantined == found.quarantine.num_rows


def test_ids_are_text_without_decimals(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "p.csv", "sku,name\n17850.0,pen\n 12 ,cup\n007,box\n")
    found = ingest(store, tmp_path, PRODUCTS)
    assert found.column("product_id") == ["17850", "12", "007"]
    assert found.metrics["rules"] == {"product_id.float_id": 1, "product_id.trim": 1}


def test_prices_become_numbers_and_currencies(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "p.csv", 'sku,name,cost\n1,pen,"$1,234.50"\n2,cup,3 €\n3,box,5\n4,bag,cheap\n')
    source = {**PRODUCTS, "columns": {**PRODUCTS["columns"], "price": "cost"}}  # type: ignore[dict-item]  # a dict of dicts
    found = ingest(store, tmp_path, source)
    assert found.column("price") == [1234.5, 3.0, 5.0, None]
    assert found.column("currency") == ["USD", "EUR", None, None]
    (finding,) = [item for item in found.manifest.findings if item.kind == "invalid_type"]
    assert (finding.column, finding.count) == ("price", 1)
    assert pq.read_table(found.folder / str(finding.keys)).to_pylist() == [{"product_id": "4", "value": "cheap"}]


def test_prices_in_cents_are_scaled_where_declared(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "p.csv", "sku,name,price\n1,pen,1250\n")
    found = ingest(store, tmp_path, {**PRODUCTS, "price_scale": 100, "currency": "EUR"})
    assert (found.column("price"), found.column("currency")) == ([12.5], ["EUR"])
    assert found.metrics["rules"]["price.price_scale"] == 1


@pytest.mark.parametrize(
    ("text", "declared", "moment"),
    [
        ("1475280000", "auto", datetime(2016, 10, 1, tzinfo=UTC)),
        ("1475280000000", "auto", datetime(2016, 10, 1, tzinfo=UTC)),
        ("2024-01-02T03:04:05+02:00", "auto", datetime(2024, 1, 2, 1, 4, 5, tzinfo=UTC)),
        ("2024-01-02", "auto", datetime(2024, 1, 2, tzinfo=UTC)),
        ('"06 17, 2018"', "auto", datetime(2018, 6, 17, tzinfo=UTC)),
        ('"Jun 27, 2014"', "auto", datetime(2014, 6, 27, tzinfo=UTC)),
        ("03/04/2024", "day_first", datetime(2024, 4, 3, tzinfo=UTC)),
        ("03/04/2024", "month_first", datetime(2024, 3, 4, tzinfo=UTC)),
    ],
)
def test_times_become_utc(store: AssetStore, tmp_path: Path, text: str, declared: str, moment: datetime) -> None:
    write(tmp_path, "e.csv", f"u,p,t\n1,2,{text}\n")
    source = {**EVENTS, "constants": {"event_type": "view"}, "timestamp_format": declared}
    assert ingest(store, tmp_path, source).column("timestamp") == [moment]


def test_the_shops_words_for_events_are_mapped_and_others_set_aside(store: AssetStore, tmp_path: Path) -> None:
    write(
        tmp_path, "e.csv", "u,p,t,event_type\n1,2,2024-01-01,Bought\n1,3,2024-01-01,VIEW\n1,4,2024-01-01,teleported\n"
    )
    found = ingest(store, tmp_path, {**EVENTS, "event_types": {"bought": "purchase"}})
    assert found.column("event_type") == ["purchase", "view"]
    assert found.quarantine["reason"].to_pylist() == ["unknown_event_type"]


def test_a_key_conflict_is_won_by_the_newest_row_which_takes_what_it_lacks_from_the_other(
    store: AssetStore, tmp_path: Path
) -> None:
    write(tmp_path, "p.csv", "sku,name,brand,updated_at\n1,old,acme,2024-01-01\n1,new,,2024-02-01\n2,cup,,2024-01-01\n")
    found = ingest(store, tmp_path, PRODUCTS)
    assert found.accounts == (3, 2, 1, 0)
    (row,) = [row for row in found.rows.to_pylist() if row["product_id"] == "1"]
    assert (row["title"], row["brand"]) == ("new", "acme")
    assert [item.kind for item in found.manifest.findings] == ["duplicate_keys"]


def test_a_key_conflict_between_sources_is_won_by_priority_where_that_is_the_rule(
    store: AssetStore, tmp_path: Path
) -> None:
    write(tmp_path, "a.csv", "sku,name\n1,trusted\n")
    write(tmp_path, "b.csv", "sku,name\n1,guessed\n2,only here\n")
    sources: list[dict[str, Any]] = [{**PRODUCTS, "uri": "a.csv", "priority": 5}, {**PRODUCTS, "uri": "b.csv"}]
    found = ingest(store, tmp_path, *sources, config=IngestConfig(conflict="source_priority"))
    assert sorted(found.column("title")) == ["only here", "trusted"]
    assert found.metrics["sources"]["b.csv"]["rows_merged"] == 1


def test_exact_repeats_are_merged_and_told(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "e.csv", "u,p,t\n1,2,2024-01-01\n1,2,2024-01-01\n1,2,2024-01-01\n1,3,2024-01-01\n")
    found = ingest(store, tmp_path, {**EVENTS, "constants": {"event_type": "view"}})
    assert found.accounts == (4, 2, 2, 0)
    (finding,) = found.manifest.findings
    assert (finding.kind, finding.count) == ("duplicate_rows", 2)
    assert pq.read_table(found.folder / str(finding.keys))["copies"].to_pylist() == [3]


def test_repeats_are_found_between_files_of_the_same_columns(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "days/1.csv", "u,p,t,event_type\n1,2,2024-01-01,view\n1,3,2024-01-01,view\n")
    write(tmp_path, "days/2.csv", "event_type,t,p,u\nview,2024-01-01T00:00:00Z,2.0,1\n")
    found = ingest(store, tmp_path, {**EVENTS, "uri": "days/*.csv"})
    assert found.accounts == (3, 2, 1, 0)
    assert found.column("product_id") == ["2", "3"]


def test_repeats_are_found_between_files_of_different_columns(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "days/1.csv", "u,p,t,event_type\n1,2,2024-01-01,view\n")
    write(tmp_path, "days/2.csv", "u,p,t,event_type,query\n1,2,2024-01-01,view,\n1,2,2024-01-01,view,pen\n")
    found = ingest(store, tmp_path, {**EVENTS, "uri": "days/*.csv"})
    assert found.accounts == (3, 2, 1, 0)
    assert found.column("query") == [None, "pen"]


def test_a_finding_speaks_of_one_as_one(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "p.csv", "sku,name\n1,<b>pen</b>\n,cup\n")
    one = {item.message for item in ingest(store, tmp_path, PRODUCTS).manifest.findings}
    assert one == {"HTML tags in 1 value of “title”.", "1 row set aside: missing product id."}
    write(tmp_path, "p.csv", "sku,name\n1,<b>pen</b>\n2,<i>cup</i>\n")
    (two,) = ingest(store, tmp_path, PRODUCTS).manifest.findings
    assert two.message == "HTML tags in 2 values of “title”."


def test_a_clean_table_has_no_findings(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "p.csv", "sku,name\n1,pen\n2,cup\n")
    assert ingest(store, tmp_path, PRODUCTS).manifest.findings == ()


def test_a_new_daily_shard_is_the_only_one_read(store: AssetStore, tmp_path: Path) -> None:
    source = {**EVENTS, "uri": "days/*.csv", "constants": {"event_type": "view"}}
    write(tmp_path, "days/1.csv", "u,p,t\n1,2,2024-01-01\n")
    assert ingest(store, tmp_path, source).statuses == ("run", "run")
    assert ingest(store, tmp_path, source).statuses == ("skipped", "skipped")
    write(tmp_path, "days/2.csv", "u,p,t\n1,3,2024-01-02\n")
    found = ingest(store, tmp_path, source)
    assert found.statuses == ("skipped", "run", "run")
    assert found.rows.num_rows == 2
    write(tmp_path, "days/1.csv", "u,p,t\n1,2,2024-01-09\n")
    assert ingest(store, tmp_path, source).statuses == ("run", "skipped", "run")


def test_shards_may_differ_in_their_columns(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "days/1.csv", "u,p,t,event_type\n1,2,2024-01-01,view\n")
    write(tmp_path, "days/2.csv", "t,u,event_type,p,rating,note\n2024-01-02,1,rating,3,5,good\n")
    columns = {**EVENTS["columns"], "rating": "rating"}  # type: ignore[dict-item]  # a dict of dicts
    found = ingest(store, tmp_path, {**EVENTS, "uri": "days", "columns": columns})
    assert found.column("rating") == [None, 5.0]
    assert found.column("note") == [None, "good"]
    assert found.metrics["drift"] == {"1.csv": ["note", "rating"]}


def test_an_extra_table_is_kept_with_types_its_texts_have(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "c.csv", "coupon,off,zip,until,note\n1,2.5,01234,2024-01-01,x\n2,3,99999,2024-02-01,\n")
    found = ingest(store, tmp_path, {"table": "coupons", "uri": "c.csv"})
    types = {name: str(kind) for name, kind in zip(found.rows.schema.names, found.rows.schema.types, strict=True)}
    assert types == {
        "coupon": "int64",
        "off": "double",
        "zip": "string",
        "until": "timestamp[us, tz=UTC]",
        "note": "string",
    }


def test_nested_json_lines_keep_what_is_not_mapped_as_attributes(store: AssetStore, tmp_path: Path) -> None:
    rows = [
        {"sku": 1, "name": "pen", "spec": {"ink": "blue"}, "tags": ["a"]},
        {"sku": 2.0, "name": ["a", "b"], "none": None},
    ]
    write(tmp_path, "p.jsonl", "\n".join([*map(json.dumps, rows), "{broken"]) + "\n")
    found = ingest(store, tmp_path, {**PRODUCTS, "uri": "p.jsonl"})
    assert found.column("product_id") == ["1", "2"]
    assert found.column("title") == ["pen", "a b"]
    assert dict(found.column("attributes")[0]) == {"spec": '{"ink": "blue"}', "tags": '["a"]'}
    assert found.quarantine.to_pylist()[0]["line"] == 3


def test_a_json_array_and_python_literals_are_told_apart(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "a.json", json.dumps([{"sku": "1", "name": "pen"}]))
    write(tmp_path, "b.json", "{'sku': '2', 'name': 'it\\'s'}\n")
    sources = [{**PRODUCTS, "uri": "a.json"}, {**PRODUCTS, "uri": "b.json"}]
    found = ingest(store, tmp_path, *sources)
    assert sorted(found.column("title")) == ["it's", "pen"]
    assert {facts["format"] for facts in found.metrics["files"].values()} == {"json", "python"}


@pytest.mark.parametrize("name", ["p.jsonl", "p.json"])
def test_objects_that_differ_in_the_order_of_their_keys_are_repeats(
    store: AssetStore, tmp_path: Path, name: str
) -> None:
    rows = [
        '{"sku": "1", "name": "pen", "ink": "blue", "size": {"x": 1.50, "y": 2}}',
        '{"size": {"y": 2, "x": 1.50}, "ink": "blue", "name": "pen", "sku": "1"}',
    ]
    write(tmp_path, name, "\n".join(rows) if name == "p.jsonl" else f"[{','.join(rows)}]")
    found = ingest(store, tmp_path, {**PRODUCTS, "uri": name})
    assert found.accounts == (2, 1, 1, 0)
    assert found.metrics["repeats_merged"] == 1


def test_parquet_and_members_of_archives_are_read(store: AssetStore, tmp_path: Path) -> None:
    pq.write_table(pa.table({"sku": [1.0, 2.0], "name": ["pen", "cup"]}), tmp_path / "p.parquet")
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        archive.writestr("p.csv", "sku,name\n3,box\n")
    (tmp_path / "q.csv.gz").write_bytes(gzip.compress(b"sku;name\n4;bag, big\n"))
    sources = [{**PRODUCTS, "uri": uri} for uri in ("p.parquet", "p.zip", "q.csv.gz")]
    found = ingest(store, tmp_path, *sources)
    assert sorted(found.column("product_id")) == ["1", "2", "3", "4"]
    assert "bag, big" in found.column("title")


def test_a_column_may_be_an_expression(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "p.csv", "sku,a,b\n1,red,pen\n")
    found = ingest(store, tmp_path, {**PRODUCTS, "columns": {"product_id": "sku", "title": {"sql": "a || ' ' || b"}}})
    assert found.column("title") == ["red pen"]


def test_an_expression_that_fails_is_wrong_usage(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "p.csv", "sku,name\n1,pen\n")
    with pytest.raises(UsageError, match="nonsense"):
        ingest(store, tmp_path, {**PRODUCTS, "columns": {"product_id": "sku", "title": {"sql": "nonsense(name)"}}})


def test_a_required_column_that_is_not_mapped_is_named_with_its_near_miss(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "p.csv", "sku,titel\n1,pen\n")
    with pytest.raises(MissingColumnsError, match="Did you mean “titel”") as caught:
        ingest(store, tmp_path, {"table": "products", "uri": "p.csv", "columns": {"product_id": "sku"}})
    assert caught.value.exit_code == 2
    assert caught.value.facts["missing"] == ["title"]


def test_a_required_column_whose_name_is_misspelt_is_named(store: AssetStore, tmp_path: Path) -> None:
    write(tmp_path, "p.csv", "sku,name\n1,pen\n")
    with pytest.raises(MissingColumnsError, match="`columns` maps “titel”: did you mean “title”"):
        ingest(store, tmp_path, {**PRODUCTS, "columns": {"product_id": "sku", "titel": "name"}})


@pytest.mark.parametrize("name", ["p.csv", "p.jsonl"])
def test_a_mapped_column_that_is_not_there_is_named_with_its_near_miss(
    store: AssetStore, tmp_path: Path, name: str
) -> None:
    write(tmp_path, name, "sku,name\n1,pen\n" if name == "p.csv" else '{"sku": "1", "name": "pen"}\n')
    with pytest.raises(MissingColumnsError, match="Did you mean “name”"):
        ingest(store, tmp_path, {**PRODUCTS, "uri": name, "columns": {"product_id": "sku", "title": "nane"}})
    assert store.manifests() == []


def test_a_missing_file_is_unavailable(store: AssetStore, tmp_path: Path) -> None:
    with pytest.raises(MissingSourceError, match=r"p\.csv") as caught:
        ingest(store, tmp_path, PRODUCTS)
    assert caught.value.exit_code == 5


@pytest.mark.parametrize("text", ["", "sku,name\n", "sku,name\n1,\n"])
def test_a_table_without_usable_rows_is_refused_and_not_published(store: AssetStore, tmp_path: Path, text: str) -> None:
    write(tmp_path, "p.csv", text)
    with pytest.raises(EmptyTableError, match="“products” has no usable rows") as caught:
        ingest(store, tmp_path, PRODUCTS)
    assert caught.value.exit_code == 3
    assert not [item for item in store.manifests() if item.key.startswith(("tables/", "quarantine/"))]


def test_a_password_in_shop_yaml_is_refused() -> None:
    from pydantic import ValidationError

    from tasks.ingest.config import SourceConfig

    with pytest.raises(ValidationError, match="PGPASSWORD") as caught:
        SourceConfig(table="events", uri="postgresql://shop:hunter2@db/shop", query="select 1")
    assert "hunter2" not in str(caught.value).replace("input_value", "").split("[type=")[0]
