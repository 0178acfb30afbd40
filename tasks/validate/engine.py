"""Great Expectations, and nothing else: judges frames, and renders Data Docs.

The whole table is never handed over. What judges a table without being handed all of it (tasks/validate/judge.py):

- values: an expectation that looks at one value at a time says the same of every row that holds it, so a column with
  few distinct values is judged once per value, and others in frames of bounded size; counts are sums over frames.
- nulls: a value is replaced by whether it is null, which is all such an expectation can see.
- keys: only keys that repeat are handed over, twice each; all others are known to be unique by DuckDB's exact count.
- parents: whether a key is known is one truth value per key, computed by DuckDB's exact anti-join.
- facts: the table's number of rows, its columns and their types are frames of one row or none.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from tasks.errors import ExpectationRaisedError

ID: Final = "pandian_id"
SITE: Final = "validation"
AT: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Data Docs want a time; the manifest has the true one, and pages of equal results are to be equal byte for byte."""
_lock = threading.Lock()  # Great Expectations keeps its project in a module-level variable


@dataclass(frozen=True, slots=True)
class Demand:
    """An expectation as Great Expectations takes it."""

    id: str
    type: str
    kwargs: Mapping[str, Any]  # arguments of any JSON type


@dataclass(frozen=True, slots=True)
class Judged:
    """What Great Expectations says of one frame.

    Args:
        entries: The entries that were judged: of the rows that meet its `row_condition`, those that are not null.
        failed: The entries that fail; 0 for an expectation that does not count.
        is_met: Its own word, for an expectation that does not count.
        observed: What it saw, for an expectation that does not count.
        positions: The entries that fail, if they were asked for.
    """

    entries: int
    failed: int
    is_met: bool
    observed: object = None
    positions: tuple[int, ...] = ()


def known_types() -> frozenset[str]:
    """Return the expectation types that Great Expectations knows."""
    with _lock:
        _context()
        from great_expectations.expectations.registry import list_registered_expectation_implementations

        return frozenset(list_registered_expectation_implementations())


def problem(demand: Demand) -> str | None:
    """Return why Great Expectations refuses an expectation's arguments, or None if it takes them."""
    with _lock:
        _context()
        from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

        try:
            ExpectationConfiguration(type=demand.type, kwargs=dict(demand.kwargs)).to_domain_obj()
        except (ValueError, TypeError) as error:  # pydantic's errors are ValueErrors
            return " ".join(str(error).split())
    return None


def judge(frame: pa.Table, demands: Sequence[Demand], *, wants_positions: bool = False) -> dict[str, Judged]:
    """Return what Great Expectations says of a frame, by the demands' ids.

    Args:
        frame: Few enough rows for memory.
        demands: The expectations, each with an id of its own.
        wants_positions: Also say which entries fail; slow where many do.

    Raises:
        ExpectationRaisedError: An expectation raised instead of judging: its arguments or columns do not fit.
    """
    with _lock, warnings.catch_warnings():
        # pandas warns of groups in a regular expression, which a shop's own suite may well have.
        warnings.filterwarnings("ignore", message="This pattern is interpreted as a regular expression")
        batch = _definition().get_batch({"dataframe": frame.to_pandas()})
        result = batch.validate(
            _suite(demands), result_format={"result_format": "COMPLETE" if wants_positions else "BASIC"}
        )
    return {item.expectation_config.meta[ID]: _judged(item, frame.num_rows) for item in result.results}


def _suite(demands: Sequence[Demand]) -> Any:  # Great Expectations ships no types
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    return _suite_of(
        "frame",
        [ExpectationConfiguration(type=item.type, kwargs=dict(item.kwargs), meta={ID: item.id}) for item in demands],
    )


def _suite_of(name: str, configs: Sequence[Any]) -> Any:  # Great Expectations ships no types
    from great_expectations import ExpectationSuite

    return ExpectationSuite(name=name, expectations=list(configs))


def _judged(item: Any, rows: int) -> Judged:  # Great Expectations ships no types
    config, found = item.expectation_config, item.result or {}
    raised = _raised(item.exception_info)
    if raised is not None or item.success is None:
        raise ExpectationRaisedError(
            expectation=config.meta[ID],
            type=config.type,
            problem=f"{raised.rstrip('.')}." if raised else "it gave no verdict.",
            fix="Check its arguments and the types of its columns.",
        )
    if found.get("element_count", rows) != rows and "row_condition" not in config.kwargs:
        raise ExpectationRaisedError(
            expectation=config.meta[ID],
            type=config.type,
            problem=f"it looked at {found['element_count']} entries of {rows}.",
            fix="Report this: the frame was not judged whole.",
        )
    return Judged(
        entries=int(found.get("element_count", rows)) - int(found.get("missing_count", 0)),
        failed=int(found.get("unexpected_count", 0)),
        is_met=bool(item.success),
        observed=found.get("observed_value"),
        positions=tuple(int(position) for position in found.get("unexpected_index_list") or ()),
    )


