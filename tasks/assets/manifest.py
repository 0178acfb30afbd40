"""The manifest: a JSON page beside the data that says everything the inventory knows about an asset."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tasks.assets.asset import DATA_PATTERN, AssetRef, Format
from tasks.errors import TamperedAssetError

Severity = Literal["critical", "warning", "info"]
Dimension = Literal["normativity", "completeness", "accuracy", "consistency", "timeliness", "accessibility"]
Verdict = Literal["passed", "warned", "blocked"]


class Record(BaseModel):
    """Base of what enters or leaves as JSON: frozen, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ColumnSchema(Record):
    """A column's name and its Arrow type."""

    name: str
    type: str


class FileEntry(Record):
    """One data file: its path below the asset's data folder, its size, and the SHA-256 of its bytes."""

    path: str
    bytes: int
    sha256: str


class Finding(Record):
    """One thing wrong in a table; `kind` is a word of FINDINGS.md.

    `keys` is the path, below the asset's data folder, of a parquet with every failing key; None where a kind has none.
    `share` is `count` over the rows that were looked at.
    """

    id: str
    table: str
    column: str | None = None
    kind: str
    severity: Severity
    dimension: Dimension
    count: int = Field(ge=0)
    share: float = Field(ge=0, le=1)
    message: str
    examples: tuple[str, ...] = Field(default=(), max_length=5)
    keys: str | None = None
    action: str


class Manifest(Record):
    """Everything known about one version of one asset. Written last: no manifest, no asset.

    `data` is the folder of the attempt that won, below the version's folder. `metrics` are numbers, texts, or one level
    of either.
    """

    key: str
    version: str
    title: str
    grain: str
    owner: str
    format: Format
    stage: str
    recipe_revision: int
    arguments: dict[str, Any]  # JSON values of any shape
    inputs: tuple[Annotated[str, Field(pattern="^.+@.+$")], ...]
    data: str
    main: str
    files: tuple[FileEntry, ...]
    columns: tuple[ColumnSchema, ...]
    rows: int | None
    bytes: int
    content_digest: str
    metrics: dict[str, Any]  # JSON values of any shape
    verdict: Verdict | None
    findings: tuple[Finding, ...]
    seed: int | None
    code_revision: str
    run_id: str
    started_at: datetime
    finished_at: datetime
    duration_s: float

    @property
    def ref(self) -> AssetRef:
        """The reference to this asset."""
        return AssetRef(self.key, self.version)

    @property
    def input_refs(self) -> tuple[AssetRef, ...]:
        """The references this asset was made from."""
        return tuple(AssetRef(*text.rsplit("@", 1)) for text in self.inputs)


def parse_manifest(content: bytes, ref: AssetRef) -> Manifest:
    """Return the manifest that lies in an asset's folder.

    Raises:
        TamperedAssetError: It is no manifest, or not one of this asset and its data.
    """
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        raise _tampered(ref, f"cannot be read ({error.error_count()} errors)") from error
    problem = _contradiction(manifest, ref)
    if problem is not None:
        raise _tampered(ref, problem)
    return manifest


def content_digest(files: tuple[FileEntry, ...]) -> str:
    """Return the SHA-256 over the names and digests of files, in order of their names."""
    lines = sorted(f"{entry.sha256}  {entry.path}\n" for entry in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _contradiction(manifest: Manifest, ref: AssetRef) -> str | None:
    """What a manifest says that cannot be; paths are followed, and removed, only if they stay in the asset's folder."""
    if manifest.ref != ref:
        return f"is that of {manifest.ref}"
    paths = (manifest.main, *(entry.path for entry in manifest.files))
    if not DATA_PATTERN.fullmatch(manifest.data) or any(map(_leads_away, paths)):
        return "names files that are not in the asset's folder"
    if content_digest(manifest.files) != manifest.content_digest:
        return "names files that differ from its content digest"
    return None


def _leads_away(path: str) -> bool:
    return path.startswith("/") or ".." in path.split("/")


def _tampered(ref: AssetRef, problem: str) -> TamperedAssetError:
    return TamperedAssetError(
        asset=str(ref), problem=f"the manifest of {ref} {problem}.", fix="Run the flow again to rebuild it."
    )
