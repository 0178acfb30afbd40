"""Whether the registry still has what was registered: it may be lost, with the lake whole.

MLflow takes seconds to import, which is much of a run with nothing changed; so a SQLite file is looked into without it.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Final

from tasks.errors import UnavailableError
from tasks.register.config import RegisterConfig
from tasks.register.registry import RECIPE_TAG, Registry, exists

SQLITE: Final = "sqlite:///"

VERSIONS: Final = """
select count(*)
from model_versions join model_version_tags using (name, version)
where name = ? and current_stage <> 'Deleted_Internal' and key = ? and value = ?
"""
"""As MLflow keeps them; another layout raises, and MLflow is asked."""


def is_registered(recipe: str, config: RegisterConfig, **_: object) -> bool:
    """Return whether a version of a registration's recipe is in the registry; one that does not answer keeps it."""
    uri = config.tracking_uri or ""
    if not exists(config):
        return False
    if uri.startswith(SQLITE):
        with contextlib.suppress(sqlite3.Error):
            return _counted(Path(uri.removeprefix(SQLITE)), (config.model_name, RECIPE_TAG, recipe)) > 0
    with contextlib.suppress(UnavailableError):
        return any(tags.get(RECIPE_TAG) == recipe for tags in Registry(config).tags().values())
    return True


def _counted(file: Path, values: tuple[str, str, str]) -> int:
    with contextlib.closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        return int(connection.execute(VERSIONS, values).fetchone()[0])
