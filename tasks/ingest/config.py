"""Settings of ingest: where a table comes from, and how its rows are read, standardised and merged."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field, field_validator, model_validator

from tasks.assets.recipe import StageConfig
from tasks.bounds import BoundedConfig
from tasks.ingest.constants import constant_sql
from tasks.schemas import CANONICAL, EventType

Format = Literal["auto", "csv", "jsonl", "json", "parquet", "python", "sql"]
TimestampFormat = Literal["auto", "iso", "unix_s", "unix_ms", "day_first", "month_first"]

SECRET = ("password", "passwd", "secret", "token")
"""Words in the names of parameters that must not stand in an address."""

NULL_WORDS = ("", "null", "none", "nan", "n/a", "na", "\\n")


class SqlExpression(StageConfig):
    """A DuckDB expression over the source's columns."""

    sql: str = Field(min_length=1, description="For instance `try_cast(replace(price, '$', '') as double)`.")


class SourceConfig(StageConfig):
    """One source of one table. Several sources of a table are fused."""

    table: str = Field(
        pattern=r"^[a-z][a-z0-9_]*$", description="A canonical table, or any other name for an extra table."
    )
    uri: str = Field(
        min_length=1,
        description="A file, glob or folder, from this file's folder or `~`, `s3://…`, `package://PACKAGE/PATH`, or "
        "`postgresql://…` with a `query`.",
    )
    query: str | None = Field(None, description="The SQL query whose result is read from a database.")
    format: Format = Field("auto", description="What the files hold; `auto` goes by their names and first bytes.")
    encoding: str = Field("auto", description="The files' character encoding; `auto` detects and reports it.")
    delimiter: str | None = Field(
        None, min_length=1, max_length=1, description="Between csv fields; detected if unset."
    )
    quote: str | None = Field(None, max_length=1, description="Around csv fields; detected if unset, empty for none.")
    columns: dict[str, Annotated[str, Field(min_length=1)] | SqlExpression] = Field(
        default_factory=dict,
        description="Column, canonical or of an extra table, to source column or an expression over source columns.",
    )
    constants: dict[str, str | int | float | bool] = Field(
        default_factory=dict, description="Canonical column to the one value it has in this source."
    )
    extra_columns: Literal["keep", "drop"] = Field("keep", description="What becomes of columns that are not mapped.")
    timestamp_format: TimestampFormat = Field(
        "auto", description="How times are written; `day_first` and `month_first` settle what 03/04/2026 means."
    )
    event_types: dict[str, EventType] = Field(
        default_factory=dict, description="The shop's own words for events to the canonical ones."
    )
    currency: str | None = Field(None, pattern=r"^[A-Z]{3}$", description="ISO 4217 code where the source names none.")
    price_scale: float = Field(
        1.0, gt=0, allow_inf_nan=False, description="Prices are divided by this: 100 where they are in cents."
    )
    decimal_comma: bool = Field(False, description="Whether 1.234,50 means one thousand two hundred and a half.")
    null_words: tuple[str, ...] = Field(
        NULL_WORDS, description="Texts that mean nothing is there, whatever their case."
    )
    priority: int = Field(
        0, ge=-1000, le=1000, description="The higher one wins where `ingest.conflict` is `source_priority`."
    )

    @field_validator("uri")
    @classmethod
    def _holds_no_password(cls, uri: str) -> str:
        if "://" not in uri:
            return uri
        try:
            parts = urlsplit(uri)
            is_told = parts.password is not None
        except ValueError:
            raise ValueError("it is not the address of anything") from None  # its words may hold a password
        names = {name.strip().lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
        if is_told or any(word in name for name in names for word in SECRET):
            raise ValueError("a password must not stand here; libpq reads PGPASSWORD or ~/.pgpass")
        return uri

    @field_validator("delimiter", mode="before")
    @classmethod
    def _may_spell_a_tab(cls, delimiter: object) -> object:
        return "\t" if delimiter == r"\t" else delimiter

    @field_validator("delimiter", "quote")
    @classmethod
    def _ends_no_line(cls, mark: str | None) -> str | None:
        if mark in {"\r", "\n", "\0"}:
            raise ValueError("it ends a line, and can part or surround no fields")
        return mark

    @field_validator("quote")
    @classmethod
    def _is_ascii(cls, quote: str | None) -> str | None:
        if quote and not quote.isascii():
            raise ValueError(f"“{quote}” is no quote of csv, which is a character of ASCII")
        return quote

    @field_validator("null_words")
    @classmethod
    def _are_bare_and_lower(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(word.strip().lower() for word in words)

    @field_validator("event_types")
    @classmethod
    def _means_one_thing_by_each_word(cls, types: dict[str, EventType]) -> dict[str, EventType]:
        meant = {(word.strip().lower(), name) for word, name in types.items()}
        words = [word for word, _ in meant]
        twice = sorted({word for word in words if words.count(word) > 1})
        if twice:
            raise ValueError(f"words that differ by their case alone: {', '.join(twice)}")
        return types

    @model_validator(mode="after")
    def _tells_delimiter_from_quote(self) -> SourceConfig:
        if self.delimiter is not None and self.delimiter == ('"' if self.quote is None else self.quote):
            raise ValueError("`delimiter` and `quote` are the same")
        return self

    @field_validator("uri")
    @classmethod
    def _names_a_place(cls, uri: str) -> str:
        scheme, _, place = uri.partition("://")
        may_begin_with_a_path = scheme in {"file", "postgresql", "postgres"}
        if "://" in uri and (not place or (place.startswith("/") and not may_begin_with_a_path)):
            raise ValueError("it names no place")
        return uri

    @model_validator(mode="after")
    def _asks_a_database_something(self) -> SourceConfig:
        is_database = self.uri.startswith(("postgresql://", "postgres://"))
        if is_database and not self.query:
            raise ValueError("a database needs a `query`")
        if self.query and not is_database:
            raise ValueError("`query` needs a postgresql:// uri")
        both = sorted(set(self.columns) & set(self.constants))
        if both:
            raise ValueError(f"mapped twice, as columns and as constants: {', '.join(both)}")
        return self

    @model_validator(mode="after")
    def _names_each_column_once(self) -> SourceConfig:
        names = [name.lower() for name in (*self.columns, *self.constants)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"columns that differ by their case alone: {', '.join(twice)}")
        return self

    @model_validator(mode="after")
    def _has_constants_that_fit(self) -> SourceConfig:
        table = CANONICAL.get(self.table)
        for name, value in self.constants.items():
            try:
                constant_sql(table.column(name) if table else None, value, self.event_types)
            except ValueError as error:
                raise ValueError(f"the constant of `{name}` does not fit: {error}") from error
        return self


class IngestConfig(BoundedConfig):
    """How every table is read and merged."""

    conflict: Literal["newest", "source_priority"] = Field(
        "newest", description="Which row wins where rows share a key: the newest by its timestamp, or by source."
    )
    row_group_rows: int = Field(122_880, ge=1_000, le=10_000_000, description="Rows of a parquet row group.")
