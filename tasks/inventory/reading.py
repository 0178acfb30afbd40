"""What the pages need of an asset beside its manifest: the reports and small tables that stages left in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.assets.manifest import Manifest, Record
from tasks.assets.reports import (
    EVALUATION_REPORT,
    PROFILE_REPORT,
    REGISTRATION_REPORT,
    RELATIONSHIPS_REPORT,
    SPLIT_REPORT,
    VALIDATION_REPORT,
    EvaluationReport,
    Registration,
    Relationships,
    SplitReport,
    TableProfile,
    ValidationReport,
)
from tasks.inventory.config import InventoryConfig

R = TypeVar("R", bound=Record)

HISTORY: Final = "history.parquet"
CARD: Final = "card.md"


@dataclass(frozen=True, slots=True)
class Preview:
    """The first rows of a small table, as Python values, and how many there are in all."""

    file: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]  # values of any column type
    total: int


@dataclass(frozen=True, slots=True)
class Previewed:
    """A file whose first rows are shown, and how it is sorted for that."""

    file: str
    order: tuple[tuple[str, str], ...] = ()


PREVIEWED: Final[Mapping[str, tuple[Previewed, ...]]] = {
    "analysis/clusters": (Previewed("clusters.parquet", (("size", "descending"), ("cluster_id", "ascending"))),),
    "analysis/duplicates": (
        Previewed("groups.parquet", (("size", "descending"), ("group_id", "ascending"))),
        Previewed("members.parquet", (("kind", "descending"), ("group_id", "ascending"), ("similarity", "descending"))),
    ),
    "analysis/associations": (Previewed("associations.parquet"),),
}


@dataclass(frozen=True, slots=True)
class SetAside:
    """Rows that one reason kept out of a table: how many, and the first of them as the quarantine holds them."""

    reason: str
    count: int
    rows: tuple[Mapping[str, Any], ...]  # detail, source, line, row; values of any column type


@dataclass(frozen=True, slots=True)
class Asset:
    """A manifest and what was read beside it; what an asset does not have is None or empty."""

    manifest: Manifest
    validation: ValidationReport | None = None
    profile: TableProfile | None = None
    relationships: Relationships | None = None
    split: SplitReport | None = None
    evaluation: EvaluationReport | None = None
    registration: Registration | None = None
    previews: tuple[Preview, ...] = ()
    set_aside: tuple[SetAside, ...] = ()
    history: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)
    card: str | None = None

    @property
    def key(self) -> str:
        """The asset's key."""
        return self.manifest.key

    @property
    def subject(self) -> str:
        """The key without its kind: the table's name for `tables/products`."""
        return self.manifest.key.split("/", 1)[1]

    @property
    def kind(self) -> str:
        """The first word of the key."""
        return self.manifest.key.split("/", 1)[0]

    @property
    def rows(self) -> int | None:
        """How many rows it has; None for a model, whose manifest counts the rows of a file beside it."""
        return None if self.manifest.format == "model" else self.manifest.rows

    @property
    def folder(self) -> str:
        """Where its files lie, relative to the lake."""
        return f"{self.manifest.key}/{self.manifest.version}/{self.manifest.data}"


def has_reports(manifest: Manifest) -> bool:
    """Return whether there is something to read of an asset beside its manifest."""
    reports = {
        VALIDATION_REPORT, PROFILE_REPORT, RELATIONSHIPS_REPORT, SPLIT_REPORT, EVALUATION_REPORT, REGISTRATION_REPORT,
    }  # fmt: skip
    names = {entry.path for entry in manifest.files}
    kind = manifest.key.split("/", 1)[0]
    return bool(reports & names) or manifest.key in PREVIEWED or kind == "quarantine" or HISTORY in names


def read_asset(manifest: Manifest, folder: Path, config: InventoryConfig) -> Asset:
    """Return an asset with its reports and the first rows of its small tables."""
    names = {entry.path for entry in manifest.files}

    def report(name: str, model: type[R]) -> R | None:
        return model.model_validate_json((folder / name).read_text(encoding="utf-8")) if name in names else None

    return Asset(
        manifest=manifest,
        validation=report(VALIDATION_REPORT, ValidationReport),
        profile=report(PROFILE_REPORT, TableProfile),
        relationships=report(RELATIONSHIPS_REPORT, Relationships),
        split=report(SPLIT_REPORT, SplitReport),
        evaluation=report(EVALUATION_REPORT, EvaluationReport),
        registration=report(REGISTRATION_REPORT, Registration),
        previews=tuple(
            read_preview(folder / item.file, item, config.preview_rows)
            for item in PREVIEWED.get(manifest.key, ())
            if item.file in names
        ),
        set_aside=read_quarantine(folder, config.quarantine_rows) if manifest.key.startswith("quarantine/") else (),
        history=_history(folder / HISTORY) if HISTORY in names else {},
        card=(folder / CARD).read_text(encoding="utf-8") if CARD in names else None,
    )


def read_preview(file: Path, previewed: Previewed, most: int) -> Preview:
    """Return the first rows of a parquet file, sorted by those of the wanted columns that it has."""
    table = pq.read_table(file)
    order = [(name, way) for name, way in previewed.order if name in table.column_names]
    shown = (table.sort_by(order) if order else table).slice(0, most)
    rows = tuple(zip(*(column.to_pylist() for column in shown.columns), strict=True))
    return Preview(file=previewed.file, columns=tuple(table.column_names), rows=rows, total=table.num_rows)


def read_quarantine(folder: Path, most: int) -> tuple[SetAside, ...]:
    """Return the reasons of a quarantine, that of the most rows first, each with its first rows in the files' order."""
    files = sorted(folder.glob("*.parquet"))
    chunks = [pq.read_table(file, columns=["reason"])["reason"] for file in files]
    reasons = pa.chunked_array([chunk for column in chunks for chunk in column.chunks], type=pa.string())
    counts = {str(item["values"]): item["counts"] for item in pc.value_counts(reasons).to_pylist()}
    first: dict[str, list[Mapping[str, Any]]] = {reason: [] for reason in counts}
    wanted = sum(min(most, count) for count in counts.values())
    for batch in _batches(files) if wanted else ():
        for reason, found in first.items():
            chosen = batch.filter(pc.equal(batch["reason"], reason)).slice(0, most - len(found))
            found.extend(chosen.to_pylist())
        if sum(map(len, first.values())) == wanted:
            break
    ordered = sorted(counts, key=lambda reason: (-counts[reason], reason))
    return tuple(SetAside(reason, counts[reason], tuple(first[reason])) for reason in ordered)


def _batches(files: Sequence[Path]) -> Iterator[pa.RecordBatch]:
    for file in files:
        with pq.ParquetFile(file) as opened:
            yield from opened.iter_batches()


def _history(file: Path) -> dict[str, tuple[float | None, ...]]:
    table = pq.read_table(file)
    numeric = [item.name for item in table.schema if pa.types.is_integer(item.type) or pa.types.is_floating(item.type)]
    return {name: tuple(table[name].to_pylist()) for name in numeric}
