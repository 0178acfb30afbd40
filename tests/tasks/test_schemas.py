import duckdb
import pytest

from tasks.schemas import CANONICAL, EVENT_TYPES, Table, literal, quoted


@pytest.mark.parametrize("table", CANONICAL.values(), ids=str)
def test_every_table_has_a_grain_and_a_key_among_its_columns(table: Table) -> None:
    names = [column.name for column in table.columns]
    assert table.grain.startswith("one row per")
    assert set(table.key) <= set(names)
    assert len(set(names)) == len(names)
    assert set(table.required) <= set(names)
    assert table.required


@pytest.mark.parametrize("table", CANONICAL.values(), ids=str)
def test_every_column_has_a_type_that_duckdb_knows(table: Table) -> None:
    columns = ", ".join(f"{quoted(column.name)} {column.sql_type}" for column in table.columns)
    duckdb.connect().execute(f"create table t ({columns})")


@pytest.mark.parametrize("text", ["plain", 'a"b', "a'b", "中文", "a;drop table t"])
def test_names_and_texts_survive_sql(text: str) -> None:
    connection = duckdb.connect()
    (found,) = connection.execute(f"select {literal(text)} as {quoted(text)}").fetchall()
    assert found == (text,)
    assert connection.description[0][0] == text


def test_an_unknown_column_is_none() -> None:
    assert CANONICAL["products"].column("nonsense") is None
    assert "purchase" in EVENT_TYPES
