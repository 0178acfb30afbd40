"""Behaviour split by time: by each user's last choices, or by one moment for everybody.

Leaving the last choice out is the protocol of most published figures (Rendle et al. 2009, "BPR"). It keeps every user
with a few events, but lets a model learn from other users' later events. A global cutoff has no such hindsight (Ji et
al. 2023, "A Critical Study on Data Leakage in Recommender System Offline Evaluation"), but needs users who come back
often enough to be seen on both sides of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

import duckdb
import pyarrow as pa

from tasks.assets.reports import LeakageCheck, SplitReport
from tasks.bounds import connect
from tasks.errors import TooLittleDataError
from tasks.finetune import split_queries as queries
from tasks.finetune.config import SplitConfig
from tasks.schemas import quoted

Method = Literal["last_out", "cutoff"]
HELD_OUT: Final = ("validation", "test")


@dataclass(frozen=True, slots=True)
class Split:
    """Interactions, one row per user, product and split, and what is to be known about them.

    `timestamp` is the latest choice of the row and `first_at` its first; `weight` counts events, `days` distinct days.
    Rows are ordered by user and time.
    """

    interactions: pa.Table
    report: SplitReport


def behaviour_split(files: Sequence[Path], config: SplitConfig, spill: Path) -> Split:
    """Return the positive events of `files`, each given to training, validation or test.

    Args:
        files: Parquet files of `tables/events`.
        config: How to split, with which resources.
        spill: Where DuckDB puts what does not fit into its memory.

    Raises:
        TooLittleDataError: No event is positive, or no user has enough of them to hold any back.
    """
    with connect(config, spill) as connection:
        _read_choices(connection, files, config)
        method, reason = _method(connection, config)
        moments = _label(connection, method, config)
        connection.execute(queries.INTERACTIONS)
        report = _report(connection, method, reason, moments, config=config)
        interactions = connection.sql(queries.ALL_INTERACTIONS).to_arrow_table()
    return Split(interactions=interactions, report=report)


def _read_choices(connection: duckdb.DuckDBPyConnection, files: Sequence[Path], config: SplitConfig) -> None:
    paths = [str(file) for file in files]
    columns = {
        row[0] for row in connection.execute("describe select * from read_parquet($files)", {"files": paths}).fetchall()
    }
    rating = quoted("rating") if "rating" in columns else "cast(null as double)"
    connection.execute(
        queries.CHOICES.format(rating=rating),
        {"files": paths, "types": list(config.positive_events), "min_rating": config.min_rating},
    )
    if not _one(connection, "select count(*) from choices"):
        found = connection.execute(queries.EVENT_TYPES, {"files": paths}).fetchall()
        raise TooLittleDataError(
            stage="split",
            needed=f"events that mean a user chose ({', '.join(config.positive_events)})",
            found=", ".join(f"{count} of type {kind}" for kind, count in found) or "no event at all",
            fix="Name the event types that count under split.positive_events in shop.yaml.",
        )


def _method(connection: duckdb.DuckDBPyConnection, config: SplitConfig) -> tuple[Method, str]:
    if config.method != "auto":
        return config.method, "It is named in the settings."
    median = _one(connection, queries.MEDIAN_EVENTS)
    if median >= config.busy_user_events:
        return "cutoff", f"The median user has {median:g} choices, enough to be seen on both sides of one moment."
    return "last_out", f"The median user has {median:g} choices; one moment for all would leave most without a history."


def _label(connection: duckdb.DuckDBPyConnection, method: Method, config: SplitConfig) -> dict[str, datetime]:
    if method == "last_out":
        connection.execute(queries.SPLIT_BY_LAST, {"min_history": config.min_history})
        return {}
    shares = {"validation": 1 - config.validation_share - config.test_share, "test": 1 - config.test_share}
    moments = dict(zip(HELD_OUT, connection.execute(queries.CUTOFFS, shares).fetchall()[0], strict=True))
    connection.execute(queries.SPLIT_BY_CUTOFF, moments)
    return moments


def _report(
    connection: duckdb.DuckDBPyConnection,
    method: Method,
    reason: str,
    moments: dict[str, datetime],
    *,
    config: SplitConfig,
) -> SplitReport:
    sizes = {split: (users, events) for split, users, events in connection.execute(queries.SIZES).fetchall()}
    missing = [split for split in ("train", *HELD_OUT) if split not in sizes]
    if missing:
        raise TooLittleDataError(
            stage="split",
            needed=f"users with at least {config.min_history + 2} choices at different times",
            found=f"nothing for {' and '.join(missing)} by the method {method}",
            fix="Bring more behaviour, or lower split.min_history or choose split.method in shop.yaml.",
        )
    first = dict(connection.execute(queries.FIRST_HELD_OUT).fetchall())
    return SplitReport(
        method=method,
        reason=reason,
        positive_events=config.positive_events,
        min_history=config.min_history,
        users={split: sizes[split][0] for split in ("train", *HELD_OUT)},
        events={split: sizes[split][1] for split in ("train", *HELD_OUT)},
        cutoffs=_cutoffs(method, moments),
        leakage=tuple(_checks(connection, moments, first)),
    )


def _cutoffs(method: Method, moments: dict[str, datetime]) -> dict[str, str]:
    if method == "cutoff":
        return {split: moments[split].isoformat() for split in HELD_OUT}
    return {"validation": "the last choice but one of each user", "test": "the last choice of each user"}


def _checks(
    connection: duckdb.DuckDBPyConnection, moments: dict[str, datetime], first: dict[str, datetime]
) -> list[LeakageCheck]:
    twice = _one(connection, queries.CHOICES_SPLIT_TWICE)
    checks = [
        _check("every_choice_is_in_one_split", twice, "Choices in two splits"),
        _order_check(connection, ["train"], "validation"),
        _order_check(connection, ["train", "validation"], "test"),
    ]
    if moments:
        for split, earlier in (("validation", ["train"]), ("test", ["train", "validation"])):
            late = _one(connection, queries.EVENTS_PAST, {"splits": earlier, "cutoff": moments[split]})
            checks.append(
                _check(
                    f"nothing_before_{split}_is_past_its_cutoff",
                    late,
                    f"Choices of {' and '.join(earlier)} past the cutoff",
                )
            )
        return checks
    share = _one(connection, queries.TRAINING_SHARE_AFTER, {"moment": first["test"]})
    note = (
        f" Of the training choices {share:.0%} are later than the first test choice of any user: "
        "this method lets a model learn from other users' later choices."
    )
    return [checks[0], checks[1], checks[2].model_copy(update={"detail": checks[2].detail + note})]


def _order_check(connection: duckdb.DuckDBPyConnection, earlier: list[str], later: str) -> LeakageCheck:
    users = _one(connection, queries.USERS_OUT_OF_ORDER, {"earlier": earlier, "later": later})
    return _check(
        f"no_user_learns_after_their_{later}", users, f"Users with an earlier split's choice after one of {later}"
    )


def _check(name: str, count: int, words: str) -> LeakageCheck:
    return LeakageCheck(name=name, is_clean=count == 0, detail=f"{words}: {count:,}.")


def _one(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: dict[str, object] | None = None
) -> Any:  # a number
    return connection.execute(query, parameters or {}).fetchall()[0][0]
