"""What was decided about a registered model, as the lake knows it."""

from __future__ import annotations

from tasks.assets import specs
from tasks.assets.asset import AssetRef
from tasks.assets.manifest import Manifest
from tasks.assets.reports import CROWNING, REGISTRATION_REPORT, Registration
from tasks.assets.store import AssetStore


def read_registration(store: AssetStore, ref: AssetRef) -> Registration:
    """Return what a run registered."""
    path = store.path(ref) / REGISTRATION_REPORT
    return Registration.model_validate_json(path.read_text(encoding="utf-8"))


def last_decision(store: AssetStore, registration: Registration) -> Manifest | None:
    """Return the last decision that was kept about a registered version."""
    decisions = _decisions(store, registration.name)
    about = (i for i in decisions if registration.version in {i.metrics["version"], i.metrics["from_version"]})
    return next(about, None)


def decisions_about(store: AssetStore, registration: Registration) -> list[Manifest]:
    """Return the last decision about a registered version, and the last that made one of its model the champion."""
    crowned = (i for i in _decisions(store, registration.name) if i.metrics["decision"] in CROWNING)
    return [item for item in (last_decision(store, registration), next(crowned, None)) if item is not None]


def _decisions(store: AssetStore, model: str) -> list[Manifest]:
    """The decisions about a model, the last first: a lake may hold those about another one, too."""
    return [item for item in store.versions(specs.REVIEWS.key) if item.metrics["model"] == model]
