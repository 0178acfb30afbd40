"""The store: publishes drafts as immutable assets, and hands out verified data. The only module that knows paths."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, Final

from tasks.assets import specs
from tasks.assets.asset import AssetRef, AssetSpec
from tasks.assets.lake import Lake, open_lake
from tasks.assets.manifest import ColumnSchema, FileEntry, Finding, Manifest, Verdict, content_digest, parse_manifest
from tasks.assets.recipe import Recipe
from tasks.errors import TamperedAssetError, UnknownAssetError

logger = logging.getLogger(__name__)

MANIFEST = "manifest.json"
GRACE: Final = timedelta(days=1)
"""For how long `leftovers` gives the benefit of the doubt."""


@dataclass(slots=True)
class Draft:
    """An asset being made: write files below `path`, set what the manifest should say."""

    spec: AssetSpec
    path: Path
    metrics: dict[str, Any] = field(default_factory=dict)  # JSON values of any shape
    findings: list[Finding] = field(default_factory=list)
    verdict: Verdict | None = None
    seed: int | None = None
    rows: int | None = None
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))


class AssetStore:
    """Assets in one lake.

    Args:
        url: A folder or an fsspec URL.
        code_revision: What the manifests name as the code that made the data.
        cache: Where copies of remote assets lie.
        owners: Table to who answers for it. What is of that table is theirs in its manifest; no recipe holds it.
    """

    def __init__(
        self,
        url: str,
        *,
        code_revision: str = "unknown",
        cache: Path | None = None,
        owners: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.url = url
        self.code_revision = code_revision
        self.cache = cache
        self.owners = dict(owners)
        self._verified: set[str] = set()  # paths of data

    def __reduce__(self) -> tuple[Any, ...]:  # the constructor and its arguments, as pickle wants them
        return _reopen, (self.url, self.code_revision, self.cache, self.owners)

    @property
    def lake(self) -> Lake:
        """The lake that the assets lie in."""
        return open_lake(self.url, self.cache)

    def owner_of(self, spec: AssetSpec) -> str:
        """Return who answers for an asset: the owner of its table where the shop names one."""
        return self.owners.get(specs.table_of(spec.key) or "", spec.owner)

    def manifest(self, ref: AssetRef) -> Manifest:
        """Return the manifest of an asset.

        Raises:
            UnknownAssetError: There is no such asset.
            TamperedAssetError: Its manifest is not a manifest, or not that of this asset.
        """
        found = self.find(ref)
        if found is None:
            raise UnknownAssetError(
                lake=self.url, key=str(ref), fix="`pandian inventory list` names the assets there are."
            )
        return found

    def find(self, ref: AssetRef) -> Manifest | None:
        """Return the manifest of an asset, or None where the asset is not (or not wholly) there.

        Raises:
            TamperedAssetError: The manifest is there, and is none, or not that of this asset.
        """
        content = self.lake.read(f"{ref.key}/{ref.version}/{MANIFEST}")
        if content is None:
            return None
        return parse_manifest(content, ref)

    def path(self, ref: AssetRef) -> Path:
        """Return a local folder with an asset's files, each checked against its digest once per process.

        A copy of a remote asset that is damaged is fetched again before the asset itself is judged.

        Raises:
            UnknownAssetError: There is no such asset.
            TamperedAssetError: A file is missing, differs from its digest, or was added.
        """
        manifest = self.manifest(ref)
        data = f"{ref.key}/{ref.version}/{manifest.data}"
        folder = self.lake.local(data)
        if data in self._verified:
            return folder
        problem = _damage(manifest, folder)
        if problem is not None and self.lake.forget(data):
            folder = self.lake.local(data)
            problem = _damage(manifest, folder)
        if problem is not None:
            raise TamperedAssetError(asset=str(ref), problem=problem, fix="Run the flow again to rebuild it.")
        self._verified.add(data)
        return folder

    def is_intact(self, ref: AssetRef) -> bool:
        """Return whether an asset is there, whole and unchanged. A damaged one is named."""
        try:
            return self._is_whole(ref)
        except TamperedAssetError as error:
            logger.warning("%s", error.facts["problem"], extra={"asset": str(ref)})
            return False

    def discard(self, ref: AssetRef) -> None:
        """Remove an asset: its manifest first, so that it is never half there."""
        self.lake.delete(f"{ref.key}/{ref.version}/{MANIFEST}")
        self.lake.delete(f"{ref.key}/{ref.version}")

    @contextlib.contextmanager
    def draft(self, spec: AssetSpec, recipe: Recipe, *, run_id: str, is_refresh: bool = False) -> Iterator[Draft]:
        """Publish what the block writes, data first and manifest last. An exception publishes nothing.

        Where the asset is there already, whole, it stays as it is, and what the block wrote is dropped.

        Args:
            spec: What it is.
            recipe: What it is made by.
            run_id: Which run makes it.
            is_refresh: It takes the place of one that is there; the data of that one is left to `pandian gc`.
        """
        draft = Draft(spec=spec, path=self.lake.staging())
        try:
            yield draft
            manifest = _manifest(draft, recipe, self, run_id=run_id)
            self._publish(draft, manifest, is_refresh=is_refresh)
        finally:
            shutil.rmtree(draft.path, ignore_errors=True)

    def manifests(self) -> list[Manifest]:
        """Return the manifests of all assets, by key and version; one that cannot be read is named and left out."""
        found = []
        for path in self.lake.find(MANIFEST):
            folder = PurePosixPath(path).parent
            content = self.lake.read(path)
            if content is None:
                continue
            try:
                found.append(parse_manifest(content, AssetRef(str(folder.parent), folder.name)))
            except TamperedAssetError as error:
                logger.warning("%s", error)
        return found

    def leftovers(self, *, grace: timedelta = GRACE) -> list[str]:
        """Return paths that no asset names: unpublished work that nobody goes on with, data without a manifest.

        Args:
            grace: For how long work to be resumed may be untouched. Where locks do not hold on every machine, data
                without a manifest that is younger is left out as well: its upload may be going on.
        """
        before = datetime.now(UTC) - grace
        attempts = self.lake.attempts()
        named = {f"{item.key}/{item.version}/{item.data}" for item in self.manifests()}
        unnamed = [path for path in attempts if path not in named]
        if not self.lake.locks_everybody:
            unnamed = [path for path in unnamed if not self.lake.is_written_after(path, before)]
        return [*self.lake.abandoned(before), *unnamed]

    def versions(self, key: str) -> list[Manifest]:
        """Return the manifests of every version of one asset, the newest first."""
        found = [item for item in self.manifests() if item.key == key]
        return sorted(found, key=lambda item: item.finished_at, reverse=True)

    def _publish(self, draft: Draft, manifest: Manifest, *, is_refresh: bool) -> None:
        ref = manifest.ref
        data, place = (f"{ref.key}/{ref.version}/{name}" for name in (manifest.data, MANIFEST))
        self.lake.publish(draft.path, data)
        content = manifest.model_dump_json(indent=2).encode()
        # A put whose answer was lost is repeated, and refused then: what is there may be this very manifest.
        if not self.lake.create(place, content) and self.lake.read(place) != content:
            if not is_refresh and self._has_whole(ref):
                # Another run published this recipe while this one worked: one result is enough.
                self.lake.delete(data)
                return
            self.lake.replace(place, content)
        self._verified.add(data)

    def _has_whole(self, ref: AssetRef) -> bool:
        with contextlib.suppress(TamperedAssetError):
            return self._is_whole(ref)
        return False

    def _is_whole(self, ref: AssetRef) -> bool:
        if self.find(ref) is None:
            return False
        self.path(ref)
        return True


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _reopen(url: str, code_revision: str, cache: Path | None, owners: dict[str, str]) -> AssetStore:
    return AssetStore(url, code_revision=code_revision, cache=cache, owners=owners)


def _manifest(draft: Draft, recipe: Recipe, store: AssetStore, *, run_id: str) -> Manifest:
    paths = [file for file in sorted(draft.path.rglob("*")) if file.is_file()]
    files = tuple(
        FileEntry(path=file.relative_to(draft.path).as_posix(), bytes=file.stat().st_size, sha256=digest)
        for file, digest in zip(paths, _digests(paths), strict=True)
    )
    main = sorted(file for file in draft.path.glob(draft.spec.main) if file.suffix == ".parquet")
    finished_at = datetime.now(UTC)
    return Manifest(
        key=draft.spec.key,
        version=recipe.version,
        title=draft.spec.title,
        grain=draft.spec.grain,
        owner=store.owner_of(draft.spec),
        format=draft.spec.format,
        stage=recipe.stage,
        recipe_revision=recipe.revision,
        arguments=dict(recipe.arguments),
        inputs=tuple(str(ref) for ref in recipe.inputs),
        data=f"data-{draft.path.name}",
        main=draft.spec.main,
        files=files,
        columns=_columns(main),
        rows=_rows(main, draft),
        bytes=sum(entry.bytes for entry in files),
        content_digest=content_digest(files),
        metrics=draft.metrics,
        verdict=draft.verdict,
        findings=tuple(draft.findings),
        seed=draft.seed,
        code_revision=store.code_revision,
        run_id=run_id,
        started_at=draft.started_at,
        finished_at=finished_at,
        duration_s=round((finished_at - draft.started_at).total_seconds(), 3),
    )


def _columns(main: list[Path]) -> tuple[ColumnSchema, ...]:
    if not main:
        return ()
    import pyarrow.parquet as pq

    return tuple(ColumnSchema(name=item.name, type=str(item.type)) for item in pq.read_schema(main[0]))


def _rows(main: list[Path], draft: Draft) -> int | None:
    """The rows of an asset; a model has none, though a table lies beside it."""
    if draft.rows is not None or not main or draft.spec.format == "model":
        return draft.rows
    import pyarrow.parquet as pq

    return sum(int(pq.read_metadata(file).num_rows) for file in main)


def _damage(manifest: Manifest, folder: Path) -> str | None:
    for entry in manifest.files:
        file = folder / entry.path
        if not file.is_file():
            return f"the file {entry.path} of {manifest.ref} is missing."
        if file.stat().st_size != entry.bytes:
            return f"the file {entry.path} of {manifest.ref} has {file.stat().st_size} bytes, not {entry.bytes}."
    found = _digests([folder / entry.path for entry in manifest.files])
    for entry, digest in zip(manifest.files, found, strict=True):
        if digest != entry.sha256:
            return f"the bytes of the file {entry.path} of {manifest.ref} differ from their digest."
    # Stages read by patterns: a part that somebody put there would be read with the others.
    added = _visible_files(folder) - {entry.path for entry in manifest.files}
    return f"the file {min(added)} is none of {manifest.ref}." if added else None


def _visible_files(folder: Path) -> set[str]:
    """Paths below a folder, without what file systems and file managers leave (`.nfs…`, `.DS_Store`)."""
    files = (path for path in folder.rglob("[!.]*") if path.is_file())
    return {path.relative_to(folder).as_posix() for path in files}


def _digests(files: Sequence[Path]) -> list[str]:
    """Several at once: a digest is taken outside Python's lock."""
    if len(files) == 1:
        return [file_digest(files[0])]
    with ThreadPoolExecutor() as pool:
        return list(pool.map(file_digest, files))
