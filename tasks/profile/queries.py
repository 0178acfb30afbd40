"""The DuckDB adapter: asks one table for its facts, in few scans and bounded memory."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tasks.bounds import connect
from tasks.profile import sql
from tasks.profile.config import ProfileConfig
from tasks.profile.kinds import Field
from tasks.profile.row_groups import RowGroup, row_groups, spread_groups
from tasks.schemas import file_list, literal

T = TypeVar("T")
Row = tuple[Any, ...]  # what a query returns: values of the columns' types
DAY_US: Final = 86_400_000_000
BATCH_ROWS: Final = 262_144
NEARBY_ROWS: Final = 20_480
BLOCK: Final = 32_768
"""Numbers summarised at once: a quarter of a MB, so that what is computed of them stays in the cache."""
MOST_CELLS: Final = 10_000_000
SEEN_OFTEN: Final = 10
"""What the sample holds less often may as well be chance."""
UNITS: Final = {"MB": 10**6, "GB": 10**9}


@dataclass(frozen=True, slots=True)
class Frequencies:
    """Of the distinct values in the sample: all, those seen once, those seen twice; and most rows of one."""

    distinct: int
    once: int
    twice: int
    most: int


class Connection:
    """DuckDB in memory, which spills to a folder beyond its limit."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, limit_bytes: int) -> None:
        self.duckdb = connection
        self.limit_bytes = limit_bytes

    @contextmanager
    def beside(self) -> Iterator[Connection]:
        """Yield another connection, for another thread: to the same tables, within the same limit."""
        with closing(self.duckdb.cursor()) as cursor:
            yield Connection(cursor, self.limit_bytes)

    def run(self, query: str, parameters: Sequence[object] = ()) -> None:
        """Run a query for its effect."""
        self.duckdb.execute(query, parameters or None)

    def row(self, query: str, parameters: Sequence[object] = ()) -> Row:
        """Return the first row."""
        return self.duckdb.execute(query, parameters or None).fetchall()[0]

    def rows(self, query: str) -> list[Row]:
        """Return all rows."""
        return self.duckdb.execute(query).fetchall()

    def arrays(self, query: str) -> dict[str, NDArray[Any]]:  # of the columns' types
        """Return the columns as arrays, missing values as NaN."""
        found = self.duckdb.execute(query).fetchnumpy()
        return {name: np.asarray(np.ma.filled(values, np.nan)) for name, values in found.items()}

    def stream(self, query: str) -> Iterator[NDArray[Any]]:  # of the column's type
        """Yield the one column in batches."""
        reader: pa.RecordBatchReader = self.duckdb.sql(query).to_arrow_reader(BATCH_ROWS)
        for batch in reader:
            yield np.from_dlpack(batch.column(0))  # `to_numpy` imports pandas


@contextmanager
def open_connection(config: ProfileConfig, spill: Path) -> Iterator[Connection]:
    """Yield a connection, and then let go of its memory and spilled files."""
    limit_bytes = int(config.memory_limit[:-2]) * UNITS[config.memory_limit[-2:]]
    with connect(config, spill, is_ordered=False) as connection:
        yield Connection(connection, limit_bytes)


def read_fields(connection: Connection, files: Sequence[Path]) -> tuple[Field, ...]:
    """Return the columns of parquet files."""
    if not files:
        return ()
    types = connection.rows(sql.DESCRIBE.format(files=file_list(files)))
    names = pq.read_schema(files[0]).names  # DuckDB has other names for empty ones, and for those that differ in case
    return tuple(Field(place, name, str(kind)) for place, (name, (kind,)) in enumerate(zip(names, types, strict=True)))


