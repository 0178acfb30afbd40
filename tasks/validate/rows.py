"""A table in parquet, asked with DuckDB: what Great Expectations is to judge, and every row that failed.

The only DuckDB adapter of the stage. Memory is bounded by a limit, beyond which DuckDB spills to a folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.schemas import file_list, literal, quoted
from tasks.validate import sql
from tasks.validate.config import ValidateConfig

KEYED_LIMIT: Final = 100_000
"""Columns with fewer distinct values are judged by distinct value, whatever the table's size."""
ROW: Final = "_row"
"""What the number of a row is called in what is written; `sql.ROW` where the table has a column of that name."""
EXAMPLE_LENGTH: Final = 200
"""Letters of a failing value that are shown; the file has it whole."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Entries of a frame, how many of them fail, and the rows they stand for."""

    entries: int
    failed_entries: int
    failed_rows: int


class Rows:
    """The rows of one table.

    Args:
        connection: From `connect`, for this table alone.
        files: Its parquet files; the order of rows is theirs.
        key: The columns that identify a row; where there are none, the row's number does.
        config: The size of frames.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        files: Sequence[Path],
        key: tuple[str, ...],
        config: ValidateConfig,
    ) -> None:
        self._partition_rows = config.partition_rows
        self._con = connection
        counts = [pq.read_metadata(file).num_rows for file in files]
        self.total = sum(counts)
        self.columns = self.described(files)
        self.key = tuple(name for name in key if name in self.columns)
        self.row = ROW if ROW not in map(str.lower, self.columns) else sql.ROW
        self._con.execute(sql.opened(files, tuple(self.columns), counts))

    def described(self, files: Sequence[Path]) -> dict[str, str]:
        """Return the columns of parquet files, of this table or another, and their types."""
        return {row[0]: row[1] for row in self._all(f"describe select * from read_parquet({file_list(files)})")}

    def approximate_distinct(self, columns: Sequence[str]) -> dict[str, int]:
        """Return about how many distinct values columns have: good enough to choose a way, not to decide a result."""
        if not columns:
            return {}
        asked = ", ".join(f"approx_count_distinct({quoted(name)})" for name in columns)
        return dict(zip(columns, self._all(f"select {asked} from {sql.SOURCE}")[0], strict=True))

    def exact_distinct(self, column: str) -> int:
        """Return how many distinct values a column has, nulls aside."""
        return int(self._all(f"select count(distinct {quoted(column)}) from {sql.SOURCE}")[0][0])

    def distinct_values(self, column: str) -> list[str]:
        """Return a column's distinct values, sorted, nulls aside."""
        name = quoted(column)
        rows = self._all(f"select distinct {name} from {sql.SOURCE} where {name} is not null order by 1")
        return [row[0] for row in rows]

    def nulls(self, columns: Sequence[tuple[str, str | None]]) -> list[tuple[int, int]]:
        """Return, for each column and condition, the rows that are looked at and how many of them are null."""
        if not columns:
            return []
        asked = ", ".join(sql.null_counts(self._value(name), where) for name, where in columns)
        flat = self._all(f"select {asked} from {sql.SOURCE}")[0]
        return list(zip(flat[::2], flat[1::2], strict=True))

    def values(self, column: str, where: str | None, *, is_distinct: bool) -> Iterator[pa.Table]:
        """Yield a column's values, without nulls, in frames of `VALUE` and how many `ROWS` hold it."""
        template = sql.DISTINCT_VALUES if is_distinct else sql.ALL_VALUES
        text = template.format(value=self._value(column), source=sql.SOURCE, where=where or "true")
        yield from self._frames(text)

    def tally(self, frame: pa.Table, failure: str) -> Tally:
        """Return how much of a frame meets a condition on `VALUE`."""
        self._con.register("frame", frame)
        entries, failed, rows = self._all(sql.TALLY.format(failure=failure))[0]
        self._con.unregister("frame")
        return Tally(entries=entries, failed_entries=failed, failed_rows=rows)

    def repeated(self, name: str, columns: Sequence[str], *, over: Sequence[str], where: str | None) -> tuple[int, int]:
        """Keep the keys that repeat as the relation `name`; return the rows looked at and the keys that repeat."""
        keys = ", ".join(map(quoted, columns))
        known = " or ".join(f"{quoted(column)} is not null" for column in columns)
        where = f"({where or 'true'}) and ({known})"
        rows = sql.OVER.format(columns=", ".join(map(quoted, over))) if over else "held"
        self._con.execute(sql.REPEATED.format(name=quoted(name), keys=keys, rows=rows, source=sql.SOURCE, where=where))
        looked = self._all(f"select count(*) from {sql.SOURCE} where {where}")[0][0]
        return int(looked), int(self._all(f"select count(*) from {quoted(name)}")[0][0])

    def keys(self, name: str) -> Iterator[pa.Table]:
        """Yield the keys kept under a name, in frames; like all frames, at least one, which may be empty."""
        yield from self._frames(f"select * exclude ({quoted(sql.ROWS)}) from {quoted(name)}")

    def look_up(self, name: str, column: str, *, parent: str, files: Sequence[Path]) -> tuple[int, int, int]:
        """Keep a column's distinct values, and whether another table has them, as the relation `name`.

        Returns:
            The rows with a value, the values that the other table lacks, and the rows of these.
        """
        text = sql.PARENTS.format(
            name=quoted(name),
            column=quoted(column),
            source=sql.SOURCE,
            parent=quoted(parent),
            parents=file_list(files),
        )
        self._con.execute(text)
        rows, orphans, orphan_rows = self._all(sql.PARENT_COUNTS.format(name=quoted(name)))[0]
        return int(rows), int(orphans), int(orphan_rows)

    def looked_up(self, name: str) -> Iterator[pa.Table]:
        """Yield whether each value kept under a name is known, in frames of `is_known`."""
        yield from self._frames(f"select {quoted(sql.KNOWN)} as is_known from {quoted(name)}")

    def numbered(self, columns: Sequence[str], *, is_whole: bool) -> Iterator[pa.Table]:
        """Yield rows of columns with their number `ROW`, in frames, or all in one."""
        asked = ", ".join(f"{self._value(name)} as {quoted(name)}" for name in columns)
        text = f"select {asked}, {quoted(sql.ROW)} from {sql.SOURCE}"
        if is_whole:
            yield self._con.sql(text).to_arrow_table()
            return
        yield from self._frames(text)

    def whole(self, columns: Sequence[str]) -> pa.Table:
        """Return all rows of columns at once."""
        asked = ", ".join(f"{self._value(name)} as {quoted(name)}" for name in columns)
        return self._con.sql(f"select {asked} from {sql.SOURCE}").to_arrow_table()

    def distinct(self, column: str) -> pa.Table:
        """Return a column's distinct values, sorted, nulls aside."""
        text = sql.DISTINCT.format(value=self._value(column), name=quoted(column), source=sql.SOURCE)
        return self._con.sql(text).to_arrow_table()

    def extremes(self, column: str) -> pa.Table:
        """Return a column's least and greatest value, nulls aside; no row where there is none."""
        text = sql.EXTREMES.format(value=self._value(column), name=quoted(column), source=sql.SOURCE)
        return self._con.sql(text).to_arrow_table()

    def keep(self, name: str, table: pa.Table) -> None:
        """Keep values, or row numbers, that failed as the relation `name`."""
        self._con.register("incoming", table)
        self._con.execute(f"create or replace table {quoted(name)} as select distinct * from incoming")
        self._con.unregister("incoming")

    def count_failing(self, condition: sql.Condition) -> int:
        """Return how many rows meet a condition."""
        return int(self._all(self._failing(condition, "count(*)"))[0][0])

    def write_failing(self, path: Path, condition: sql.Condition) -> int:
        """Write, to parquet, what identifies each row that meets a condition, and the values that fail.

        Returns:
            The rows written.
        """
        number = f"{quoted(sql.ROW)} as {quoted(self.row)}"
        chosen = ", ".join([number, *map(quoted, self._shown(condition.columns))])
        text = f"{self._failing(condition, chosen)} order by 1"
        path.parent.mkdir(parents=True, exist_ok=True)
        copied = self._all(f"copy ({text}) to {literal(str(path))} (format parquet, compression zstd)")
        return int(copied[0][0])

    def examples(self, path: Path, columns: Sequence[str], most: int) -> tuple[str, ...]:
        """Return the most frequent failing values, or what identifies the first rows where they are null."""
        if not most:
            return ()
        named = columns or (*self.key, *(() if self.key else (self.row,)))
        counted = sql.EXAMPLES.format(
            words=sql.words(named, row=self.row), path=literal(str(path)), longest=EXAMPLE_LENGTH, most=most
        )
        found = tuple(row[0] for row in self._all(counted))
        if found or not columns:
            return found
        return self.examples(path, (), most)

    def _failing(self, condition: sql.Condition, chosen: str) -> str:
        value = self._value(condition.columns[0]) if condition.columns else "null"
        return sql.failing(value=value, condition=condition, chosen=chosen)

    def _shown(self, columns: Sequence[str]) -> list[str]:
        ids = [] if self.key else [name for name in self.columns if name.endswith("_id")]
        return list(dict.fromkeys((*self.key, *ids, *columns)))

    def _value(self, column: str) -> str:
        # What is not a number counts as null, as pandas has it. A comparison with NaN would not find them: DuckDB
        # rules it out by the statistics of parquet files, which leave NaN aside.
        name = quoted(column)
        is_float = self.columns[column] in {"DOUBLE", "FLOAT"}
        return f"case when not isnan({name}) then {name} end" if is_float else name

    def _frames(self, text: str) -> Iterator[pa.Table]:
        # A cursor is a connection of its own: other questions may be asked while its answer is still being read.
        cursor = self._con.cursor()
        cursor.execute("set timezone = 'UTC'")
        reader = cursor.sql(text).to_arrow_reader(self._partition_rows)
        pending: list[pa.RecordBatch] = []
        size = frames = 0
        for batch in reader:
            pending.append(batch)
            size += batch.num_rows
            if size >= self._partition_rows:
                yield pa.Table.from_batches(pending)
                pending, size, frames = [], 0, frames + 1
        if size or not frames:
            yield pa.Table.from_batches(pending, schema=reader.schema)

    def _all(self, text: str) -> list[tuple[Any, ...]]:  # values of any SQL type
        return self._con.execute(text).fetchall()
