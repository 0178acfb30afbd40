"""Which columns may point to which keys, by what their names and types say. Whether they do, the values decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.assets.reports import TableProfile
from tasks.profile.kinds import Field, is_identifier
from tasks.schemas import CANONICAL


@dataclass(frozen=True, slots=True)
class Side:
    """A column of a table that can be one side of a link; `present` are its rows with a value."""

    table: str
    field: Field
    rows: int
    present: int
    distinct: int
    is_key: bool

    @property
    def name(self) -> str:
        """The column's name."""
        return self.field.name


def sides_of(profile: TableProfile) -> list[Side]:
    """Return the columns of a table that can be a side of a link: identifiers by name, texts or whole numbers."""
    keys = {key[0] for key in profile.keys if len(key) == 1}
    fields = [Field(place, column.name, column.type) for place, column in enumerate(profile.columns)]
    return [
        Side(profile.table, field, column.rows, column.rows - column.nulls, column.distinct, column.name in keys)
        for field, column in zip(fields, profile.columns, strict=True)
        if field.kind in {"integer", "number", "text"} and is_identifier(field.name)
    ]


def candidate_links(sides: Sequence[Side]) -> list[tuple[Side, Side]]:
    """Return (child, parent) pairs of columns of different tables, the parent a key, in order of their names.

    Names that agree are enough. Others need values that are words rather than counters, as `12` is in every table.
    """
    pairs = [
        (child, parent)
        for parent in sides
        for child in sides
        if parent.is_key
        and child.table != parent.table
        and child.present
        and (names_agree(child, parent) or _are_texts(child, parent))
    ]
    return sorted(pairs, key=lambda pair: [(side.table, side.field.place) for side in pair])


def names_agree(child: Side, parent: Side) -> bool:
    """Return whether a column is named as a key, or as a key and its table: `product_id` for `products.id`."""
    name, key = _plain(child.name), _plain(parent.name)
    table = _plain(parent.table)
    singular = table.removesuffix("s")
    short = key.removesuffix("id").removesuffix("key").removesuffix("code")
    qualified = {f"{word}{key}" for word in (table, singular)}
    if len(short) > 1:
        return name == key or name in qualified or name.endswith(key)
    return name in qualified


def is_declared(child: Side, parent: Side) -> bool:
    """Return whether the canonical tables themselves say that this column holds that key."""
    table = CANONICAL.get(parent.table)
    return child.table in CANONICAL and table is not None and table.key == (parent.name,) and child.name == parent.name


def is_new(child: Side, parent: Side, *, links_back: bool) -> bool:
    """Return whether of two keys that hold each other's values this direction is the one to tell of.

    The canonical table is the parent; between equals the larger one, then the first by name.
    """
    if not links_back:
        return True
    return _rank(parent) < _rank(child)


def _rank(side: Side) -> tuple[bool, int, str]:
    return side.table not in CANONICAL, -side.distinct, side.table


def _are_texts(child: Side, parent: Side) -> bool:
    return child.field.kind == "text" and parent.field.kind == "text"


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
