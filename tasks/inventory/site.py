"""Renders the catalogue: one text per page, the same for the same assets.

Every value of the data passes the template engine's escaping, in texts and in attributes. No page carries data in a
script, and its Content-Security-Policy lets nothing run or load but the one style sheet and the one script, by digest.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from tasks.assets import specs
from tasks.assets.rules import in_words, subject
from tasks.inventory import figures
from tasks.inventory.catalogue import Catalogue, TableSummary, count_severities, count_verdicts
from tasks.inventory.config import InventoryConfig
from tasks.inventory.lineage import edges_of
from tasks.inventory.pipeline import pipeline, stage_of
from tasks.inventory.sections import page_facts
from tasks.inventory.tables import cluster_rows, comparison, intervals_of, metric_names, users_ranked_for
from tasks.inventory.words import ENGLISH, Words

PAGES: Final = "tasks.inventory.pages"
TO_LAKE: Final = "../../../../"
"""From the folder of `index.html`, `inventory/catalogue/VERSION/data-…`, up to the lake."""


@dataclass(frozen=True, slots=True)
class Site:
    """What all pages share."""

    catalogue: Catalogue
    config: InventoryConfig
    words: Words
    environment: Environment
    style: str
    script: str

    @property
    def heading(self) -> str:
        """The shop's name, or what the pages are."""
        return self.config.shop or self.words.inventory


def render(catalogue: Catalogue, config: InventoryConfig, words: Words = ENGLISH) -> dict[str, str]:
    """Return every page by its path: `index.html`, and `assets/KEY.html` for each asset with a page of its own."""
    site = Site(catalogue, config, words, _environment(), style=_file("site.css"), script=_file("site.js"))
    edges = edges_of(catalogue)
    pages = {"index.html": _render(site, "index.html.j2", "index.html", _overview(site))}
    for asset in catalogue.listed:
        path = page_of(asset.key)
        pages[path] = _render(site, "asset.html.j2", path, page_facts(catalogue, asset, edges, config))
    return pages


def page_of(key: str) -> str:
    """Return the path of an asset's page."""
    return f"assets/{key}.html"


def with_code(text: str) -> Markup:
    """Return a sentence as HTML, escaped, with what stands between two backticks as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    marked = (Markup("<code>{}</code>").format(part) if place % 2 else escape(part) for place, part in enumerate(parts))
    return Markup("").join(marked)


def policy_of(style: str, script: str) -> str:
    """Return a Content-Security-Policy that allows one style sheet and one script, by digest, and nothing else."""
    return (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _render(site: Site, template: str, path: str, facts: Mapping[str, Any]) -> str:  # what templates name
    root = "../" * path.count("/")
    shared = {
        "w": site.words,
        "c": site.catalogue,
        "config": site.config,
        "heading": site.heading,
        "root": root,
        "lake": root + TO_LAKE,
        "link": _linker(site.catalogue, root),
        "style": Markup(site.style),  # noqa: S704 - our own file, and no data in it
        "script": Markup(site.script),  # noqa: S704 - our own file, and no data in it
        "policy": policy_of(site.style, site.script),
        "sections": _sections(site),
        "metric_names": metric_names,
        "comparison": comparison,
        "users_ranked_for": users_ranked_for,
        "intervals": intervals_of,
        "stage_of": stage_of,
        "in_words": in_words,
        "subject": subject,
    }
    return site.environment.get_template(template).render({**shared, **facts})


def _overview(site: Site) -> dict[str, Any]:  # what the template names
    catalogue, tables = site.catalogue, site.catalogue.tables
    return {
        "p": pipeline(catalogue, site.words),
        "kinds": {asset.kind for asset in catalogue.listed},
        "table_rows": sum(table.rows.manifest.rows or 0 for table in tables if table.rows),
        "verdicts": count_verdicts(tables),
        "counts": count_severities(catalogue.findings),
        "gain": _gain(catalogue, site.words),
        "missing_share": _missing_share,
        "clusters": cluster_rows(catalogue.assets.get("analysis/clusters"), site.config.overview_clusters),
    }


def _gain(catalogue: Catalogue, words: Words) -> str | None:
    """Return how far the candidate lies above the best part; nothing is a gain whose interval holds 0."""
    evaluation = catalogue.assets.get(specs.EVALUATION.key)
    gain = evaluation.manifest.metrics.get("gain") if evaluation else None
    if not gain:
        return None
    part = words.models.get(gain["against"], gain["against"])
    if gain["low"] <= 0 <= gain["high"]:
        return words.like_best.format(part=part)
    return words.over_best.format(gain=f"{gain['share'] * 100:+.0f} %".replace("-", "−"), part=part)


def _missing_share(table: TableSummary) -> float | None:
    profile = table.profile.profile if table.profile else None
    if profile is None or not profile.rows or not profile.columns:
        return None
    return sum(column.nulls for column in profile.columns) / (profile.rows * len(profile.columns))


def _sections(site: Site) -> list[tuple[str, str]]:
    words = site.words
    return [
        ("tables", words.tables),
        ("findings", words.findings),
        ("model", words.model),
        ("assets", words.assets),
    ]


def _linker(catalogue: Catalogue, root: str) -> Callable[[str], str | None]:
    paged = {asset.key for asset in catalogue.listed}

    def link(key: str) -> str | None:
        return root + quote(page_of(key)) if key in paged else None

    return link


@functools.cache
def _environment() -> Environment:
    """Return the environment of the templates, which are compiled once in a process."""
    environment = Environment(
        loader=PackageLoader("tasks.inventory", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    for filter_ in (
        figures.count, figures.compact, figures.number, figures.score, figures.share, figures.size, figures.duration,
        figures.moment, figures.minute, figures.as_json, figures.cell,
    ):  # fmt: skip
        environment.filters[filter_.__name__] = filter_
    environment.filters["with_code"] = with_code
    environment.filters["clipped"] = lambda text, longest=160: figures.clipped(str(text), longest)
    return environment


def _file(name: str) -> str:
    return resources.files(PAGES).joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
