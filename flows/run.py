"""One run of a flow: submits stages as planned, keeps what came of them, and records it as an asset."""

from __future__ import annotations

import contextlib
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from prefect import task
from prefect.runtime import flow_run

from flows.artifacts import publish
from flows.console import quiet_console, say
from flows.decisions import decisions_about, last_decision, read_registration
from flows.failures import blocked_words, reason, together, words
from flows.pending import Given, NotRun, Pending, Withheld, missing_from, outcome_of, settled, wait_for
from flows.plan import STAGES, Mode, StageName
from flows.printable import printable
from flows.report import (
    AssetReport,
    ModelReport,
    RunReport,
    RunStatus,
    StageReport,
    StageStatus,
    finding_counts,
    why_blocked,
)
from flows.settings import Settings, origin_of
from flows.stage_lines import table_line, total_line
from flows.stopping import goes_on, has_ended
from tasks.assets import specs
from tasks.assets.asset import AssetRef
from tasks.assets.manifest import Manifest
from tasks.assets.recipe import Recipe
from tasks.assets.reports import VALIDATION_REPORT, Registration, ValidationReport
from tasks.assets.store import AssetStore
from tasks.errors import CandidateRefusedError, DataBlockedError, LakeError, PandianError, StageNotRunError
from tasks.ingest.sources import Shard, find_shards
from tasks.stage import RETRIES, RETRY_DELAYS_S, Stage, StageResult, code_revision, is_transient

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of a stage: for which table, where that is its first argument, and what may come of it."""

    stage: str
    table: str
    pending: Pending


class Run:
    """Submits stages, and knows at the end what each of them did.

    Args:
        settings: The shop.
        plan: What to do with each stage.
        base: The folder that relative sources start from.
    """

    def __init__(self, settings: Settings, plan: Mapping[StageName, Mode], base: Path) -> None:
        self.settings = settings
        self.plan = plan
        self.base = base
        self.run_id = flow_run.get_id() or "by-hand"
        self.store = AssetStore(
            settings.lake,
            code_revision=code_revision(),
            cache=Path(settings.home) / "cache",
            owners=settings.owners,
        )
        self._began = datetime.now(UTC)
        self._asked: dict[StageName, list[Asked]] = defaultdict(list)
        self._told: set[StageName] = set()
        self._blocked: dict[str, str] = {}
        self._undelivered: dict[str, PandianError] = {}
        self._withheld: dict[StageName, set[str]] = defaultdict(set)
        self._left_for_others: dict[StageName, list[str]] = defaultdict(list)
        self._stack = contextlib.ExitStack()
        self.report: RunReport | None = None

    def __enter__(self) -> Self:
        quiet_console()
        try:
            self._stack.enter_context(self.store.lake.lock("run", is_shared=True))
        except OSError as error:
            raise LakeError(
                lake=self.settings.lake,
                problem=f"{error.strerror}.",
                fix=f"Mend {origin_of('lake')}, or let this user write there.",
            ) from error
        goes_on(self.run_id)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._stack:
            if kind is None or issubclass(kind, Exception):
                has_ended(self.run_id)
                self.report = self._record(error if isinstance(error, Exception) else None)

    def shards(self) -> Iterator[tuple[str, Sequence[Shard]]]:
        """Yield the name of each table and the files its sources have now; what is missing is an error at the end."""
        look = task(
            name="ingest",
            task_run_name="ingest look for {table}",
            retries=RETRIES,
            retry_delay_seconds=RETRY_DELAYS_S,
            retry_condition_fn=is_transient,
            persist_result=False,
        )(find_shards)
        for table, sources in self.settings.tables.items():
            try:
                found = look(table, sources, self.base, Path(self.settings.home) / "spool")
            except PandianError as error:
                self._undelivered[table] = error
            else:
                yield table, found

    def submit(self, stage: Stage, *args: object, label: str = "", **kwargs: Any) -> Given:  # the stage's configuration
        """Start a stage, or look for what it made before; the plan says which. Without a table it needs it is withheld.

        Raises:
            StageNotRunError: The stage is to run, and one it needs was only looked for and has not been run.
        """
        group = cast("StageName", stage.fn.__module__.split(".")[1])
        mode = self.plan[group]
        missing = missing_from(args)
        tables = {name for item in args if isinstance(item, Withheld) for name in item.tables}
        if tables and mode != "off":
            return self._withhold(group, tables, stage.keys(*args, **kwargs))
        if mode == "off" or (mode == "present" and missing):
            return self._left(group, stage.keys(*args, **kwargs))
        if missing:
            raise StageNotRunError(assets=missing, fix="Run without `--only` and `--from` once.")
        if mode == "present":
            try:
                result = stage.fn(*settled(args), store=self.store, mode="present", **kwargs)
            except StageNotRunError:
                return self._left(group, stage.keys(*args, **kwargs))
            return self._keep(group, stage, args, result)
        pending = stage.submit(*args, store=self.store, label=label, mode=mode, **kwargs)
        return self._keep(group, stage, args, pending)

    def arrived(self, tables: Mapping[str, Given], names: Iterable[str]) -> dict[str, Given]:
        """Wait for some tables and return those that are there: one that failed takes no other with it."""
        chosen = {name: tables[name] for name in names if name in tables}
        return {
            name: rows
            for name, rows in chosen.items()
            if isinstance(rows, NotRun | Withheld) or isinstance(outcome_of(rows), StageResult)
        }

    def passed(self, tables: Mapping[str, Given], verdicts: Mapping[str, Given]) -> dict[str, Pending]:
        """Return the tables that validation did not block, and remember those it did.

        Raises:
            StageNotRunError: Validation was only looked for, and has not been run.
        """
        missing = missing_from(verdicts)
        if missing and self.plan["validate"] == "present":
            raise StageNotRunError(assets=missing, fix="Run without `--only` and `--from` once.")
        self._wait("validate")
        usable: dict[str, Pending] = {}
        for name, rows in tables.items():
            verdict = verdicts[name]
            result = None if isinstance(verdict, NotRun | Withheld) else outcome_of(verdict)
            if isinstance(rows, NotRun | Withheld) or not isinstance(result, StageResult):
                continue
            if result.verdict == "blocked":
                self._blocked[name] = self._why_blocked(result.primary)
                continue
            usable[name] = rows
        if not usable:
            self._withheld["profile"] = set(self.settings.tables)
        return usable

    def needed(self, usable: Mapping[str, Pending], *names: str) -> list[Pending | Withheld | None]:
        """Return tables that stages need by name: None for one that the shop does not have.

        One that it has, and that did not arrive or was blocked, is withheld, and so is all that is made of it: a model
        trained without the shop's judgments would be another one, and take the place of that with them.
        """
        named = self.settings.tables if self.plan["validate"] != "off" else {}
        return [usable.get(name, Withheld((name,)) if name in named else None) for name in names]

    def part(self, pending: Given, key: str) -> AssetRef | Given:
        """Wait for a stage that makes several assets and return one of them; a stage that failed is passed on."""
        if isinstance(pending, NotRun | Withheld):
            return pending
        self._wait(next(group for group in STAGES if pending in [item.pending for item in self._asked[group]]))
        outcome = outcome_of(pending)
        return outcome[key] if isinstance(outcome, StageResult) else pending

    def lineage(self, pending: Given) -> list[AssetRef]:
        """Wait for a stage and return everything its asset was made from, sorted."""
        outcome = None if isinstance(pending, NotRun | Withheld) else outcome_of(pending)
        found: set[AssetRef] = set()
        ahead = list(outcome.refs) if isinstance(outcome, StageResult) else []
        while ahead:
            inputs = set(self.store.manifest(ahead.pop()).input_refs) - found
            found |= inputs
            ahead += inputs
        return sorted(found)

    def results(self, *groups: StageName) -> list[StageResult]:
        """Wait for stages and return what succeeded, in the order of submission."""
        chosen = groups or STAGES
        outcomes = [outcome_of(item.pending) for group in chosen for item in self._asked[group]]
        return [item for item in outcomes if isinstance(item, StageResult)]

    def refs(self) -> list[AssetRef]:
        """Wait for all stages and return every asset made or found, sorted."""
        return sorted({ref for result in self.results() for ref in result.refs})

    def known(self) -> list[AssetRef]:
        """Wait for all stages and return what the inventory holds now, sorted.

        That is what this run made or found, the newest of what it leaves for other runs to make, and decisions about
        the model: the last about the version registered, and the last that made a champion.
        """
        self._wait("register")
        found = {ref.key: ref for ref in self.refs()}
        for key in (key for keys in self._left_for_others.values() for key in keys):
            for manifest in self.store.versions(key)[:1]:
                found.setdefault(key, manifest.ref)
        if (registered := found.get(specs.REGISTRATION.key)) is None:
            return sorted(found.values())
        decisions = decisions_about(self.store, read_registration(self.store, registered))
        return sorted({*found.values(), *(item.ref for item in decisions)})

    def raise_for_failures(self) -> None:
        """Wait for all stages, then turn failures, a blocked table or a closed gate into one error.

        Raises:
            DataBlockedError: Validation blocked a table.
            CandidateRefusedError: The gate refused the model.
        """
        failure = together(failure for group in STAGES for failure in self._failures(group))
        if failure is not None:
            raise failure
        if self._blocked:
            raise DataBlockedError(
                problem=" ".join(self._blocked.values()),
                fix="Mend the source or the suite, then run again: only what depends on it is made again.",
            )
        registration = self._registration()
        if self._is_asked("register") and registration is not None and registration.decision == "refused":
            raise CandidateRefusedError(
                model=f"{registration.name} version {registration.version}",
                problem=" ".join(registration.reasons),
                fix=f"`pandian review show {registration.version}` shows its card and its comparison.",
            )

    def _left(self, group: StageName, keys: tuple[str, ...]) -> NotRun:
        if self.plan[group] == "present":
            self._left_for_others[group] += keys
        return NotRun(keys)

    def _withhold(self, group: StageName, tables: set[str], keys: tuple[str, ...]) -> Withheld:
        self._withheld[group] |= tables
        self._left(group, keys)
        return Withheld(tuple(sorted(tables)))

    def _keep(self, group: StageName, stage: Stage, args: Sequence[object], pending: Pending) -> Pending:
        table = args[0] if args and isinstance(args[0], str) else ""
        self._asked[group].append(Asked(stage.name, table, pending))
        return pending

    def _failures(self, group: StageName) -> list[BaseException]:
        undelivered = self._undelivered.values() if group == "ingest" else ()
        outcomes = [outcome_of(item.pending) for item in self._asked[group]]
        return [*undelivered, *(item for item in outcomes if isinstance(item, BaseException))]

    def _wait(self, last: StageName) -> None:
        """Wait for the stages up to one, in their order, and say once of each what it did."""
        for group in STAGES[: STAGES.index(last) + 1]:
            if group in self._told:
                continue
            for item in self._asked[group]:
                wait_for(item.pending, group)
            self._told.add(group)
            if self._is_asked(group):
                self._tell(group)

    def _tell(self, group: StageName) -> None:
        results: dict[str, list[StageResult]] = defaultdict(list)
        for item in self._asked[group]:
            if isinstance(outcome := outcome_of(item.pending), StageResult):
                results[item.table].append(outcome)
        if group == "ingest":
            for table, found in results.items():
                say(table_line(table, found, self.store.manifest(found[-1].primary).rows))
        elif results:
            say(total_line(group, [result for found in results.values() for result in found]))
        if why := reason(self._failures(group)):
            say(f"{group} failed: {why}")

    def _is_asked(self, group: StageName) -> bool:
        return self.plan[group] in {"run", "refresh"}

    def _why_blocked(self, ref: AssetRef) -> str:
        folder = self.store.path(ref)
        report = ValidationReport.model_validate_json((folder / VALIDATION_REPORT).read_text(encoding="utf-8"))
        return blocked_words(report, self.store.manifest(ref).findings, folder)

    def _registration(self) -> Registration | None:
        for result in self.results("register"):
            return read_registration(self.store, result[specs.REGISTRATION.key])
        return None

    def _record(self, error: Exception | None) -> RunReport:
        self._wait("inventory")
        manifests = [self.store.manifest(ref) for ref in self.refs()]
        report = self._report(manifests, error)
        recipe = Recipe.of("run", 1, {"run_id": self.run_id, "assets": [manifest.ref for manifest in manifests]})
        with self.store.draft(specs.RUN, recipe, run_id=self.run_id) as draft:
            (draft.path / specs.RUN.main).write_text(report.model_dump_json(indent=2), encoding="utf-8")
            draft.metrics["status"] = report.status
            draft.started_at = self._began
        self._show(report, manifests)
        return report

    def _show(self, report: RunReport, manifests: Sequence[Manifest]) -> None:
        try:
            publish(report, manifests)
        except Exception as error:  # noqa: BLE001 - whatever keeps Prefect from showing a run, it ended as it did
            logger.warning("Prefect does not show what this run did: %s", printable(words(error)))

    def _report(self, manifests: Sequence[Manifest], error: Exception | None) -> RunReport:
        skipped = {ref for result in self.results() if result.status == "skipped" for ref in result.refs}
        registration = self._registration()
        pages = [item.ref for item in manifests if item.key == specs.CATALOGUE.key]
        stages = {ref: group for group in STAGES for result in self.results(group) for ref in result.refs}
        status = _status(error, has_failed=any(map(self._failures, STAGES)))
        return RunReport(
            run_id=self.run_id,
            status=status,
            lake=self.settings.lake,
            stages=tuple(
                self._stage_report(group, what)
                for group in STAGES
                if (what := self._stage_status(group, has_failed=status == "failed")) is not None
            ),
            assets=tuple(
                AssetReport(
                    key=item.key,
                    stage=stages[item.ref],
                    version=item.version,
                    rows=item.rows,
                    bytes=item.bytes,
                    verdict=item.verdict,
                    skipped=item.ref in skipped,
                )
                for item in manifests
            ),
            findings=finding_counts(manifests),
            model=None if registration is None else self._model(registration),
            report=str(self.store.path(pages[0]) / specs.CATALOGUE.main) if pages else None,
            problem=str(error) if error else None,
            missing=tuple(key for group in STAGES for key in self._left_for_others[group]),
        )

    def _model(self, registration: Registration) -> ModelReport:
        decision = last_decision(self.store, registration)
        return ModelReport(
            name=registration.name,
            version=registration.version,
            alias=registration.alias,
            state=registration.state(None if decision is None else decision.metrics),
            metrics=registration.metrics,
        )

    def _stage_report(self, group: StageName, status: StageStatus) -> StageReport:
        return StageReport(
            name=group,
            status=status,
            seconds=round(sum(result.duration_s for result in self.results(group)), 3),
            is_asked=self._is_asked(group),
            reason=reason(self._failures(group)) or (self._what_blocked(group) if status == "blocked" else ""),
        )

    def _what_blocked(self, group: StageName) -> str:
        failed = [other for other in STAGES[: STAGES.index(group)] if reason(self._failures(other))]
        tables = [name for name in self._blocked if name in self._withheld[group]]
        return why_blocked([] if tables else failed, tables)

    def _stage_status(self, group: StageName, *, has_failed: bool) -> StageStatus | None:
        results, failures = self.results(group), self._failures(group)
        if reason(failures):
            return "failed"
        if self.plan[group] == "off":
            return None
        if self._withheld[group] or (failures and not results):
            return "blocked"
        if results:
            return "skipped" if all(item.status == "skipped" for item in results) else "run"
        return "blocked" if has_failed and self._is_asked(group) else None


def _status(error: Exception | None, *, has_failed: bool) -> RunStatus:
    if has_failed:
        return "failed"
    if isinstance(error, CandidateRefusedError):
        return "refused"
    if type(error) is DataBlockedError:
        return "blocked"
    return "failed" if error else "succeeded"
