"""Every failure that pandian expects: what happened, to what, and what to do about it.

An error takes data and builds its message from the class's template. The data stays on the exception as `facts`, is
safe to log, and survives pickling. `exit_code` is what the command line exits with; only errors that are `is_transient`
are retried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import ClassVar


class PandianError(Exception):
    """A failure with a sentence that says what to do.

    Args:
        fix: What the reader can do, as one sentence.
        facts: The values that the class's `template` names.
    """

    template: ClassVar[str]
    exit_code: ClassVar[int] = 1
    is_transient: ClassVar[bool] = False

    def __init__(self, *, fix: str, **facts: object) -> None:
        self.fix = fix
        self.facts = facts
        super().__init__(f"{self.template.format_map({k: _words(v) for k, v in facts.items()})} {fix}")

    def __reduce__(self) -> tuple[Callable[..., PandianError], tuple[type[PandianError], str, dict[str, object]]]:
        return _revive, (type(self), self.fix, self.facts)


def near_miss(word: str, valid: Iterable[str]) -> str:
    """Return `Did you mean “x”? ` for the closest valid word, or nothing where none is close."""
    close = get_close_matches(word, list(valid), n=1, cutoff=0.6)
    return f"Did you mean “{close[0]}”? " if close else ""


def _words(value: object) -> str:
    if isinstance(value, str) or not isinstance(value, list | tuple | set | frozenset):
        return str(value)
    return ", ".join(f"“{item}”" for item in value) or "none"


def _revive(kind: type[PandianError], fix: str, facts: dict[str, object]) -> PandianError:
    return kind(fix=fix, **facts)


# Wrong usage or configuration: exit code 2.


class UsageError(PandianError):
    """A command or a configuration that cannot be honoured."""

    exit_code = 2
    template = "{problem}"


class SettingsError(UsageError):
    """`shop.yaml`, or an environment variable, does not fit the settings model."""

    template = "“{file}” is not a valid configuration: {problem}"


class UnknownAssetError(UsageError):
    """The inventory has no such key or version."""

    template = "The inventory of “{lake}” has no asset “{key}”."


class StageNotRunError(UsageError):
    """A stage that was left out of a run has not made its assets yet."""

    template = "This run leaves out a stage whose assets are not there yet: {assets}."


class LakeError(UsageError):
    """Nothing can be written where the lake should be."""

    template = "The lake “{lake}” cannot be written: {problem}"


class MissingColumnsError(UsageError):
    """A source lacks columns that its table requires, or that its mapping names."""

    template = "The table “{table}” lacks {missing}; its source has {found}."


class SuiteError(UsageError):
    """A shop's own suite cannot be read, or asks for what is not there."""

    template = "The suite of “{table}” cannot be used: {problem}"


class CredentialsError(UsageError):
    """A service or source refused the user or password."""

    template = "“{source}” refused the credentials: {problem}"


class MemoryLimitError(UsageError):
    """DuckDB needs more memory than its setting allows, or more disk than there is."""

    template = "`memory_limit` {limit} with {threads} threads is too little: {problem}"


class DeviceError(UsageError):
    """The device asked for is not on this machine."""

    template = "There is no device “{device}” here; found were {found}."


class EncoderError(UsageError):
    """A model folder or name cannot be used as an encoder as its own files demand."""

    template = "“{model}” cannot be used as an encoder: {problem}"


# Data that must not go on: exit code 3.


class DataBlockedError(PandianError):
    """A table failed an expectation that blocks the stages depending on it."""

    exit_code = 3
    template = "{problem}"


class DamagedSourceError(DataBlockedError):
    """A source cannot be read to its end: truncated, or not what its name says."""

    template = "The source “{source}” of the table “{table}” cannot be read: {problem}"


class EmptyTableError(DataBlockedError):
    """A source that should hold rows holds none that can be used."""

    template = "The table “{table}” has no usable rows: {rows_read} were read, {rows_quarantined} quarantined."


class TamperedAssetError(DataBlockedError):
    """The bytes of an asset are not those its manifest names."""

    template = "The asset “{asset}” is not what its manifest says: {problem}"


class RowsLostError(PandianError):
    """Rows read are not rows kept + merged + quarantined: a bug, never published."""

    template = (
        "{rows_read} rows of “{table}” were read, but {rows_kept} were kept, {rows_merged} merged, "
        "{rows_quarantined} quarantined."
    )


class ExpectationRaisedError(PandianError):
    """An expectation raised instead of judging: nothing is known of the data."""

    template = "The expectation “{expectation}” ({type}) could not be judged: {problem}"


class CountsDisagreeError(PandianError):
    """Two counts of one expectation's failures differ: a bug, never published."""

    template = "“{expectation}” has {judged} failures by Great Expectations and {counted} by DuckDB."


class WeightsDigestError(DataBlockedError):
    """Model weights on disk are not the ones named."""

    template = "The weights of “{model}” have the digest {found}, not {expected}."


class TooLittleDataError(DataBlockedError):
    """A stage cannot compute anything honest from what it was given."""

    template = "“{stage}” needs {needed}, and got {found}."


# The gate, and the reviewer: exit code 4.


class CandidateRefusedError(PandianError):
    """The gate, or a re-check before promotion, refused a model version."""

    exit_code = 4
    template = "The candidate “{model}” was refused: {problem}"


# Unavailable for now: exit code 5, retried.


class UnavailableError(PandianError):
    """A service or a source cannot be reached; trying again can help."""

    exit_code = 5
    is_transient = True
    template = "“{source}” is not available: {problem}"


class MissingSourceError(PandianError):
    """No file lies where a source should be; it may not have been delivered yet."""

    exit_code = 5
    template = "No file matches “{source}”, the source of the table “{table}”."
