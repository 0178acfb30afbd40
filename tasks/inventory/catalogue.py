"""The inventory as the pages tell it: tables with all that is known of them, findings, the model, the stages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Final, Literal

from tasks.assets import specs
from tasks.assets.asset import AssetRef
from tasks.assets.inventory import behind
from tasks.assets.manifest import Finding, Severity, Verdict
from tasks.assets.reports import CROWNING, EvaluationReport, MetricValue, ModelState, Registration, Relationship
from tasks.assets.rules import in_words
from tasks.inventory.reading import Asset
from tasks.schemas import CANONICAL

SEVERITIES: Final[tuple[Severity, ...]] = ("critical", "warning", "info")
VERDICTS: Final[tuple[Verdict, ...]] = ("passed", "warned", "blocked")
HEADLINE: Final = "ndcg_at_10"
ROLLED_BACK: Final = "rolled back"
ALIASES: Final[Mapping[str, str | None]] = MappingProxyType(
    {"champion": "champion", "replaced": "previous", "refused": None, "rolled back": None}
)
"""The alias of a version by what became of it; else it has that of its registration."""

PageState = ModelState | Literal["rolled back"]
"""What the pages say of a version: a champion that was rolled back is told from one that was followed."""


@dataclass(frozen=True, slots=True)
class FindingPlace:
    """A finding, the asset that carries it, and where its failing keys lie relative to the lake."""

    finding: Finding
    asset: Asset

    @property
    def keys(self) -> str | None:
        """The parquet with every failing key."""
        return f"{self.asset.folder}/{self.finding.keys}" if self.finding.keys else None


@dataclass(frozen=True, slots=True)
class TableSummary:
    """A table and every asset that describes it."""

    name: str
    rows: Asset | None
    quarantine: Asset | None
    validation: Asset | None
    profile: Asset | None
    shards: tuple[Asset, ...]
    findings: tuple[FindingPlace, ...]

    @property
    def verdict(self) -> Verdict | None:
        """What the suite says; None where the table was not validated."""
        return self.validation.manifest.verdict if self.validation else None

    @property
    def severities(self) -> Mapping[Severity, int]:
        """How many findings there are of each severity."""
        return count_severities(self.findings)


@dataclass(frozen=True, slots=True)
class Why:
    """Who decided, and the reason given."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """The model and its comparison; whichever of the two stages has run, and what was decided.

    Args:
        decision: The last decision about the version registered last.
        crowned: The decision that made the champion, which may be an earlier version; None where there is none.
    """

    registration: Registration | None
    evaluation: EvaluationReport | None
    decision: Mapping[str, object] | None = None
    crowned: Mapping[str, object] | None = None

    @property
    def is_champion(self) -> bool:
        """Whether the version registered last is in use."""
        return self.state == "champion"

    @property
    def state(self) -> PageState | None:
        """What became of the registered version."""
        if self.registration is None:
            return None
        if self.decision and self.decision["decision"] == ROLLED_BACK and self.decision["version"] != self.version:
            return "rolled back"
        return self.registration.state(self.decision)

    @property
    def version(self) -> str | None:
        """The version registered last."""
        return self.registration.version if self.registration else None

    @property
    def is_champion_again(self) -> bool:
        """Whether the champion is one that a rollback returned to."""
        return self.crowned is not None and self.crowned["decision"] == ROLLED_BACK

    @property
    def why_champion(self) -> Why | None:
        """Who made the champion what it is, and why: for one that is champion again, who had approved it."""
        facts = self.crowned or {}
        names = ("champion_by", "champion_reason") if self.is_champion_again else ("by", "reason")
        by, reason = (facts.get(name) for name in names)
        return Why(str(by), str(reason)) if by and reason else None

    @property
    def why_state(self) -> Why | None:
        """Who decided what became of the registered version, and why; None where nobody decided yet."""
        if self.is_champion:
            return self.why_champion
        if self.decision is None or self.state in {"refused", "waiting"}:
            return None
        return Why(str(self.decision["by"]), str(self.decision["reason"]))

    @property
    def alias(self) -> str | None:
        """The alias that the registered version has in MLflow, as its decisions tell."""
        registered = self.registration.alias if self.registration else None
        return ALIASES.get(self.state or "refused", registered)

    def value(self, model: str, metric: str = HEADLINE) -> MetricValue | None:
        """Return a model's metric on the test split."""
        found = self.evaluation.metrics if self.evaluation else ()
        return next((m for m in found if (m.model, m.metric, m.split) == (model, metric, "test")), None)

    @property
    def candidate(self) -> MetricValue | None:
        """The headline metric of what is registered: the last of the models."""
        return self.value(self.evaluation.models[-1]) if self.evaluation and self.evaluation.models else None


