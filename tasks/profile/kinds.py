"""What a column is to the profile: its DuckDB type, boiled down to how it is described."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["integer", "number", "text", "time", "boolean", "list", "map", "other"]

INTEGERS: Final = frozenset(
    {
        *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"),
        *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"),
    }
)
ID_NAME: Final = re.compile(r"(?:^|[_\W])(?:id|key|code|sku|asin|isbn|ean|upc|gtin|uuid|guid)$", re.IGNORECASE)
CAMEL_ID: Final = re.compile(r"[a-z](?:Id|ID|Key|Code|Sku)$")


@dataclass(frozen=True, slots=True)
class Field:
    """A column as the queries know it: by its place, so that no name needs quoting."""

    place: int
    name: str
    type: str

    @property
    def alias(self) -> str:
        """The column's name in the queries."""
        return f"c{self.place}"

    @property
    def kind(self) -> Kind:
        """How the column is described."""
        return kind_of(self.type)


def kind_of(sql_type: str) -> Kind:
    """Return how a column of a DuckDB type is described."""
    if sql_type.endswith("]"):
        return "list"
    head = sql_type.split("(", 1)[0].strip()
    if head in INTEGERS:
        return "integer"
    if head in {"FLOAT", "DOUBLE", "DECIMAL"}:
        return "number"
    if head == "DATE" or head.startswith("TIMESTAMP"):
        return "time"
    return {"VARCHAR": "text", "BOOLEAN": "boolean", "MAP": "map"}.get(head, "other")  # type: ignore[return-value]  # values are kinds


def is_identifier(name: str) -> bool:
    """Return whether a column's name says that its values name things: `product_id`, `upc`, `householdId`."""
    return bool(ID_NAME.search(name) or CAMEL_ID.search(name))
