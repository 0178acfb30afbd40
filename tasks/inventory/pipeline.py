"""The stages of the stocktake as one picture: what each made, how long it took, what it found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from tasks.assets import specs
from tasks.assets.manifest import Severity, Verdict
from tasks.inventory.catalogue import Catalogue, FindingPlace, count_severities, count_verdicts
from tasks.inventory.figures import score
from tasks.inventory.layout import Curve, Size, draw, without_shortcuts
from tasks.inventory.lineage import edges_of
from tasks.inventory.reading import Asset
from tasks.inventory.words import Words

STAGE_OF: Final[Mapping[str, str]] = MappingProxyType(
    {
        "shards": "ingest",
        "tables": "ingest",
        "quarantine": "ingest",
        "validations": "validate",
        "profiles": "profile",
        "embeddings": "embed",
        "analysis": "analyze",
        "splits": "finetune",
        "models/encoder": "finetune",
        "models/recommender": "evaluate",
        "evaluations": "evaluate",
        "registrations": "register",
        "inventory/review": "register",
    }
)
STAGES: Final = ("ingest", "validate", "profile", "embed", "analyze", "finetune", "evaluate", "register")
USUAL_EDGES: Final = frozenset(
    {
        ("ingest", "validate"),
        ("ingest", "profile"),
        ("ingest", "embed"),
        ("embed", "analyze"),
        ("ingest", "finetune"),
        ("finetune", "evaluate"),
        ("embed", "evaluate"),
        ("evaluate", "register"),
    }
)
BOX: Final = Size(width=240, height=84, layer_gap=60, node_gap=16, waypoint=2)


@dataclass(frozen=True, slots=True)
class StageBox:
    """One stage. `made` says in words what came of it.

    Args:
        assets: Those with a page of their own.
        source_files: The shards beside them.
        verdict: The worst that its assets carry.
    """

    name: str
    made: str
    assets: int
    source_files: int
    byte_size: int
    duration_s: float
    severities: Mapping[Severity, int]
    verdict: Verdict | None
    x: float
    y: float

    @property
    def is_done(self) -> bool:
        """Whether the stage made, or found, any asset."""
        return self.assets + self.source_files > 0


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The stages with their places, and the edges between them."""

    boxes: tuple[StageBox, ...]
    curves: tuple[Curve, ...]
    width: float
    height: float
    size: Size


def stage_of(key: str) -> str | None:
    """Return the stage that makes an asset, by its key; None for what is not a stage's."""
    return STAGE_OF.get(key) or STAGE_OF.get(key.split("/", 1)[0])


def pipeline(catalogue: Catalogue, words: Words) -> Pipeline:
    """Return the stages as they hang together in these assets, and as they usually do where a stage made nothing."""
    found = {(stage_of(a), stage_of(b)) for a, b in edges_of(catalogue)}
    edges = {(a, b) for a, b in found if a and b and a != b} | USUAL_EDGES
    drawing = draw(STAGES, without_shortcuts(edges), BOX)
    boxes = {place.name: _box(catalogue, words, place.name, place.x, place.y) for place in drawing.places}
    return Pipeline(tuple(boxes[name] for name in STAGES), drawing.curves, drawing.width, drawing.height, drawing.size)


def _box(catalogue: Catalogue, words: Words, name: str, x: float, y: float) -> StageBox:
    assets = [asset for asset in catalogue.assets.values() if stage_of(asset.key) == name]
    places = [FindingPlace(finding, asset) for asset in assets for finding in asset.manifest.findings]
    return StageBox(
        name=name,
        made=_made(catalogue, words, name) if assets else words.not_in_this_run,
        assets=sum(asset.kind != "shards" for asset in assets),
        source_files=sum(asset.kind == "shards" for asset in assets),
        byte_size=sum(asset.manifest.bytes for asset in assets),
        duration_s=sum(asset.manifest.duration_s for asset in assets),
        severities=count_severities(places),
        verdict=_worst(assets),
        x=x,
        y=y,
    )


def _worst(assets: Iterable[Asset]) -> Verdict | None:
    verdicts = {asset.manifest.verdict for asset in assets}
    order: tuple[Verdict, ...] = ("blocked", "warned", "passed")
    return next((verdict for verdict in order if verdict in verdicts), None)


def _made(catalogue: Catalogue, words: Words, stage: str) -> str:
    tables = [table.rows for table in catalogue.tables if table.rows]
    if stage == "ingest":
        rows = sum(asset.manifest.rows or 0 for asset in tables)
        return words.stage_ingest.format(tables=words.some(len(tables), "table"), rows=words.some(rows, "row"))
    if stage == "validate":
        counts = count_verdicts(catalogue.tables)
        return ", ".join(f"{number} {words.verdicts[verdict]}" for verdict, number in counts.items() if number)
    if stage == "profile":
        profiles = [table.profile.profile for table in catalogue.tables if table.profile and table.profile.profile]
        columns = sum(len(profile.columns) for profile in profiles)
        links = len(catalogue.relationships)
        return words.stage_profile.format(columns=words.some(columns, "column"), links=words.some(links, "link"))
    return _made_of_products(catalogue, words, stage)


def _made_of_products(catalogue: Catalogue, words: Words, stage: str) -> str:
    rows = {key: asset.manifest.rows or 0 for key, asset in catalogue.assets.items()}
    model = catalogue.model
    if stage == "embed":
        return words.stage_embed.format(vectors=words.some(rows.get(specs.PRODUCT_EMBEDDINGS.key, 0), "vector"))
    if stage == "analyze":
        clusters = words.some(rows.get(specs.CLUSTERS.key, 0), "cluster")
        duplicates = words.some(rows.get(specs.DUPLICATES.key, 0), "duplicate")
        return words.stage_analyze.format(clusters=clusters, duplicates=duplicates)
    if stage == "finetune":
        return words.stage_finetune.format(interactions=words.some(rows.get(specs.SPLIT.key, 0), "interaction"))
    if stage == "evaluate" and model and model.candidate:
        return words.stage_evaluate.format(value=score(model.candidate.value))
    if stage == "register" and model and model.registration:
        state = words.stage_states[model.state or "refused"]
        return words.stage_register.format(version=model.registration.version, state=state)
    return ""
