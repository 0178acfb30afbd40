from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.inventory.layout import Size, draw, layers, without_shortcuts

NAMES = "abcdefgh"


@st.composite
def graphs(data: st.DrawFn) -> tuple[list[str], list[tuple[str, str]]]:
    names = list(NAMES[: data(st.integers(1, 8))])
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    edges = data(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    return names, edges


@given(graphs())
def test_every_edge_goes_to_the_right(graph: tuple[list[str], list[tuple[str, str]]]) -> None:
    names, edges = graph
    found = layers(names, edges)
    assert all(found[a] < found[b] for a, b in edges)
    assert min(found.values()) == 0


@given(graphs())
def test_no_two_boxes_touch_and_all_lie_inside(graph: tuple[list[str], list[tuple[str, str]]]) -> None:
    drawing = draw(*graph)
    size = drawing.size
    boxes = [(place.x, place.y) for place in drawing.places]
    assert all(
        abs(x - other_x) >= size.width or abs(y - other_y) >= size.height
        for i, (x, y) in enumerate(boxes)
        for other_x, other_y in boxes[i + 1 :]
    )
    assert all(x >= 0 and x + size.width <= drawing.width for x, _ in boxes)
    assert all(y >= 0 and y + size.height <= drawing.height for _, y in boxes)


@given(graphs(), st.randoms(use_true_random=False))
def test_the_order_of_edges_does_not_matter(
    graph: tuple[list[str], list[tuple[str, str]]], shuffled: random.Random
) -> None:
    names, edges = graph
    mixed = list(edges)
    shuffled.shuffle(mixed)
    assert draw(names, mixed) == draw(names, edges)


@given(graphs())
def test_without_shortcuts_the_same_nodes_are_reached(graph: tuple[list[str], list[tuple[str, str]]]) -> None:
    names, edges = graph
    kept = without_shortcuts(edges)
    assert set(kept) <= set(edges)
    assert _closure(names, kept) == _closure(names, edges)


def test_a_shortcut_is_left_out() -> None:
    assert without_shortcuts([("a", "b"), ("b", "c"), ("a", "c")]) == [("a", "b"), ("b", "c")]


def test_a_source_stands_next_to_its_first_use() -> None:
    found = layers("abcs", [("a", "b"), ("b", "c"), ("s", "c")])
    assert found == {"a": 0, "b": 1, "c": 2, "s": 1}


def test_edges_that_pass_a_layer_from_one_node_share_their_waypoint() -> None:
    drawing = draw("abcd", [("a", "b"), ("b", "c"), ("b", "d"), ("a", "c"), ("a", "d")])
    paths = {(curve.origin, curve.target): curve.path.split("H")[0] for curve in drawing.curves}
    assert paths["a", "c"] == paths["a", "d"]


def test_the_picture_is_high_enough_for_a_line_below_all_boxes() -> None:
    drawing = draw("abcd", [("a", "b"), ("a", "c"), ("b", "d"), ("a", "d"), ("c", "d")])
    ends = [float(part.split(",")[1]) for curve in drawing.curves for part in curve.path[1:].split() if "," in part]
    assert max(ends) <= drawing.height


def test_a_cycle_is_refused() -> None:
    with pytest.raises(ValueError, match="cycle"):
        draw("ab", [("a", "b"), ("b", "a")])


def test_unknown_nodes_and_loops_are_left_out() -> None:
    assert draw("ab", [("a", "b"), ("a", "z"), ("a", "a")]).curves == draw("ab", [("a", "b")]).curves


def test_nothing_is_drawn_of_nothing() -> None:
    drawing = draw([], [])
    assert drawing.places == ()
    assert drawing.width == drawing.height == Size().margin


def _closure(names: list[str], edges: list[tuple[str, str]]) -> set[tuple[str, str]]:
    found = set(edges)
    for middle in names:
        found |= {(a, b) for a in names for b in names if (a, middle) in found and (middle, b) in found}
    return found
