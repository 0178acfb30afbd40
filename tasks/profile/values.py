"""The DuckDB side of links: the distinct values of columns as text, kept for as long as the tables are compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tasks.profile import sql
from tasks.profile.links import Side
from tasks.profile.queries import Connection
from tasks.schemas import file_list, literal

SAMPLED_VALUES: Final = 500


class ValueTables:
    """Distinct values with their rows, one temporary table for each column that is asked for, made when it first is.

    Args:
        connection: Where the tables are kept.
        files: The parquet files of each table.
        widths: The number of columns of each table.
    """

    def __init__(self, connection: Connection, files: Mapping[str, Sequence[Path]], widths: Mapping[str, int]) -> None:
        self.connection = connection
        self.files = files
        self.widths = widths
        self._made: dict[tuple[str, int], str] = {}

    def share_of_sample(self, child: Side, parent: Side) -> float:
        """Return the share of a fixed sample of the child's values that the parent has; counters do not count."""
        query = sql.SHARE_OF_SAMPLE.format(child=self._values(child), parent=self._values(parent), limit=SAMPLED_VALUES)
        return float(self.connection.row(query)[0] or 0.0)

    def matches(self, child: Side, parent: Side) -> tuple[int, int, int]:
        """Return the child's rows whose value the parent has, its values that it has not, and the keys mentioned."""
        query = sql.MATCHES.format(child=self._values(child), parent=self._values(parent))
        matched, orphans, mentioned = self.connection.row(query)
        return matched, orphans, mentioned

    def write_orphans(self, child: Side, parent: Side, path: Path) -> None:
        """Write, to parquet, each of the child's values that the parent has not, with its rows; the commonest first."""
        path.parent.mkdir(parents=True, exist_ok=True)
        query = sql.ORPHANS.format(child=self._values(child), parent=self._values(parent))
        self.connection.run(f"copy ({query}) to {literal(str(path))} (format parquet, compression zstd)")

    def _values(self, side: Side) -> str:
        made = (side.table, side.field.place)
        if made not in self._made:
            aliases = ", ".join(f"c{place}" for place in range(self.widths[side.table]))
            files = file_list(self.files[side.table])
            self.connection.run(sql.SOURCE.format(files=files, columns=aliases, aliases=aliases))
            name = f"values_{len(self._made)}"
            text = sql.WHOLE_NUMBER if side.field.kind == "number" else "value::varchar"
            self.connection.run(sql.VALUES.format(name=name, column=side.field.alias, text=text))
            self._made[made] = name
        return self._made[made]