def _raised(info: Mapping[str, Any]) -> str | None:
    if "raised_exception" in info:
        return str(info["exception_message"]) if info["raised_exception"] else None
    messages = {str(one["exception_message"]) for one in info.values() if one["raised_exception"]}
    return " ".join(sorted(messages)) or None


@cache
def _context() -> Any:  # Great Expectations ships no types
    with warnings.catch_warnings():
        # Great Expectations imports `sre_constants`, which Python deprecates.
        warnings.simplefilter("ignore", DeprecationWarning)
        import great_expectations as gx
        from great_expectations.data_context.types.base import ProgressBarsConfig

    logging.getLogger("great_expectations").setLevel(logging.WARNING)  # it tells of each temporary folder
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(enable=False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


@cache
def _definition() -> Any:  # Great Expectations ships no types
    source = _context().data_sources.add_pandas("frames")
    return source.add_dataframe_asset("frame").add_batch_definition_whole_dataframe("whole")


@dataclass(frozen=True, slots=True)
class Entry:
    """What a page says of one expectation: what was demanded, and what came out over the whole table."""

    demand: Demand
    is_met: bool
    is_blocking: bool
    reason: str
    result: Mapping[str, Any]  # as Great Expectations writes its own results


def write_docs(folder: Path, *, suite: str, entries: Sequence[Entry]) -> Path:
    """Write Data Docs of a suite's results, and return the path of the results' page below the folder.

    Args:
        folder: A folder of its own.
        suite: The suite's name.
        entries: The results, in order.
    """
    with _lock:
        context = _context()
        configs = [_page_config(entry) for entry in entries]
        context.suites.add(_suite_of(suite, configs))
        context.add_data_docs_site(SITE, _site(folder))
        try:
            _store(context, suite, list(zip(entries, configs, strict=True)))
            context.build_data_docs(site_names=[SITE])
        finally:
            context.suites.delete(suite)
            for key in context.validation_results_store.list_keys():
                context.validation_results_store.remove_key(key)
            context.delete_data_docs_site(SITE)
    return next((folder / "validations").rglob("*.html")).relative_to(folder)


def _site(folder: Path) -> dict[str, Any]:  # a configuration of Great Expectations
    from tasks.validate.views import IndexPageView, PageView, view

    return {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)},
        "site_section_builders": {section: {"view": view(PageView)} for section in ("expectations", "validations")},
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder", "view": view(IndexPageView)},
    }


def _store(context: Any, suite: str, pairs: Sequence[tuple[Entry, Any]]) -> None:  # a context
    from great_expectations import __version__
    from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context.types.resource_identifiers import (
        ExpectationSuiteIdentifier,
        ValidationResultIdentifier,
    )

    run = RunIdentifier(run_name="stocktake", run_time=AT)
    met = sum(entry.is_met for entry, _ in pairs)
    result = ExpectationSuiteValidationResult(
        suite_name=suite,
        success=met == len(pairs),
        results=[
            ExpectationValidationResult(
                success=entry.is_met,
                expectation_config=config,
                result=dict(entry.result),
                exception_info={"raised_exception": False, "exception_message": None, "exception_traceback": None},
            )
            for entry, config in pairs
        ],
        statistics={
            "evaluated_expectations": len(pairs),
            "successful_expectations": met,
            "unsuccessful_expectations": len(pairs) - met,
            "success_percent": 100 * met / max(1, len(pairs)),
        },
        meta={"great_expectations_version": __version__, "run_id": run, "validation_time": AT.isoformat()},
    )
    identifier = ValidationResultIdentifier(
        expectation_suite_identifier=ExpectationSuiteIdentifier(suite), run_id=run, batch_identifier=suite
    )
    context.validation_results_store.set(identifier, result)


def _page_config(entry: Entry) -> Any:  # Great Expectations ships no types
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    return ExpectationConfiguration(
        type=entry.demand.type,
        kwargs=dict(entry.demand.kwargs),
        severity="critical" if entry.is_blocking else "warning",
        meta={ID: entry.demand.id, "notes": {"format": "string", "content": [entry.reason]}},
    )
