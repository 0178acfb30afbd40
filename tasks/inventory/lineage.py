"""The picture of what an asset was made from and what was made from it, among the assets of one stocktake."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tasks.inventory.catalogue import Catalogue
from tasks.inventory.layout import Curve, Drawing, Size, draw
from tasks.inventory.reading import Asset


@dataclass(frozen=True, slots=True)
class Node:
    """One asset in the picture, or all source files of a table as one: then `asset` is None, and `files` counts."""

    name: str
    asset: Asset | None
    files: int
    x: float
    y: float
    is_self: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """Nodes and edges with their places. `is_cut` says that only neighbours are shown."""

    nodes: tuple[Node, ...]
    curves: tuple[Curve, ...]
    width: float
    height: float
    size: Size
    is_cut: bool


def edges_of(catalogue: Catalogue) -> set[tuple[str, str]]:
    """Return pairs of keys, an input and what was made of it; a table's shards are one node, `shards/TABLE`."""
    versions = {str(asset.manifest.ref) for asset in catalogue.assets.values()}
    return {
        (node_of(ref.key), node_of(asset.key))
        for asset in catalogue.assets.values()
        for ref in asset.manifest.input_refs
        if str(ref) in versions
    }


def node_of(key: str) -> str:
    """Return the name of the node that stands for an asset."""
    return "/".join(key.split("/")[:2]) if key.startswith("shards/") else key


def picture(catalogue: Catalogue, edges: Iterable[tuple[str, str]], key: str, most: int) -> Picture:
    """Return the lineage of an asset: all of it, or only its neighbours where it has more than `most` assets."""
    edges = set(edges)
    before, after = _links(edges)
    up, down = _reachable(key, before), _reachable(key, after)
    is_cut = len(up | down) > most
    if is_cut:
        up, down = {key} | before[key], {key} | after[key]
    shown = {(a, b) for a, b in edges if (a in up and b in up) or (a in down and b in down)}
    if is_cut:
        shown = {edge for edge in shown if key in edge}
    return _placed(catalogue, draw(sorted(up | down), shown), key, is_cut=is_cut)


def _placed(catalogue: Catalogue, drawing: Drawing, key: str, *, is_cut: bool) -> Picture:
    nodes = tuple(
        Node(
            name=place.name,
            asset=catalogue.assets.get(place.name),
            files=len(catalogue.shards.get(place.name.removeprefix("shards/"), ())),
            x=place.x,
            y=place.y,
            is_self=place.name == key,
        )
        for place in drawing.places
    )
    return Picture(nodes, drawing.curves, drawing.width, drawing.height, drawing.size, is_cut)


def _links(edges: Iterable[tuple[str, str]]) -> tuple[Mapping[str, set[str]], Mapping[str, set[str]]]:
    before: dict[str, set[str]] = defaultdict(set)
    after: dict[str, set[str]] = defaultdict(set)
    for origin, made in edges:
        before[made].add(origin)
        after[origin].add(made)
    return before, after


def _reachable(start: str, links: Mapping[str, set[str]]) -> set[str]:
    found, ahead = {start}, [start]
    while ahead:
        fresh = links.get(ahead.pop(), set()) - found
        found |= fresh
        ahead += sorted(fresh)
    return found
