"""A layered drawing of a directed graph without cycles: what is made stands to the right of what it is made of.

The method is that of Sugiyama, Tagawa and Toda (1981): layers by longest path, waypoints where an edge passes a layer,
order within a layer by the mean position of neighbours. Edges that leave one node share their waypoints, so that a node
with many uses draws one line that branches. Same nodes and edges, same drawing, whatever the order of the edges; the
order of the nodes decides between places that are equally good.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

SWEEPS: Final = 12


@dataclass(frozen=True, slots=True)
class Size:
    """Measures of a drawing, in pixels: of a node, and of the gaps between layers and between nodes of one layer."""

    width: int = 158
    height: int = 46
    layer_gap: int = 38
    node_gap: int = 14
    waypoint: int = 2
    margin: int = 4


@dataclass(frozen=True, slots=True)
class Place:
    """The upper left corner of a node."""

    name: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Curve:
    """An edge as the `d` of an SVG path."""

    origin: str
    target: str
    path: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """Nodes and edges with their places, and the size of the whole."""

    places: tuple[Place, ...]
    curves: tuple[Curve, ...]
    width: float
    height: float
    size: Size


Slot = tuple[str, ...]
"""A node `(name,)`, or a waypoint `(origin, layer)` of the edges that leave a node."""


def draw(nodes: Iterable[str], edges: Iterable[tuple[str, str]], size: Size | None = None) -> Drawing:
    """Return a drawing from left to right. Edges that name unknown nodes are left out.

    Raises:
        ValueError: The graph has a cycle.
    """
    size = size or Size()
    rank = {name: position for position, name in enumerate(dict.fromkeys(nodes))}
    known = sorted(
        {(a, b) for a, b in edges if a in rank and b in rank and a != b}, key=lambda e: (rank[e[0]], rank[e[1]])
    )
    layer = layers(rank, known)
    chains = {edge: _chain(edge, layer) for edge in known}
    columns = _columns(layer, chains)
    _order(columns, chains)
    y = _heights(columns, size)
    x = [size.margin + position * (size.width + size.layer_gap) for position in range(len(columns))]
    places = tuple(Place(name, x[layer[name]], y[(name,)]) for name in rank)
    curves = tuple(Curve(a, b, _path(chain, x, y, layer[a], size)) for (a, b), chain in chains.items())
    bottom = max((top + _tall(slot, size) for slot, top in y.items()), default=0)
    right = max((place.x + size.width for place in places), default=0)
    return Drawing(places, curves, width=right + size.margin, height=bottom + size.margin, size=size)


def layers(nodes: Iterable[str], edges: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Return each node's layer: behind all it is made of, and a source as close to its first use as can be.

    Raises:
        ValueError: The graph has a cycle.
    """
    after: dict[str, list[str]] = defaultdict(list)
    waiting = dict.fromkeys(nodes, 0)
    for origin, target in edges:
        after[origin].append(target)
        waiting[target] += 1
    sources = [name for name, inputs in waiting.items() if not inputs]
    layer = dict.fromkeys(waiting, 0)
    ahead = list(sources)
    while ahead:
        name = ahead.pop()
        for target in after[name]:
            layer[target] = max(layer[target], layer[name] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ahead.append(target)
    if any(waiting.values()):
        raise ValueError("The graph has a cycle.")
    for name in sources:
        if after[name]:
            layer[name] = min(layer[target] for target in after[name]) - 1
    return layer


def without_shortcuts(edges: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the edges that no longer path replaces, sorted: the transitive reduction."""
    kept = sorted(set(edges))
    after: dict[str, set[str]] = defaultdict(set)
    for origin, target in kept:
        after[origin].add(target)
    return [(a, b) for a, b in kept if not any(_reaches(step, b, after) for step in after[a] - {b})]


def _reaches(start: str, goal: str, after: Mapping[str, set[str]]) -> bool:
    ahead, seen = [start], {start}
    while ahead:
        name = ahead.pop()
        if name == goal:
            return True
        ahead += sorted(after.get(name, set()) - seen)
        seen |= after.get(name, set())
    return False


def _chain(edge: tuple[str, str], layer: Mapping[str, int]) -> list[Slot]:
    origin, target = edge
    between: list[Slot] = [(origin, str(step)) for step in range(layer[origin] + 1, layer[target])]
    return [(origin,), *between, (target,)]


def _columns(layer: Mapping[str, int], chains: Mapping[tuple[str, str], list[Slot]]) -> list[list[Slot]]:
    columns: list[dict[Slot, None]] = [{} for _ in range(max(layer.values(), default=-1) + 1)]
    for name, step in layer.items():
        columns[step][(name,)] = None
    for (origin, _), chain in chains.items():
        for step, slot in enumerate(chain[1:-1], start=layer[origin] + 1):
            columns[step][slot] = None
    return [list(column) for column in columns]


def _order(columns: list[list[Slot]], chains: Mapping[tuple[str, str], list[Slot]]) -> None:
    before: dict[Slot, list[Slot]] = defaultdict(list)
    after: dict[Slot, list[Slot]] = defaultdict(list)
    for chain in chains.values():
        for left, right in pairwise(chain):
            if right not in after[left]:
                after[left].append(right)
                before[right].append(left)
    for sweep in range(SWEEPS):
        neighbours, sequence = (before, columns[1:]) if sweep % 2 == 0 else (after, columns[-2::-1])
        position = _positions(columns)
        for column in sequence:
            mean = {slot: _mean(neighbours[slot], position, position[slot]) for slot in column}
            column.sort(key=mean.__getitem__)
            position.update(_column_positions(column))


def _positions(columns: list[list[Slot]]) -> dict[Slot, float]:
    return {slot: place for column in columns for slot, place in _column_positions(column).items()}


def _column_positions(column: list[Slot]) -> dict[Slot, float]:
    return {slot: (position + 0.5) / len(column) for position, slot in enumerate(column)}


def _mean(neighbours: list[Slot], position: Mapping[Slot, float], otherwise: float) -> float:
    if not neighbours:
        return otherwise
    return sum(position[slot] for slot in neighbours) / len(neighbours)


def _heights(columns: list[list[Slot]], size: Size) -> dict[Slot, float]:
    totals = [sum(_tall(slot, size) for slot in column) + size.node_gap * (len(column) - 1) for column in columns]
    tallest = max(totals, default=0)
    y: dict[Slot, float] = {}
    for column, total in zip(columns, totals, strict=True):
        top = size.margin + (tallest - total) / 2
        for slot in column:
            y[slot] = top
            top += _tall(slot, size) + size.node_gap
    return y


def _tall(slot: Slot, size: Size) -> int:
    return size.height if len(slot) == 1 else size.waypoint


def _path(chain: list[Slot], x: Sequence[float], y: Mapping[Slot, float], first: int, size: Size) -> str:
    parts = [f"M{x[first] + size.width:.1f},{y[chain[0]] + size.height / 2:.1f}"]
    at = (x[first] + size.width, y[chain[0]] + size.height / 2)
    for step, slot in enumerate(chain[1:], start=first + 1):
        is_waypoint = len(slot) > 1
        to = (x[step], y[slot] + (size.waypoint if is_waypoint else size.height) / 2)
        bend = (to[0] - at[0]) / 2
        parts.append(f"C{at[0] + bend:.1f},{at[1]:.1f} {to[0] - bend:.1f},{to[1]:.1f} {to[0]:.1f},{to[1]:.1f}")
        at = to
        if is_waypoint:
            at = (x[step] + size.width, to[1])
            parts.append(f"H{at[0]:.1f}")
    return " ".join(parts)
