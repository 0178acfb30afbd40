"""Runs the stocktake in this process, on Prefect's own temporary server unless one is named."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from flows.imports import uncollected
from flows.plan import StageName, plan_stages
from flows.report import RunReport
from flows.server import start_temporary_server, wait_until_ready
from flows.settings import find_config, load_settings, names_prefect
from tasks.assets import specs
from tasks.assets.manifest import Manifest
from tasks.assets.reports import EVALUATION_REPORT, EvaluationReport
from tasks.assets.store import AssetStore
from tasks.register.measures import gain_words


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run. `report` is None where the run failed before it knew its lake.

    `gain` says in words whether the model is better than the best of its baselines.
    """

    report: RunReport | None
    evaluation: EvaluationReport | None
    gain: str
    error: BaseException | None
    config: Path


def run_embedded(
    config: str | None, *, only: Sequence[StageName] = (), start: StageName | None = None, refresh: bool = False
) -> Outcome:
    """Run the stocktake and return what came of it.

    Raises:
        SettingsError: The configuration cannot be read.
        UsageError: The choice of stages makes no sense.
    """
    path = find_config(config)
    settings = load_settings(str(path))
    plan_stages(only, start, refresh=refresh)
    has_own_prefect = not names_prefect(os.environ)
    if has_own_prefect:
        start_temporary_server(Path(settings.home))

    with uncollected():
        from flows.console import quiet_console
        from flows.stocktake import stocktake

    quiet_console(is_embedded=True)
    logging.getLogger("EventsWorker").setLevel(logging.ERROR)  # at the end it tells of what it still sends
    with _own_prefect() if has_own_prefect else nullcontext():
        state = stocktake(str(path), only=list(only) or None, start=start, refresh=refresh, return_state=True)
    result = state.result(raise_on_failure=False)
    store = AssetStore(settings.lake, cache=Path(settings.home) / "cache")
    report = _report(store, str(state.state_details.flow_run_id))
    evaluated = None if report is None else _evaluated(store, report)
    return Outcome(
        report=report,
        evaluation=None if evaluated is None else _evaluation(store, evaluated),
        gain="" if evaluated is None else gain_words(evaluated.metrics),
        error=result if isinstance(result, BaseException) else None,
        config=path,
    )


@contextmanager
def _own_prefect() -> Iterator[None]:
    """Wait for the temporary server, and send it no heartbeats: nobody looks for them, and their end takes a second."""
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    wait_until_ready()
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield


def _report(store: AssetStore, run_id: str) -> RunReport | None:
    for manifest in store.versions(specs.RUN.key):
        if manifest.run_id == run_id:
            text = (store.path(manifest.ref) / specs.RUN.main).read_text(encoding="utf-8")
            return RunReport.model_validate_json(text)
    return None


def _evaluated(store: AssetStore, report: RunReport) -> Manifest | None:
    chosen = {item.version for item in report.assets if item.key == specs.EVALUATION.key}
    return next((found for found in store.versions(specs.EVALUATION.key) if found.version in chosen), None)


def _evaluation(store: AssetStore, manifest: Manifest) -> EvaluationReport:
    text = (store.path(manifest.ref) / EVALUATION_REPORT).read_text(encoding="utf-8")
    return EvaluationReport.model_validate_json(text)
