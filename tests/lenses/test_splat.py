"""Dots at the right pixel, and none outside."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from explorer.lenses.splat import splat

PAPER, RED, BLUE = 0xFFFFFFFF, 0xFFFF0000, 0xFF0000FF
COLOURS = np.array([RED, BLUE], np.uint32)


def drawn(
    places: list[tuple[float, float]],
    groups: list[int] | None = None,
    size: int = 1,
    colours: NDArray[np.uint32] = COLOURS,
) -> NDArray[np.uint32]:
    """A canvas of 6 rows and 9 columns with dots at (x, y)."""
    canvas = np.full((6, 9), PAPER, np.uint32)
    x, y = np.array(places, np.float32).reshape(-1, 2).T
    splat(canvas, x, y, np.array(groups or [0] * len(places), np.uint8), colours, size)
    return canvas


def inked(canvas: NDArray[np.uint32], colour: int = RED) -> set[tuple[int, int]]:
    """(x, y) of the pixels of a colour."""
    return {(int(x), int(y)) for y, x in np.argwhere(canvas == colour)}


def test_a_dot_is_where_it_belongs() -> None:
    assert inked(drawn([(2.0, 1.0), (4.9, 3.2)])) == {(2, 1), (4, 3)}


def test_a_large_dot_goes_right_and_down() -> None:
    assert inked(drawn([(2.0, 1.0)], size=2)) == {(2, 1), (3, 1), (2, 2), (3, 2)}


@pytest.mark.parametrize("size", [1, 2, 3])
def test_corners_are_inside_and_beyond_them_nothing(size: int) -> None:
    last = (9 - size, 6 - size)
    assert len(inked(drawn([(0.0, 0.0), last], size=size))) == 2 * size**2
    inside = [(0.0, 0.0)]
    outside = [(-0.01, 1.0), (1.0, -0.01), (last[0] + 1.0, 1.0), (1.0, last[1] + 1.0), (-5.0, 2.0), (3.0, 100.0)]
    assert inked(drawn(outside + inside, size=size)) == inked(drawn(inside, size=size))


@pytest.mark.parametrize("strange", [np.nan, np.inf, -np.inf, 1e30, -1e30, 2.0**31, 2.0**32 + 3])
def test_what_has_no_pixel_is_left_out(strange: float) -> None:
    assert inked(drawn([(strange, 1.0), (1.0, strange), (4.0, 4.0)])) == {(4, 4)}


def test_groups_have_their_colours_also_where_others_are_outside() -> None:
    canvas = drawn([(-3.0, 0.0), (1.0, 1.0), (2.0, 2.0)], [0, 1, 0])
    assert inked(canvas, BLUE) == {(1, 1)}
    assert inked(canvas, RED) == {(2, 2)}


def test_one_colour_needs_no_groups() -> None:
    assert inked(drawn([(1.0, 1.0), (2.0, 2.0)], colours=COLOURS[:1])) == {(1, 1), (2, 2)}


def test_the_last_of_several_dots_is_seen() -> None:
    assert inked(drawn([(1.0, 1.0), (1.0, 1.0)], [0, 1]), BLUE) == {(1, 1)}


def test_no_dots() -> None:
    assert not inked(drawn([]))
