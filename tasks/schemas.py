"""The canonical tables: columns, types, grain. A source is mapped to one of these or becomes an extra table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, get_args

EventType = Literal["impression", "view", "click", "search", "cart", "favorite", "purchase", "rating", "return"]
EVENT_TYPES: Final[tuple[EventType, ...]] = get_args(EventType)

Kind = Literal[
    "id", "text", "label", "path", "number", "integer", "money", "currency", "timestamp", "language", "uri", "map"
]
"""How a column is standardised. `id` and `label` are text; a `path` is a list; `money` is a double."""

SQL_TYPES: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        "id": "varchar",
        "text": "varchar",
        "label": "varchar",
        "path": "varchar[]",
        "number": "double",
        "integer": "bigint",
        "money": "double",
        "currency": "varchar",
        "timestamp": "timestamp with time zone",
        "language": "varchar",
        "uri": "varchar",
        "map": "map(varchar, varchar)",
    }
)


@dataclass(frozen=True, slots=True)
class Column:
    """One canonical column. `sql_type` is its DuckDB type; timestamps are UTC.

    `meaning` says what the name leaves open.
    """

    name: str
    kind: Kind
    is_required: bool = False
    meaning: str = ""

    @property
    def sql_type(self) -> str:
        """The DuckDB type the column has after ingestion."""
        return SQL_TYPES[self.kind]


@dataclass(frozen=True, slots=True)
class Table:
    """A canonical table.

    `key` is what identifies a row: two rows with one key are a conflict to be resolved. Where it is empty, only exact
    repeats are merged, and every distinct row is kept.
    """

    name: str
    grain: str
    title: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns a source must provide."""
        return tuple(column.name for column in self.columns if column.is_required)

    def column(self, name: str) -> Column | None:
        """Return the canonical column of that name, or None for an extra column."""
        return next((column for column in self.columns if column.name == name), None)


PRODUCTS = Table(
    name="products",
    title="Products offered for search and recommendation",
    grain="one row per product_id",
    key=("product_id",),
    columns=(
        Column("product_id", "id", is_required=True),
        Column("title", "text", is_required=True),
        Column("description", "text"),
        Column("brand", "label"),
        Column("category", "path"),
        Column("price", "money", meaning="Of one unit."),
        Column("currency", "currency"),
        Column("image_uri", "uri"),
        Column("language", "language"),
        Column("attributes", "map"),
        Column("updated_at", "timestamp"),
    ),
)
EVENTS = Table(
    name="events",
    title="What users did with products",
    grain="one row per behaviour of a user",
    columns=(
        Column("user_id", "id", is_required=True),
        Column("product_id", "id", is_required=True),
        Column("event_type", "label", is_required=True),
        Column("timestamp", "timestamp", is_required=True),
        Column("event_id", "id"),
        Column("session_id", "id"),
        Column("query", "text"),
        Column("position", "integer"),
        Column("quantity", "number", meaning="Units; one where it is empty."),
        Column("price", "money", meaning="Of one unit: what was paid is price × quantity."),
        Column("rating", "number"),
    ),
)
USERS = Table(
    name="users",
    title="Users and what they told about themselves",
    grain="one row per user_id",
    key=("user_id",),
    columns=(
        Column("user_id", "id", is_required=True),
        Column("age", "label"),
        Column("gender", "label"),
        Column("region", "label"),
        Column("signed_up_at", "timestamp"),
        Column("attributes", "map"),
    ),
)
QUERIES = Table(
    name="queries",
    title="What users typed into the search box",
    grain="one row per query text and language",
    key=("query_id",),
    columns=(
        Column("query_id", "id", is_required=True),
        Column("query", "text", is_required=True),
        Column("language", "language"),
        Column("count", "integer"),
    ),
)
JUDGMENTS = Table(
    name="judgments",
    title="How well products answer queries, graded",
    grain="one row per query_id and product_id",
    key=("query_id", "product_id"),
    columns=(
        Column("query_id", "id", is_required=True),
        Column("product_id", "id", is_required=True),
        Column("grade", "integer", is_required=True),
    ),
)
REVIEWS = Table(
    name="reviews",
    title="What users wrote about products",
    grain="one row per review",
    columns=(
        Column("text", "text", is_required=True),
        Column("review_id", "id"),
        Column("user_id", "id"),
        Column("product_id", "id"),
        Column("rating", "number"),
        Column("label", "label"),
        Column("timestamp", "timestamp"),
        Column("language", "language"),
    ),
)
ANSWERS = Table(
    name="answers",
    title="Questions about products and their answers",
    grain="one row per question and answer pair",
    columns=(
        Column("question", "text", is_required=True),
        Column("answer", "text", is_required=True),
        Column("product_id", "id"),
        Column("intent", "label"),
        Column("timestamp", "timestamp"),
    ),
)

CANONICAL: Final[Mapping[str, Table]] = MappingProxyType(
    {table.name: table for table in (PRODUCTS, EVENTS, USERS, QUERIES, JUDGMENTS, REVIEWS, ANSWERS)}
)


def quoted(identifier: str) -> str:
    """Return a name as an SQL identifier: `a"b` becomes `"a""b"`."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as an SQL literal, for the places that take no bound parameter."""
    return "'" + text.replace("'", "''") + "'"


def file_list(files: Iterable[Path]) -> str:
    """Return files as an SQL list, as `read_parquet` takes it."""
    return "[" + ", ".join(literal(str(file)) for file in files) + "]"
