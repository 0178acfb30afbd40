"""The reviewer's decision: approve, reject, promote, roll back; each is kept as an asset, `inventory/review`.

The tags of a version in MLflow are the state, the assets the history. All decisions about a lake's model are taken one
after the other. A dry run of one makes all its checks, and says what would be decided; it changes and keeps nothing.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final, Literal

from tasks.assets import specs
from tasks.assets.recipe import Recipe
from tasks.assets.store import AssetStore
from tasks.errors import CandidateRefusedError, UsageError
from tasks.register.config import RegisterConfig
from tasks.register.recheck import basis_of, reason_against
from tasks.register.registered import open_registry
from tasks.register.registry import CHALLENGER, CHAMPION, PREVIOUS, REJECTED, Registry, Version, exists, review_of
from tasks.register.rehearsal import Rehearsal
from tasks.register.status import SINCE

PROMOTED_FROM: Final = "promoted_from"
PROMOTION: Final = "promotion"
DONE: Final = "done"
REFUSED: Final = "refused: "
BASIS: Final = "promotion_basis"
REASON: Final = "review_reason"
NEXT: Final = '`pandian review approve N --reason "…"`, then `pandian promote`, makes a version the champion.'


@dataclass(frozen=True, slots=True)
class Review:
    """Who decided what about which version, and why.

    Args:
        version: The one decided about, or that is champion again; None where a rollback left no champion.
        from_version: The champion before.
    """

    model: str
    decision: Literal["approved", "rejected", "promoted", "rolled back"]
    version: str | None
    from_version: str | None
    by: str
    reason: str
    at: str

    @property
    def words(self) -> str:
        """What was decided, in words."""
        if self.decision != "rolled back":
            return f"{self.model} version {self.version} was {self.decision} by {self.by}: {self.reason}"
        out = f"version {self.from_version} was taken out by {self.by}: {self.reason.rstrip('.')}."
        out = (
            out if self.from_version else f"there was no champion any more. {self.by} says: {self.reason.rstrip('.')}."
        )
        if self.version is None:
            return f"{self.model}: {out} There is no champion now: {NEXT}"
        return f"{self.model}: {out} Version {self.version} is the champion again."


def judge(  # noqa: PLR0913 - a decision has that many parts
    config: RegisterConfig,
    store: AssetStore,
    version: str,
    decision: Literal["approved", "rejected"],
    *,
    by: str,
    reason: str,
    now: datetime,
    is_dry_run: bool = False,
) -> Review:
    """Tag a version as approved or rejected, and keep who, why and when.

    Raises:
        UsageError: There is no such version, there is no reason, or the champion is to be rejected.
        CandidateRefusedError: The gate refused the version that is to be approved.
    """
    _demand_reason(reason)
    registry = open_registry(config, is_dry_run=is_dry_run)
    with _one_at_a_time(store):
        found = registry.version(version)
        if decision == "approved":
            _demand_passed(found)
        elif CHAMPION in found.aliases:
            raise UsageError(
                problem=f"Version {version} is the champion.",
                fix='`pandian rollback --reason "…"` takes it out of use.',
            )
        tags = {"review": decision, REASON: reason, "reviewer": by, "reviewed_at": now.isoformat()}
        registry.set_tags(version, tags)
        return _kept(registry, store, found, Review(found.name, decision, version, None, by, reason, now.isoformat()))


def promote(
    config: RegisterConfig, store: AssetStore, *, now: datetime, is_asked: bool = True, is_dry_run: bool = False
) -> Review | None:
    """Move the alias `champion` to the newest approved version, and keep it; None where there is nothing to do.

    The version is checked again first: its evaluation is still in the lake and unchanged, the gate still lets it pass,
    and it still answers. An approval that was given in MLflow's own UI counts: the tag `review` is enough. Older
    approved versions that the champion overtakes become `superseded`: a rollback does not wake them. A champion that
    nobody recorded, for its alias was moved by hand or the promotion was interrupted, is recorded now.

    Args:
        config: Where the model is registered, and what the gate asks.
        store: The lake that its evaluations lie in.
        now: The time that is kept.
        is_asked: Whether a person asks. Otherwise a version that was refused is left alone until something changes
            that the refusal rests on.
        is_dry_run: Only say what would be done.

    Raises:
        CandidateRefusedError: A check failed; the version's tag `promotion` says why. The next older approved version
            that stands the checks was promoted, or the champion stays.
    """
    if not exists(config):
        return None
    registry = open_registry(config, is_dry_run=is_dry_run)
    with _one_at_a_time(store):
        champion = registry.by_alias(CHAMPION)
        least = 0 if champion is None else int(champion.version)
        approved = sorted(n for n, tags in registry.tags().items() if n > least and review_of(tags) == "approved")
        attempt = _attempt(registry, store, approved, champion, is_asked=is_asked)
        review = None
        if attempt.sound is None:
            if champion is not None and champion.tags.get(PROMOTION) != DONE:
                review = _recorded(registry, store, champion, now=now)
        else:
            _crown(registry, attempt.sound, champion)
            for number in approved[: approved.index(int(attempt.sound.version))]:
                registry.set_tags(str(number), {"review": "superseded"})
            review = _recorded(registry, store, registry.version(attempt.sound.version), now=now)
        if attempt.refused is not None:
            raise _refused(attempt.refused, attempt.reason, instead=attempt.sound, is_dry_run=is_dry_run)
        return review


def roll_back(
    config: RegisterConfig, store: AssetStore, *, by: str, reason: str, now: datetime, is_dry_run: bool = False
) -> Review:
    """Give the alias `champion` back to the version that had it before, and keep who, why and when.

    Earlier champions that were rejected since are passed over. Where there is none left, the champion is taken out of
    use all the same: then there is none. The alias moves last: what interrupts a rollback leaves the champion in its
    place, rejected, so that no promotion brings it back, and the same rollback given again finishes it.

    Raises:
        UsageError: There is neither a champion nor an earlier one, or there is no reason.
        CandidateRefusedError: The earlier champion does not answer any more.
    """
    _demand_reason(reason)
    registry = open_registry(config, is_dry_run=is_dry_run)
    with _one_at_a_time(store):
        champion = registry.by_alias(CHAMPION)
        earlier = _earlier_champions(registry, champion)
        returning = _answering(registry, earlier[0]) if earlier else None
        about = returning or champion
        if about is None:
            raise UsageError(problem="There is no champion to take out of use.", fix=NEXT)
        tags = {"review": REJECTED, REASON: f"rolled back: {reason}", "reviewer": by, "reviewed_at": now.isoformat()}
        if champion is not None:
            registry.set_tags(champion.version, tags)
        version, from_version = (item.version if item else None for item in (returning, champion))
        review = Review(registry.name, "rolled back", version, from_version, by, reason, now.isoformat())
        _kept(registry, store, about, review, **(_own_reason(returning) if returning else {}))
        _return_to(registry, earlier, now=now)
        return review


@contextlib.contextmanager
def _one_at_a_time(store: AssetStore) -> Iterator[None]:
    """Keep other decisions out, and `pandian gc`: what it found unused may be what is decided about."""
    with store.lake.lock("run", is_shared=True), store.lake.lock("review"):
        yield


def _demand_reason(reason: str) -> None:
    if not reason.strip():
        raise UsageError(problem="A decision needs a reason.", fix='Say why with `--reason "…"`.')


def _demand_passed(version: Version) -> None:
    if version.tags.get("gate") == "passed":
        return
    reasons = " ".join(version.tags.get("gate_reasons", "it was never asked.").splitlines())
    raise CandidateRefusedError(
        model=f"{version.name} version {version.version}",
        problem=reasons,
        fix="Register a better candidate, or change the gate under `register` in shop.yaml.",
    )


def _earlier_champions(registry: Registry, champion: Version | None) -> list[str]:
    """Return the champions before, the last first, without those that were rejected since.

    The tags tell which they are, and the alias `previous` only where they do not: it moves while a rollback goes on.
    """
    tags, previous = registry.tags(), registry.by_alias(PREVIOUS)
    number = previous.version if previous else ""
    if champion is not None:
        number = champion.tags.get(PROMOTED_FROM, number)
        tags.pop(int(champion.version), None)
    found = []
    while number.isdigit() and int(number) in tags:
        its = tags.pop(int(number))
        if review_of(its) != REJECTED:
            found.append(number)
        number = its.get(PROMOTED_FROM, "")
    return found


def _answering(registry: Registry, number: str) -> Version:
    version, problem = registry.version(number), registry.problem_of(number)
    if problem is not None:
        raise _refused(version, problem)
    return version


def _return_to(registry: Registry, earlier: Sequence[str], *, now: datetime) -> None:
    """Make the first of some earlier champions the champion, and the second the one before."""
    if len(earlier) > 1:
        registry.set_alias(PREVIOUS, earlier[1])
    else:
        registry.drop_alias(PREVIOUS)
    if earlier:
        registry.set_tags(earlier[0], {SINCE: now.isoformat()})
        registry.set_alias(CHAMPION, earlier[0])
    else:
        registry.drop_alias(CHAMPION)


def _own_reason(version: Version) -> dict[str, str]:
    """Return who approved a version, and why, as its tags say."""
    names = {"champion_by": "reviewer", "champion_reason": REASON}
    return {name: version.tags[tag] for name, tag in names.items() if version.tags.get(tag)}


@dataclass(frozen=True, slots=True)
class _Attempt:
    """The newest version that was refused just now and why, and the newest that stands the checks."""

    sound: Version | None
    refused: Version | None
    reason: str


def _attempt(
    registry: Registry, store: AssetStore, approved: list[int], champion: Version | None, *, is_asked: bool
) -> _Attempt:
    refused, why = None, ""
    for number in reversed(approved):
        version = registry.version(str(number))
        basis = basis_of(registry, store, version, champion)
        is_known = version.tags.get(PROMOTION, "").startswith(REFUSED) and version.tags.get(BASIS) == basis
        if is_known and not is_asked:
            continue
        reason = reason_against(registry, store, version, champion)
        if reason is None:
            return _Attempt(version, refused, why)
        registry.set_tags(version.version, {PROMOTION: f"{REFUSED}{reason}", BASIS: basis})
        if refused is None:
            refused, why = version, reason
    return _Attempt(None, refused, why)


def _refused(
    version: Version, reason: str, *, instead: Version | None = None, is_dry_run: bool = False
) -> CandidateRefusedError:
    verb = "would be" if is_dry_run else "was"
    return CandidateRefusedError(
        model=f"{version.name} version {version.version}",
        problem=reason,
        fix=f"Version {instead.version} {verb} promoted instead." if instead else "The champion stays as it is.",
    )


def _crown(registry: Registry, version: Version, champion: Version | None) -> None:
    """Move the aliases. Whatever is interrupted here, there is a champion, and promoting again goes on from there."""
    if champion is not None:
        registry.set_alias(PREVIOUS, champion.version)
    tags = {PROMOTION: ""}  # it is recorded, even if it was recorded as the champion once before
    if champion is not None or PROMOTED_FROM in version.tags:
        tags[PROMOTED_FROM] = champion.version if champion else ""
    registry.set_tags(version.version, tags)
    registry.set_alias(CHAMPION, version.version)
    if CHALLENGER in version.aliases:
        registry.drop_alias(CHALLENGER)


def _recorded(registry: Registry, store: AssetStore, champion: Version, *, now: datetime) -> Review:
    review = Review(
        model=champion.name,
        decision="promoted",
        version=champion.version,
        from_version=champion.tags.get(PROMOTED_FROM) or None,
        by=champion.tags.get("reviewer", "somebody in MLflow"),
        reason=champion.tags.get(REASON, "no reason was given"),
        at=now.isoformat(),
    )
    _kept(registry, store, champion, review)
    registry.set_tags(champion.version, {PROMOTION: DONE, SINCE: now.isoformat()})
    return review


def _kept(registry: Registry, store: AssetStore, version: Version, review: Review, **beside: str) -> Review:
    """Keep a decision as an asset; `beside` it what a reader of the asset alone could not know."""
    if isinstance(registry, Rehearsal):
        return review
    facts = asdict(review) | beside
    recipe = Recipe.of("review", 1, {**facts, "assets": list(version.assets)})
    with store.draft(specs.REVIEWS, recipe, run_id="review") as draft:
        (draft.path / specs.REVIEWS.main).write_text(json.dumps(facts, indent=2, ensure_ascii=False), encoding="utf-8")
        draft.metrics.update(facts)
    return review
