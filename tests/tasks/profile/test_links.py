import pytest

from tasks.profile.kinds import Field
from tasks.profile.links import Side, names_agree


def side(table: str, name: str) -> Side:
    return Side(table, Field(0, name, "VARCHAR"), 9, 9, 9, True)


@pytest.mark.parametrize(
    ("column", "table", "key"),
    [
        ("product_id", "products", "product_id"),
        ("productId", "products", "product_id"),
        ("store_id", "stores", "id"),
        ("storesId", "stores", "id"),
        ("parent_product_id", "products", "product_id"),
        ("coupon_upc", "coupons", "upc"),
    ],
)
def test_a_column_named_after_a_key_may_point_to_it(column: str, table: str, key: str) -> None:
    assert names_agree(side("events", column), side(table, key))


@pytest.mark.parametrize(
    ("column", "table", "key"),
    [("id", "stores", "id"), ("user_id", "stores", "id"), ("product_id", "users", "user_id"), ("key", "x", "key")],
)
def test_other_names_say_nothing(column: str, table: str, key: str) -> None:
    assert not names_agree(side("events", column), side(table, key))
