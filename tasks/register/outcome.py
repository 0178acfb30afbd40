"""What came of a candidate: the tags of its version, and the report that the inventory keeps. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tasks.assets.asset import AssetRef
from tasks.assets.reports import Registration
from tasks.register.candidate import Candidate
from tasks.register.gate import CANDIDATE, Decision
from tasks.register.measures import gain_words, search_warning, search_words, training_words
from tasks.register.registry import ASSET_TAG, CHALLENGER, DIGEST_TAG, RECIPE_TAG, Version

SEARCH_TAG: Final = "search"
PASSED: Final = MappingProxyType({"gate": "passed"})


def identity_tags(reviewed: Mapping[AssetRef, str], recipe: str) -> dict[str, str]:
    """Return the tags that tell which registration a version is.

    Args:
        reviewed: The recommender and its evaluation with their content digests.
        recipe: The version of the registration's recipe.
    """
    assets = {f"{ASSET_TAG}{ref.key}": ref.version for ref in reviewed}
    digests = {f"{DIGEST_TAG}{ref.key}": digest for ref, digest in reviewed.items()}
    return {**assets, **digests, RECIPE_TAG: recipe}


def gate_tags(decision: Decision) -> dict[str, str]:
    """Return a new version's tags of what the gate said, and whether it awaits a review."""
    warnings = {"gate_warnings": "\n".join(decision.warnings)} if decision.warnings else {}
    if decision.is_open:
        return {**PASSED, **warnings, "review": "pending"}
    return {"gate": "refused", "gate_reasons": "\n".join(decision.reasons), **warnings}


def said(candidate: Candidate) -> dict[str, str]:
    """Return what is said of a candidate beside its metrics, by name; without what nobody measured."""
    found = {
        "gain": gain_words(candidate.measures),
        "search": search_words(candidate.measures),
        "search_warning": search_warning(candidate.measures),
        "training": training_words(candidate.training),
    }
    return {name: words for name, words in found.items() if words}


def registration(version: Version, *, tracking_uri: str) -> Registration:
    """Return what the registry was told of a version, as the version itself says."""
    prefix = f"test.{CANDIDATE}."
    has_passed = version.tags.get("gate") == "passed"
    return Registration(
        name=version.name,
        version=version.version,
        alias=CHALLENGER if CHALLENGER in version.aliases else None,
        decision="passed" if has_passed else "refused",
        reasons=tuple(version.tags.get("gate_reasons", "").splitlines()),
        metrics={
            name.removeprefix(prefix): value
            for name, value in sorted(version.metrics.items())
            if name.startswith(prefix) and not name.endswith((".low", ".high"))
        },
        run_id=version.run_id,
        model_uri=f"models:/{version.name}/{version.version}",
        tracking_uri=tracking_uri,
    )