class Catalogue:
    """Everything that one stocktake made, ready to be told.

    Args:
        assets: In any order; the pages do not depend on it. One of each key, but for decisions about the model: all of
            them count, and the newest has a page.
        owners: Table to who answers for it now; a manifest names who did when the asset was made.
        lake: The folder, or the URL, that the assets lie in.
    """

    def __init__(
        self, assets: Iterable[Asset], owners: Mapping[str, str] = MappingProxyType({}), *, lake: str = ""
    ) -> None:
        ordered = sorted(assets, key=lambda item: (item.key, item.manifest.finished_at, item.manifest.version))
        self.assets: Mapping[str, Asset] = {asset.key: asset for asset in ordered}
        self._decisions = [asset.manifest.metrics for asset in reversed(ordered) if asset.key == specs.REVIEWS.key]
        self._owners = owners
        self._lake = lake

    def message(self, place: FindingPlace) -> str:
        """Return what a finding says; a rule that it names by its id is told in words."""
        message = place.finding.message
        report = place.asset.validation
        for result in report.results if report else ():
            message = message.replace(f"fails “{result.id}”", f"breaks the rule “{in_words(result)}”")
        return message

    def behind(self, asset: Asset) -> tuple[AssetRef, ...]:
        """Return those of an asset's inputs that are no longer current, or that are behind themselves."""
        return self._behind.get(asset.manifest.ref, ())

    def files(self, asset: Asset) -> list[str]:
        """Return the full paths, or the URLs, of an asset's parquets."""
        paths = [entry.path for entry in asset.manifest.files if entry.path.endswith(".parquet")]
        return [f"{self._lake}/{asset.folder}/{path}" for path in paths]

    def owner(self, asset: Asset) -> str:
        """Return who answers for an asset: the owner of its table where the shop names one."""
        return self._owners.get(specs.table_of(asset.key) or "", asset.manifest.owner)

    def owner_of_finding(self, place: FindingPlace) -> str:
        """Return who answers for the table that a finding is about, whichever asset carries it."""
        return self.owner(self.assets.get(f"tables/{place.finding.table}", place.asset))

    @cached_property
    def listed(self) -> list[Asset]:
        """The assets with a page of their own: all but shards."""
        return [asset for asset in self.assets.values() if asset.kind != "shards"]

    @cached_property
    def source_files(self) -> int:
        """How many source files the tables were read from; they are told on the pages of their tables."""
        return len(self.assets) - len(self.listed)

    @cached_property
    def newest(self) -> Asset | None:
        """The asset that a run made last: its time, run and code are those of the heading. No run makes a decision."""
        made = (asset for asset in self.assets.values() if asset.key != specs.REVIEWS.key)
        return max(made, key=lambda item: (item.manifest.finished_at, item.key), default=None)

    @cached_property
    def byte_size(self) -> int:
        """The bytes of all assets."""
        return sum(asset.manifest.bytes for asset in self.assets.values())

    @cached_property
    def tables(self) -> list[TableSummary]:
        """Every table with what describes it, the canonical ones first, then by name."""
        kinds = {"tables", "validations", "profiles", "quarantine"}
        names = {a.subject for a in self.listed if a.kind in kinds and not a.subject.startswith("_")}
        return [self.table(name) for name in sorted(names, key=_canonical_first)]

    def table(self, name: str) -> TableSummary:
        """Return a table's summary."""
        return TableSummary(
            name=name,
            rows=self.assets.get(f"tables/{name}"),
            quarantine=self.assets.get(f"quarantine/{name}"),
            validation=self.assets.get(f"validations/{name}"),
            profile=self.assets.get(f"profiles/{name}"),
            shards=tuple(self.shards.get(name, ())),
            findings=tuple(self._findings_of.get(name, ())),
        )

    @cached_property
    def shards(self) -> Mapping[str, list[Asset]]:
        """The source files of each table."""
        found: dict[str, list[Asset]] = {}
        for asset in self.assets.values():
            if asset.kind == "shards":
                found.setdefault(asset.subject.split("/", 1)[0], []).append(asset)
        return found

    @cached_property
    def findings(self) -> list[FindingPlace]:
        """Every finding, the worst first, then those of more rows."""
        places = [FindingPlace(finding, asset) for asset in self.listed for finding in asset.manifest.findings]
        return sorted(places, key=_worst_first)

    @cached_property
    def model(self) -> ModelSummary | None:
        """The model, or None where neither evaluation nor registration has run."""
        evaluated = self.assets.get(specs.EVALUATION.key)
        registered = self.assets.get(specs.REGISTRATION.key)
        if evaluated is None and registered is None:
            return None
        registration = registered.registration if registered else None
        decisions = [item for item in self._decisions if registration and item["model"] == registration.name]
        about = (
            item
            for item in decisions
            if registration and registration.version in {item["version"], item["from_version"]}
        )
        crowned = next((item for item in decisions if item["decision"] in CROWNING), None)
        return ModelSummary(
            registration=registration,
            evaluation=evaluated.evaluation if evaluated else None,
            decision=next(about, None),
            crowned=crowned if crowned and crowned["version"] is not None else None,
        )

    @cached_property
    def relationships(self) -> Sequence[Relationship]:
        """Every link between tables."""
        asset = self.assets.get(specs.RELATIONSHIPS.key)
        return asset.relationships.relationships if asset and asset.relationships else ()

    def links(self, table: str) -> list[Relationship]:
        """Return the links that a table takes part in."""
        return [item for item in self.relationships if table in {item.child_table, item.parent_table}]

    @cached_property
    def stale(self) -> list[Asset]:
        """The assets with a page of their own that were made from what is no longer current."""
        return [asset for asset in self.listed if self.behind(asset)]

    @cached_property
    def _behind(self) -> Mapping[AssetRef, tuple[AssetRef, ...]]:
        return behind([asset.manifest for asset in self.assets.values()])

    @cached_property
    def _findings_of(self) -> Mapping[str, list[FindingPlace]]:
        found: dict[str, list[FindingPlace]] = {}
        for place in self.findings:
            found.setdefault(place.finding.table, []).append(place)
        return found


def count_severities(places: Iterable[FindingPlace]) -> Mapping[Severity, int]:
    """Return how many findings there are of each severity, all three named."""
    counts = Counter(place.finding.severity for place in places)
    return {severity: counts[severity] for severity in SEVERITIES}


def count_verdicts(tables: Iterable[TableSummary]) -> Mapping[Verdict, int]:
    """Return how many tables have each verdict, all three named."""
    counts = Counter(table.verdict for table in tables)
    return {verdict: counts[verdict] for verdict in VERDICTS}


def _worst_first(place: FindingPlace) -> tuple[int, int, str, str, str, str]:
    found = place.finding
    worst = SEVERITIES.index(found.severity)
    return (worst, -found.count, found.table, found.column or "", found.kind, found.id)


def _canonical_first(name: str) -> tuple[int, str]:
    known = list(CANONICAL)
    return (known.index(name) if name in known else len(known), name)
