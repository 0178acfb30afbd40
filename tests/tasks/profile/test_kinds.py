import duckdb
import pytest

from tasks.profile.kinds import is_identifier, kind_of


@pytest.mark.parametrize(
    ("sql_type", "kind"),
    [
        ("BIGINT", "integer"),
        ("UTINYINT", "integer"),
        ("HUGEINT", "integer"),
        ("DOUBLE", "number"),
        ("DECIMAL(18,3)", "number"),
        ("VARCHAR", "text"),
        ("BOOLEAN", "boolean"),
        ("DATE", "time"),
        ("TIMESTAMP", "time"),
        ("TIMESTAMP WITH TIME ZONE", "time"),
        ("TIMESTAMP_NS", "time"),
        ("VARCHAR[]", "list"),
        ("FLOAT[3]", "list"),
        ("MAP(VARCHAR, VARCHAR)", "map"),
        ("STRUCT(a INTEGER)", "other"),
        ("STRUCT(a INTEGER)[]", "list"),
        ("TIME", "other"),
        ("UUID", "other"),
        ("BLOB", "other"),
        ("ENUM('a', 'b')", "other"),
    ],
)
def test_a_type_says_how_a_column_is_described(sql_type: str, kind: str) -> None:
    assert kind_of(sql_type) == kind
    duckdb.connect().execute(f"create table t (c {sql_type})")


@pytest.mark.parametrize("name", ["id", "product_id", "productId", "ID", "coupon_upc", "asin", "Item ID", "code"])
def test_names_of_identifiers_are_known(name: str) -> None:
    assert is_identifier(name)


@pytest.mark.parametrize("name", ["title", "paid", "width", "grid", "monkey", "barcodes", "price", "valid", ""])
def test_words_that_end_alike_are_no_identifiers(name: str) -> None:
    assert not is_identifier(name)