class TableQueries:
    """One table's facts. Opening it draws the sample: rows by the digest of their place, so always the same ones."""

    def __init__(
        self, connection: Connection, files: Sequence[Path], fields: Sequence[Field], config: ProfileConfig
    ) -> None:
        self.connection = connection
        self.config = config
        self.fields = tuple(fields)
        self.files = tuple(files)
        columns = ", ".join(f"{_plain(field)} as {field.alias}" for field in fields)
        connection.run(sql.SOURCE.format(files=file_list(self.files), columns=columns, aliases=_aliases(fields)))
        self.footers = {str(file): pq.read_metadata(file) for file in files}
        self.groups = row_groups({file: _row_counts(footer) for file, footer in self.footers.items()})
        self.rows = sum(group.rows for group in self.groups)
        self.drawn: tuple[RowGroup, ...] = ()
        self.is_sample_whole = self._draw()

    @contextmanager
    def beside(self) -> Iterator[TableQueries]:
        """Yield the same table's facts for another thread."""
        with self.connection.beside() as connection:
            queries = copy(self)
            queries.connection = connection
            yield queries

    def frequencies(self, field: Field) -> Frequencies:
        """Return how often values repeat in the sample."""
        return Frequencies(*self.connection.row(sql.FREQUENCIES.format(column=field.alias)))

    def count_values(self, value: str) -> None:
        """Count every distinct value of an expression; the `counted_…` methods then tell of these."""
        self.connection.run(sql.COUNTED.format(value=value))

    def counted_totals(self) -> Row:
        """Return distinct values, rows, rows of the most frequent, lowest and highest value as text."""
        return self.connection.row(sql.COUNTED_TOTALS)

    def counted_range(self) -> Row:
        """Return the lowest and the highest finite number as text."""
        return self.connection.row(sql.COUNTED_RANGE)

    def counted_top(self) -> list[Row]:
        """Return the most frequent values with their rows."""
        return self.connection.rows(sql.COUNTED_TOP.format(limit=self.config.top_values))

    def counted_numbers(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return finite numbers in ascending order with their rows."""
        found = self.connection.arrays(sql.COUNTED_NUMBERS)
        return found["value"].astype(np.float64), found["n"].astype(np.int64)

    def counted_days(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return days since 1970 in ascending order with their rows."""
        found = self.connection.arrays(sql.COUNTED_DAYS.format(day=_day("value")))
        return found["day"].astype(np.int64), found["n"].astype(np.int64)

    def counted_lengths(self) -> Row:
        """Return shortest, longest and total length in characters, and the rows that are empty."""
        return self.connection.row(sql.COUNTED_LENGTHS)

    def counted_texts(self, characters: int) -> list[str]:
        """Return the beginnings of a fixed sample of distinct texts."""
        query = sql.COUNTED_TEXTS.format(characters=characters, limit=self.config.language_texts)
        return [text for (text,) in self.connection.rows(query)]

    def sampled_texts(self, field: Field, characters: int) -> list[str]:
        """Return the same of a column that was not counted."""
        query = sql.SAMPLE_TEXTS.format(column=field.alias, characters=characters, limit=self.config.language_texts)
        return [text for (text,) in self.connection.rows(query)]

    def totals(self, field: Field) -> Row:
        """Return rows with a value and the distinct estimate."""
        return self.connection.row(sql.TOTALS.format(column=field.alias))

    def number_range(self, field: Field) -> Row:
        """Return the lowest and the highest finite number, as texts and as doubles."""
        return self._range(sql.NUMBER_RANGE, field)

    def time_range(self, field: Field) -> Row:
        """Return the first and the last time in microseconds since 1970."""
        return self._range(sql.TIME_RANGE, field)

    def text_totals(self, field: Field) -> Row:
        """Return rows with a value, distinct estimate, lowest, highest, and what `counted_lengths` does."""
        present, distinct, *lengths = self.connection.row(sql.TEXT_TOTALS.format(column=field.alias))
        low, high = self.connection.row(sql.RANGE.format(column=field.alias))
        has_empty = lengths[0] == 0
        empty = self.connection.row(sql.EMPTY.format(column=field.alias))[0] if has_empty else 0
        return present, distinct, low, high, *lengths, empty

    def time_totals(self, field: Field, first_us: int) -> tuple[int, int, NDArray[np.int64], NDArray[np.int64]]:
        """Return what `totals` and `counted_days` do, of a column not counted whose first time is known."""
        day = sql.SINCE_1970.format(value=field.alias, day=DAY_US) if first_us >= 0 else _day(field.alias)
        present, distinct, days = self.connection.row(sql.TIME_TOTALS.format(column=field.alias, day=day))
        rows = np.array(sorted((days or {}).items()), np.int64).reshape(-1, 2)
        return present, distinct, rows[:, 0], rows[:, 1]

    def summaries(self, field: Field, summarise: Callable[[NDArray[np.float64]], T]) -> Iterator[T]:
        """Yield summaries of the finite numbers in the order of the rows, so that two runs add up alike.

        Threads read a few row groups ahead.
        """
        with ThreadPoolExecutor(self.config.threads) as pool:
            ahead: deque[Future[list[NDArray[np.float64]]]] = deque()
            for group in self.groups:
                ahead.append(pool.submit(_numbers, group, self.footers[group.file], field))
                if len(ahead) > 2 * self.config.threads:
                    yield from map(summarise, _blocks(ahead.popleft().result()))
            while ahead:
                yield from map(summarise, _blocks(ahead.popleft().result()))

    def likely_top(self, field: Field) -> list[Row]:
        """Return the most frequent of the values that the sample repeats often, with their exact rows."""
        limit = self.config.top_values
        self.connection.run(sql.LIKELY_TOP.format(column=field.alias, seen=SEEN_OFTEN, limit=4 * limit))
        return self.connection.rows(sql.TOP_OF_LIKELY.format(column=field.alias, limit=limit))

    def top_elements(self, field: Field) -> list[Row]:
        """Return the most frequent elements of lists, or keys of maps, with the rows that hold them."""
        return self.connection.rows(sql.ELEMENTS.format(elements=_elements(field), limit=self.config.top_values))

    def distinct_elements(self, field: Field) -> int:
        """Return how many different elements lists have, or keys maps."""
        return int(self.connection.row(sql.DISTINCT_ELEMENTS.format(elements=_elements(field)))[0])

    def sampled_numbers(self, field: Field) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the finite numbers of the sample in ascending order with their rows."""
        found = self.connection.arrays(sql.SAMPLED_NUMBERS.format(column=field.alias))
        return found["value"].astype(np.float64), found["n"].astype(np.int64)

    def distinct(self, field: Field, *, is_exact: bool) -> int:
        """Return the number of distinct values."""
        query = sql.DISTINCT if is_exact else sql.APPROXIMATE_DISTINCT
        return int(self.connection.row(query.format(column=field.alias))[0])

    def correlated(self, fields: Sequence[Field]) -> dict[str, NDArray[np.float64]]:
        """Return numbers of a fixed sample of rows, missing ones as NaN, by the columns' names."""
        columns = ", ".join(f"{field.alias}::double as {field.alias}" for field in fields)
        query = sql.CORRELATED.format(columns=columns, limit=self.config.correlation_rows)
        found = self.connection.arrays(query)
        return {field.name: found[field.alias].astype(np.float64) for field in fields}

    def take_subset(self, lead: Field, fields: Sequence[Field], part: int) -> None:
        """Keep aside all rows of about every `part`-th value of a column."""
        columns = ", ".join(field.alias for field in fields)
        self.connection.run(sql.SUBSET.format(columns=columns, lead=lead.alias, part=part))

    def repeats_in_subset(self, fields: Sequence[Field]) -> bool:
        """Return whether a combination of columns repeats among the rows kept aside."""
        columns = ", ".join(field.alias for field in fields)
        queries = (
            sql.SUBSET_REPEATS,
            sql.SUBSET_TRULY_REPEATS,
        )  # the second is slow, and hashes seldom agree by chance
        return all(self.connection.row(query.format(columns=columns))[0] for query in queries)

    def repeats_nearby(self, field: Field) -> bool:
        """Return whether a value repeats among the first rows of the sampled row groups; none may be missing."""
        parts = self._parts([field], rows=NEARBY_ROWS)
        return bool(self.connection.row(sql.NEARBY_REPEATS.format(column=field.alias, parts=parts))[0])

    def is_unique(self, fields: Sequence[Field]) -> bool:
        """Return whether no two rows agree in these columns, exactly.

        Different hashes are different values. Equal ones are looked at: a few may be chance, many cannot be.
        """
        columns = ", ".join(field.alias for field in fields)
        parts = max(1, -(-self.rows * 32 // self.connection.limit_bytes))
        for part in range(parts):
            query = sql.ALL_HASHES if parts == 1 else sql.HASHES
            hashes = self._hashes(query.format(columns=columns, parts=parts, part=part))
            hashes.sort()
            repeated = np.unique(hashes[1:][hashes[1:] == hashes[:-1]])[:1000]
            if (
                len(repeated)
                and self.connection.row(sql.REPEATS_OF_HASHES.format(columns=columns), [repeated.tolist()])[0]
            ):
                return False
        return True

    def _hashes(self, query: str) -> NDArray[np.uint64]:
        """Return hashes of at most all rows; of the array only what is filled takes memory."""
        hashes, end = np.empty(self.rows, np.uint64), 0
        for batch in self.connection.stream(query):
            hashes[end : end + len(batch)] = batch
            end += len(batch)
        return hashes[:end]

    def _range(self, query: str, field: Field) -> Row:
        found = self.connection.row(query.format(column=field.alias, where=""))
        if field.kind == "integer" or all(isinstance(end, int | str) or _is_finite(end) for end in found):
            return found
        return self.connection.row(query.format(column=field.alias, where=sql.FINITE.format(column=field.alias)))

    def _draw(self) -> bool:
        """Draw the sample from a few row groups, and return whether it is the whole table."""
        kept = [field for field in self.fields if field.kind not in {"list", "map"}]
        wanted = min(self.config.sample_rows, max(1_000, MOST_CELLS // max(len(kept), 1)))
        self.drawn = spread_groups(self.groups, wanted)
        step = max(1, sum(group.rows for group in self.drawn) // wanted)
        self.connection.run(sql.SAMPLE.format(parts=self._parts(kept), step=step))
        return step == 1 and len(self.drawn) == len(self.groups)

    def _parts(self, fields: Sequence[Field], rows: int | None = None) -> str:
        """Return a query of the sampled row groups, or of so many first rows of each."""
        columns = ", ".join(f"{_plain(field)} as {field.alias}" for field in fields) or "null as nothing"
        parts = [
            sql.SAMPLE_PART.format(
                place=group.file_place,
                file=literal(group.file),
                first=group.first,
                last=group.first + min(group.rows, rows or group.rows) - 1,
                columns=columns,
                aliases=_aliases(self.fields),
            )
            for group in self.drawn
        ]
        return " union all ".join(parts) or sql.NO_SAMPLE.format(columns=columns)


def _row_counts(footer: pq.FileMetaData) -> list[int]:
    return [footer.row_group(place).num_rows for place in range(footer.num_row_groups)]


def _elements(field: Field) -> str:
    return f"map_keys({field.alias})" if field.kind == "map" else f"list_distinct({field.alias})"


def _numbers(group: RowGroup, footer: pq.FileMetaData, field: Field) -> list[NDArray[np.float64]]:
    with pq.ParquetFile(group.file, metadata=footer) as reader:
        return [
            _finite(batch[field.name], field)
            for batch in reader.iter_batches(
                BATCH_ROWS, row_groups=[group.place], columns=[field.name], use_threads=False
            )
        ]


def _blocks(batches: Iterable[NDArray[np.float64]]) -> Iterator[NDArray[np.float64]]:
    return (batch[start : start + BLOCK] for batch in batches for start in range(0, len(batch), BLOCK))


def _finite(column: pa.Array, field: Field) -> NDArray[np.float64]:
    numbers = np.from_dlpack(pc.cast(column.drop_null(), pa.float64(), safe=False)).astype(np.float64, copy=False)
    if field.kind == "integer":
        return numbers
    is_finite = np.isfinite(numbers)
    return numbers if is_finite.all() else numbers[is_finite]  # seldom a copy


def _aliases(fields: Sequence[Field]) -> str:
    return ", ".join(field.alias for field in fields)


def _is_finite(end: float | None) -> bool:
    return end is not None and math.isfinite(end)


def _plain(field: Field) -> str:
    """Return a column as the queries can ask it: as text where it is described so, nanoseconds without a zone."""
    if field.type == "TIMESTAMPTZ_NS":  # DuckDB has few functions for it
        return f"{field.alias}::timestamp_ns"
    return f"{field.alias}::varchar" if field.kind == "other" else field.alias


def _day(value: str) -> str:
    return sql.DAY.format(value=value, day=DAY_US)
