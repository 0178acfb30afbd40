"""Prices, whole numbers, ids and categories: what they are is read, what they are not is told."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from tasks.assets.store import AssetStore
from tasks.errors import MissingColumnsError, UsageError
from tasks.ingest.config import SourceConfig
from tasks.ingest.expressions import expression_kind
from tasks.ingest.raw import RawRows
from tests.tasks.ingest.ingesting import Ingested, ingest

ROWS = RawRows(
    "(select 'a' as title, 'b' as user, date '2024-01-02' as day)",
    {"title": "VARCHAR", "user": "VARCHAR", "day": "DATE"},
    {},
)
SOURCE = {"table": "products", "uri": "p.csv", "delimiter": ";"}


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connected:
        yield connected


def products(store: AssetStore, folder: Path, name: str, values: list[str], **more: Any) -> Ingested:  # settings
    rows = [f"{number};pen;{value}" for number, value in enumerate(values)]
    (folder / "p.csv").write_text("\n".join([f"product_id;title;{name}", *rows]) + "\n", "utf-8")
    return ingest(store, folder, {**SOURCE, **more})


def parquet(store: AssetStore, folder: Path, **columns: pa.Array) -> Ingested:
    pq.write_table(pa.table({"product_id": ["a", "b"], "title": ["pen", "cup"], **columns}), folder / "p.parquet")
    return ingest(store, folder, {"table": "products", "uri": "p.parquet"})


def test_the_sign_of_a_price_wins_over_the_currency_of_the_source(store: AssetStore, tmp_path: Path) -> None:
    found = products(store, tmp_path, "price", ["$1,234.50", "1.234,50 €", "£9.99", "EUR 5", "5", ""], currency="CNY")
    assert found.column("currency") == ["USD", "EUR", "GBP", "EUR", "CNY", None]
    (finding,) = found.manifest.findings
    assert (finding.kind, finding.severity, finding.count) == ("mixed_units", "warning", 3)
    assert finding.message == "Prices in 4 currencies: 3 rows in another than EUR."
    one = products(store, tmp_path, "price", ["5 €", "6"], currency="EUR")
    assert one.manifest.findings == ()


def test_what_is_no_price_is_told_and_not_guessed(store: AssetStore, tmp_path: Path) -> None:
    values = ["-€5", "−5", "(5.00)", "0,123", "1.2.3", "5%", "12 34", "from 5"]
    found = products(store, tmp_path, "price", values)
    assert found.column("price") == [-5.0, -5.0, -5.0, 0.123, None, None, None, None]
    (finding,) = found.manifest.findings
    assert (finding.column, finding.count) == ("price", 4)
    assert pq.read_table(found.folder / str(finding.keys))["value"].to_pylist() == values[4:]


def test_a_declared_decimal_comma_holds_for_every_number(store: AssetStore, tmp_path: Path) -> None:
    head = "user_id;product_id;event_type;timestamp;price;quantity;rating"
    written = ["1.234", "1.234,5", "2,0", "3.0", "4", ""]
    rows = [f"{number};p;view;2024-01-02;{it};{it};{it}" for number, it in enumerate(written)]
    (tmp_path / "e.csv").write_text("\n".join([head, *rows]) + "\n", "utf-8")
    found = ingest(store, tmp_path, {"table": "events", "uri": "e.csv", "delimiter": ";", "decimal_comma": True})
    numbers = [1234.0, 1234.5, 2.0, 3.0, 4.0, None]
    assert found.column("price") == found.column("rating") == numbers
    assert found.metrics["rules"]["rating.number_text"] == found.metrics["rules"]["price.price_text"] == 4
    assert found.column("quantity") == numbers
    (tmp_path / "q.csv").write_text("query_id;query;count\n1;pen;1.234\n2;cup;1,5\n3;box;2,0\n4;bag;5\n", "utf-8")
    queries = ingest(store, tmp_path, {"table": "queries", "uri": "q.csv", "delimiter": ";", "decimal_comma": True})
    assert queries.column("count") == [1234, None, 2, 5]
    assert queries.metrics["rules"] == {"count.number_text": 2}


def test_a_price_in_a_file_of_numbers_is_finite_too(store: AssetStore, tmp_path: Path) -> None:
    found = parquet(store, tmp_path, price=pa.array([float("inf"), 2.0]))
    assert found.column("price") == [None, 2.0]
    assert [item.kind for item in found.manifest.findings] == ["invalid_type"]
    with pytest.raises(ValidationError, match="finite"):
        SourceConfig(table="products", uri="p.csv", price_scale=float("inf"))


@pytest.mark.parametrize(
    "values",
    [
        pa.array([[1.0], [2.0]]),
        pa.array([{"amount": 1}, {"amount": 2}]),
        pa.array([0, 1], pa.date32()),
        pa.array([True, False]),
    ],
)
def test_a_column_that_can_hold_no_price_is_refused_by_its_type(
    store: AssetStore, tmp_path: Path, values: pa.Array
) -> None:
    with pytest.raises(UsageError, match=r"“price” of “products” is of the type .*, and no number"):
        parquet(store, tmp_path, price=values)


def test_an_id_that_is_not_finite_is_no_id(store: AssetStore, tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"product_id": [1.0, float("inf"), 1e300], "title": ["a", "b", "c"]}), tmp_path / "p.parquet"
    )
    found = ingest(store, tmp_path, {"table": "products", "uri": "p.parquet"})
    assert found.column("product_id")[0] == "1"
    assert found.quarantine["reason"].to_pylist() == ["invalid_product_id"] * (3 - found.rows.num_rows)


def test_whole_numbers_are_exact(store: AssetStore, tmp_path: Path) -> None:
    values = ["9007199254740993", " 9223372036854775807 ", "5.0", "1e3", "1.5", "9223372036854775808", "1e17"]
    rows = [f"{number},pen,{value}" for number, value in enumerate(values)]
    (tmp_path / "q.csv").write_text("\n".join(["query_id,query,count", *rows]) + "\n", "utf-8")
    found = ingest(store, tmp_path, {"table": "queries", "uri": "q.csv"})
    assert found.column("count") == [9007199254740993, 9223372036854775807, 5, 1000, None, None, None]
    assert found.manifest.findings[0].count == 3


@pytest.mark.parametrize(
    ("text", "clean", "rules"),
    [
        ("p1\t", "p1", {"trim"}),
        ("p1\x00", "p1", {"trim"}),
        ("\u3000p1\u200b", "p1", {"trim"}),
        (" 12.0\t", "12", {"trim", "float_id"}),
        ("12.0", "12", {"float_id"}),
        ("a.0", "a.0", set()),
        ("é", "é", set()),
    ],
)
def test_an_id_is_bare_of_what_stands_around_it(
    store: AssetStore, tmp_path: Path, text: str, clean: str, rules: set[str]
) -> None:
    (tmp_path / "p.csv").write_text(f"product_id,title\n{text},pen\nq1,cup\n", "utf-8")
    found = ingest(store, tmp_path, {"table": "products", "uri": "p.csv"})
    assert found.column("product_id") == [clean, "q1"]
    assert set(found.metrics["rules"]) == {f"product_id.{rule}" for rule in rules}


@pytest.mark.parametrize("around", ["\t", "\u00a0", "\ufeff", "\u200b", " \r"])
def test_codes_words_and_addresses_are_bare_of_what_stands_around_them(
    store: AssetStore, tmp_path: Path, around: str
) -> None:
    rows = [
        ["1", "pen", "EUR", "EN", "https://a.b/c d.png"],
        ["2", "cup", *(f"{around}{it}{around}" for it in ("eur", "en_GB", "x y"))],
    ]
    columns = {"product_id": 0, "title": 1, "currency": 2, "language": 3, "image_uri": 4}
    held = {name: [row[place] for row in rows] for name, place in columns.items()}
    pq.write_table(pa.table(held), tmp_path / "p.parquet")
    found = ingest(store, tmp_path, {"table": "products", "uri": "p.parquet"})
    assert found.column("currency") == ["EUR", "EUR"]
    assert found.column("language") == ["en", "en-gb"]
    assert found.column("image_uri") == ["https://a.b/c d.png", "x y"]
    assert found.manifest.findings == ()
    assert found.metrics["rules"] == {"currency.currency_code": 1, "language.language_code": 2, "image_uri.trim": 1}


@pytest.mark.parametrize("around", ["\t", "\u00a0", "\ufeff", "\u200b", " \r"])
def test_event_words_are_bare_of_what_stands_around_them(store: AssetStore, tmp_path: Path, around: str) -> None:
    words = [f"{around}View{around}", f"{around}bought", "click", f"{around}teleported"]
    held = {"user_id": list("1234"), "product_id": list("1234"), "timestamp": ["2024-01-02"] * 4, "event_type": words}
    pq.write_table(pa.table(held), tmp_path / "e.parquet")
    source = {"table": "events", "uri": "e.parquet", "event_types": {"bought": "purchase"}}
    found = ingest(store, tmp_path, source)
    assert found.column("event_type") == ["view", "purchase", "click"]
    assert found.quarantine["reason"].to_pylist() == ["unknown_event_type"]


def test_tags_in_a_category_do_not_split_it(store: AssetStore, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("product_id,title,category\n1,pen,1 <b>bold</b> &amp; more > Pens\n", "utf-8")
    found = ingest(store, tmp_path, {"table": "products", "uri": "p.csv"})
    assert found.column("category") == [["1 bold & more", "Pens"]]


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("(select max(content) from read_text('p.csv'))", "calls read_text()"),
        ("exists(from glob('*'))", "calls glob()"),
        ("(select max(title) from 'p.csv')", "reads “p.csv”"),
        ("(from query('select 1'))", "calls query()"),
        ("random()", "calls random()"),
        ("list_transform([1], lambda x: x + random())[1]", "calls random()"),
        ("uuid()", "calls uuid()"),
        ("NOW()", "calls now()"),
        ("current_localtimestamp()", "calls current_localtimestamp()"),
        ("ago(interval 1 day)", "calls ago()"),
        ("age(timestamp '2024-01-02')", "calls age()"),
        ("current_date", "asks for current_date"),
        ("getvariable('x')", "calls getvariable()"),
    ],
)
def test_an_expression_reads_nothing_but_its_row(connection: duckdb.DuckDBPyConnection, sql: str, word: str) -> None:
    with pytest.raises(UsageError, match=re.escape(word)) as caught:
        expression_kind(connection, ROWS, "products", "brand", sql)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("age(day, date '2024-01-01')", "INTERVAL"),
        ("\"user\" || split_part(title, ' ', 1)", "VARCHAR"),
        ("(with other as (select upper(title) as x) select x from other)", "VARCHAR"),
        ("(select max(x) from range(3) t(x))", "BIGINT"),
        ("if(nullif(title, '') is null, 'none', title)", "VARCHAR"),
    ],
)
def test_an_expression_may_compute_what_is_always_the_same(
    connection: duckdb.DuckDBPyConnection, sql: str, kind: str
) -> None:
    assert expression_kind(connection, ROWS, "products", "brand", sql) == kind


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("unnest(['a', 'b'])", "several rows of one"),
        ("count(*)", "fails"),
        ("error('no')", "fails"),
        ("cast(title as double)", "fails"),
        ("1) as x, (2", "fails"),
        ("1, 2", "not one expression"),
        ("columns('.*')", "fails"),
        ("title -- a comment", ""),
    ],
)
def test_an_expression_is_one_value_for_each_row(store: AssetStore, tmp_path: Path, sql: str, words: str) -> None:
    columns = {"brand": {"sql": sql}}
    if not words:
        assert products(store, tmp_path, "x", ["1"], columns=columns).column("brand") == ["pen"]
        return
    with pytest.raises(UsageError, match="The expression of “brand”") as caught:
        products(store, tmp_path, "x", ["1"], columns=columns)
    assert words in str(caught.value)
    assert caught.value.exit_code == 2


PRICE = {"columns": {"price": {"sql": "coalesce(sale, list)"}}, "extra_columns": "drop"}


@pytest.mark.parametrize("name", ["p.jsonl", "p.json"])
def test_an_expression_reads_a_key_wherever_it_first_appears(store: AssetStore, tmp_path: Path, name: str) -> None:
    rows = [json.dumps({"product_id": number, "title": "pen", "list": 5}) for number in range(1_500)]
    rows.append('{"product_id": "last", "title": "cup", "list": 5, "Sale": 4}')
    (tmp_path / name).write_text("\n".join(rows) if name == "p.jsonl" else f"[{','.join(rows)}]", "utf-8")
    found = ingest(store, tmp_path, {"table": "products", "uri": name, **PRICE})
    assert found.column("price") == [5.0] * 1_500 + [4.0]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_an_expression_reads_nulls_where_one_of_many_files_lacks_a_column(
    store: AssetStore, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "days").mkdir()
    for row in (
        {"product_id": "1", "title": "pen", "list": 5},
        {"product_id": "2", "title": "cup", "sale": 4, "list": 5},
    ):
        file = tmp_path / f"days/{row['product_id']}.{kind}"
        if kind == "parquet":
            pq.write_table(pa.Table.from_pylist([row]), file)
        elif kind == "csv":
            file.write_text(f"{','.join(row)}\n{','.join(map(str, row.values()))}\n", "utf-8")
        else:
            file.write_text(json.dumps(row), "utf-8")
    found = ingest(store, tmp_path, {"table": "products", "uri": "days", **PRICE})
    assert found.column("price") == [5.0, 4.0]
    with pytest.raises(UsageError, match=r"sale.* not found"):
        ingest(store, tmp_path, {"table": "products", "uri": f"days/1.{kind}", **PRICE})


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_one_of_many_files_without_any_column_of_a_required_expression_is_refused(
    store: AssetStore, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "days").mkdir()
    for sku in ("sku", "item"):
        text = f"{sku},title\n{sku},pen\n" if kind == "csv" else json.dumps({sku: sku, "title": "pen"})
        (tmp_path / f"days/{sku}.{kind}").write_text(text, "utf-8")
    source = {"table": "products", "uri": "days"}
    with pytest.raises(MissingColumnsError, match=rf"days/item\.{kind}” is called “sku”"):
        ingest(store, tmp_path, {**source, "columns": {"product_id": {"sql": "trim(sku)"}}})
    found = ingest(store, tmp_path, {**source, "columns": {"product_id": {"sql": "coalesce(sku, item)"}}})
    assert sorted(found.column("product_id")) == ["item", "sku"]


def test_an_expression_may_read_a_key_that_is_called_as_a_function_is(store: AssetStore, tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text('{"product_id": "1", "title": "pen", "user": "anna"}\n', "utf-8")
    source = {"table": "products", "uri": "p.jsonl", "columns": {"brand": {"sql": "upper(user)"}}}
    assert ingest(store, tmp_path, source).column("brand") == ["ANNA"]
    (tmp_path / "p.jsonl").write_text('{"product_id": "1", "title": "pen"}\n', "utf-8")
    with pytest.raises(UsageError, match="asks for user"):
        ingest(store, tmp_path, source)


@pytest.mark.parametrize(
    ("table", "name", "value", "words"),
    [
        ("events", "event_type", "bought", "is none of impression"),
        ("events", "timestamp", "yesterday", "no time of 1990 to 2099"),
        ("events", "timestamp", "0026-04-03", "no time of 1990 to 2099"),
        ("reviews", "rating", "five", "“five” is no number"),
        ("products", "price", "12,50 €", "is no number"),
        ("products", "price", True, "is no number"),
        ("products", "price", float("inf"), "is no number"),
        ("queries", "count", 1.5, "is no whole number"),
        ("products", "attributes", "red", "is no JSON object"),
        ("products", "brand", " ", "it is empty"),
        ("orders", "x", float("nan"), "is no number"),
    ],
)
def test_a_constant_that_does_not_fit_its_column_is_refused(table: str, name: str, value: Any, words: str) -> None:
    with pytest.raises(ValidationError, match=f"the constant of `{name}` does not fit: .*{words}"):
        SourceConfig(table=table, uri="p.csv", constants={name: value})


def test_constants_are_what_their_columns_are(store: AssetStore, tmp_path: Path) -> None:
    constants = {"category": "A > B", "price": 5, "updated_at": "2024-01-02", "attributes": '{"ink": "blue"}'}
    found = products(store, tmp_path, "x", ["1"], constants=constants)
    (row,) = found.rows.to_pylist()
    assert (row["category"], row["price"], dict(row["attributes"])) == (["A", "B"], 5.0, {"ink": "blue"})
    assert str(row["updated_at"]) == "2024-01-02 00:00:00+00:00"
    (tmp_path / "e.csv").write_text("user_id,product_id,timestamp\n1,2,2024-01-02\n", "utf-8")
    mapped = {"constants": {"event_type": "Bought"}, "event_types": {"bought": "purchase"}}
    assert ingest(store, tmp_path, {"table": "events", "uri": "e.csv", **mapped}).column("event_type") == ["purchase"]


def test_null_words_hold_whatever_their_case(store: AssetStore, tmp_path: Path) -> None:
    found = products(store, tmp_path, "brand", ["NA", "unknown", "UNKNOWN ", "acme"], null_words=["NA", " Unknown "])
    assert found.column("brand") == [None, None, None, "acme"]
    assert found.metrics["rules"] == {"brand.null_word": 3}


def test_words_for_events_that_differ_by_their_case_alone_mean_one_thing() -> None:
    words = {"Buy": "purchase", "buy ": "cart", "seen": "view"}
    with pytest.raises(ValidationError, match=r"differ by their case alone: buy\s"):
        SourceConfig(table="events", uri="e.csv", event_types=words)
    SourceConfig(table="events", uri="e.csv", event_types={"Buy": "purchase", "buy": "purchase"})


def test_a_source_listed_twice_is_refused(store: AssetStore, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("product_id;title\n1;pen\n", "utf-8")
    with pytest.raises(UsageError, match=r"listed twice: its file “p\.csv") as caught:
        ingest(store, tmp_path, SOURCE, SOURCE)
    assert caught.value.exit_code == 2


def test_one_file_may_be_read_in_two_ways(store: AssetStore, tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("user_id,product_id,seen,bought\n1,2,2024-01-02,2024-01-03\n", "utf-8")
    source = {"table": "events", "uri": "e.csv", "extra_columns": "drop"}
    seen = {**source, "columns": {"timestamp": "seen"}, "constants": {"event_type": "view"}}
    bought = {**source, "columns": {"timestamp": "bought"}, "constants": {"event_type": "purchase"}}
    found = ingest(store, tmp_path, seen, bought)
    assert found.accounts == (2, 2, 0, 0)
    assert found.column("event_type") == ["view", "purchase"]
    assert len(found.metrics["sources"]) == 2


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql://h/db?user=u&password=hunter2",
        "postgresql://h/db?pass%77ord=hunter2",
        "postgresql://h/db?sslpassword=hunter2",
        "postgresql://u:hunter2@[h/db",
    ],
)
def test_a_password_is_refused_wherever_it_stands_in_an_address(uri: str) -> None:
    with pytest.raises(ValidationError, match="uri") as caught:
        SourceConfig(table="events", uri=uri, query="select 1")
    assert "hunter2" not in str(caught.value)


NUMBERS = ("12345678901234567890.0", "12345678901234567891.0", "1e18", "1e400", "0.12345678901234567891")


@pytest.mark.parametrize("name", ["p.jsonl", "p.json"])
def test_numbers_of_json_keep_every_digit(store: AssetStore, tmp_path: Path, name: str) -> None:
    rows = [f'{{"product_id": {it}, "title": "pen", "code": {it}, "more": [{it}, 5.0]}}' for it in NUMBERS]
    (tmp_path / name).write_text("\n".join(rows) if name == "p.jsonl" else f"[{','.join(rows)}]", "utf-8")
    found = ingest(store, tmp_path, {"table": "products", "uri": name})
    written = ["12345678901234567890", "12345678901234567891", "1000000000000000000", "1e400", NUMBERS[4]]
    assert found.column("product_id") == written
    extra = [dict(row) for row in found.column("attributes")]
    assert [row["code"] for row in extra] == written
    assert [json.loads(row["more"], parse_float=Decimal) for row in extra] == [[Decimal(it), 5] for it in NUMBERS]


def test_numbers_of_python_literals_keep_every_digit(store: AssetStore, tmp_path: Path) -> None:
    rows = [f"{{'product_id': {it}, 'title': 'pen', 'code': -{it}}}" for it in NUMBERS]
    (tmp_path / "p.json").write_text("\n".join(rows), "utf-8")
    found = ingest(store, tmp_path, {"table": "products", "uri": "p.json"})
    assert found.column("product_id")[:3] == [NUMBERS[0][:-2], NUMBERS[1][:-2], "1000000000000000000"]
    assert [dict(row)["code"] for row in found.column("attributes")][3:] == [f"-{it}" for it in NUMBERS[3:]]


def test_a_whole_number_is_the_same_id_in_json_and_parquet(store: AssetStore, tmp_path: Path) -> None:
    pq.write_table(pa.table({"product_id": [1e18], "title": ["pen"]}), tmp_path / "p.parquet")
    (tmp_path / "p.jsonl").write_text('{"product_id": 1e18, "title": "pen"}\n', "utf-8")
    sources = [{"table": "products", "uri": uri} for uri in ("p.parquet", "p.jsonl")]
    assert ingest(store, tmp_path, *sources).column("product_id") == ["1000000000000000000"]


def test_ids_and_categories_are_composed_as_texts_are(store: AssetStore, tmp_path: Path) -> None:
    values = ["Cafe\u0301", "Cafe\u0301 > Bar", "Pens\u200b", "\u00a0Pens ", "Caf\u00e9"]
    rows = [f"e\u0301{number};pen;{value}" for number, value in enumerate(values)]
    (tmp_path / "p.csv").write_text("\n".join(["product_id;title;category", *rows]) + "\n", "utf-8")
    found = ingest(store, tmp_path, SOURCE)
    assert found.column("product_id") == [f"\u00e9{number}" for number in range(5)]
    assert found.column("category") == [["Caf\u00e9"], ["Caf\u00e9", "Bar"], ["Pens"], ["Pens"], ["Caf\u00e9"]]
    assert found.metrics["rules"] == {"product_id.nfc": 5, "category.category_path": 2, "category.trim": 2}


def test_the_parts_of_a_list_are_composed(store: AssetStore, tmp_path: Path) -> None:
    found = parquet(store, tmp_path, category=pa.array([["Cafe\u0301", "\u00a0Bar"], ["Pens\u200b"]]))
    assert found.column("category") == [["Caf\u00e9", "Bar"], ["Pens"]]


def test_a_row_set_aside_has_its_number_where_there_are_no_lines(store: AssetStore, tmp_path: Path) -> None:
    rows = [{"product_id": "a", "title": "pen"}, {"product_id": None, "title": "cup"}, {"product_id": "c", "title": ""}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "p.parquet")
    (tmp_path / "p.json").write_text(json.dumps(rows, indent=1), "utf-8")
    for name in ("p.parquet", "p.json"):
        found = ingest(store, tmp_path, {"table": "products", "uri": name}).quarantine
        assert found["line"].to_pylist() == [2, 3]


def test_a_padded_word_that_means_nothing_is_no_value(store: AssetStore, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(
        "product_id,title,brand,currency,category\n"
        "a,t,  N/A   ,NULL      ,null      \n"
        "b,\tNULL     ,x,usd,y\n"
        "null      ,t,x,usd,y\n"
        "c, none of it ,x,usd,y\n",
        encoding="utf-8",
    )
    found = ingest(store, tmp_path, {"table": "products", "uri": "p.csv"})
    assert [found.column(name) for name in ("product_id", "title", "brand", "currency", "category")] == [
        ["a", "c"],
        ["t", "none of it"],
        [None, "x"],
        [None, "USD"],
        [None, ["y"]],
    ]
    assert found.quarantine["reason"].to_pylist() == ["missing_title", "missing_product_id"]
    rules = found.metrics["rules"]
    assert {name for name, count in rules.items() if name.endswith("null_word") and count == 1} == {
        "brand.null_word", "currency.null_word", "category.null_word",
    }  # fmt: skip
    assert rules["title.trim"] == 1


def test_a_word_that_means_nothing_may_begin_with_any_letter(store: AssetStore, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("product_id,title,brand\na,t,ß\nb,t,s\n", encoding="utf-8")
    found = ingest(store, tmp_path, {"table": "products", "uri": "p.csv", "null_words": ["ß"]})
    assert found.column("brand") == [None, "s"]


def test_an_object_that_cannot_be_used_is_set_aside_as_it_came(store: AssetStore, tmp_path: Path) -> None:
    kept = '{"sku": "1", "name": "pen"}'
    aside = [
        '{"SKU":null, "name": "cup", "colour": ["blue"], "price": 3.50}',
        "{ }",
        '{"sku": "2", "name": "",  "_rest": {}}',
    ]
    columns = {"product_id": "sku", "title": "name"}
    (tmp_path / "p.jsonl").write_text("\n\n".join([aside[0], kept, *aside[1:], kept]), encoding="utf-8")
    (tmp_path / "p.json").write_text(f"[{', '.join([aside[0], kept, *aside[1:], kept])}]", encoding="utf-8")
    for name, lines in (("p.jsonl", [1, 5, 7]), ("p.json", [1, 3, 4])):
        found = ingest(store, tmp_path, {"table": "products", "uri": name, "columns": columns}).quarantine
        assert found["row"].to_pylist() == aside
        assert found["line"].to_pylist() == lines
