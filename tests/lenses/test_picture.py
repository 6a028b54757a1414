"""Every Drawable as a picture in a file."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from explorer.lenses.drawable import Arrows, Chart, Drawable, Field, Image, Line, Missing, Points
from explorer.lenses.picture import GROUPS, INK, PAPER, SIDE, picture, side_by_side

EXTENT = (-2.0, 2.0, -2.0, 2.0)


def pixels(drawable: Drawable) -> NDArray[np.uint8]:
    drawn = picture(drawable)
    assert drawn.mode == "RGB"
    return np.asarray(drawn)


def rgb(colour: int) -> tuple[int, int, int]:
    return colour >> 16 & 255, colour >> 8 & 255, colour & 255


def where(drawn: NDArray[np.uint8], colour: tuple[int, int, int]) -> NDArray[np.intp]:
    """(row, column) of the pixels of a colour."""
    return np.argwhere((drawn == colour).all(axis=2))


def at(x: float, y: float) -> tuple[int, int]:
    """row, column of a place in EXTENT: y points up."""
    return int((2 - y) / 4 * SIDE), int((x + 2) / 4 * SIDE)


def vectors(values: list[tuple[float, float]]) -> NDArray[np.float32]:
    return np.array(values, np.float32).reshape(-1, 2)


def grid(cells: int = 8) -> NDArray[np.float32]:
    """Lattice centres over EXTENT, row by row from the bottom."""
    steps = -2 + 4 * (np.arange(cells) + 0.5) / cells
    y, x = np.meshgrid(steps, steps, indexing="ij")
    return np.stack([x.reshape(-1), y.reshape(-1)], axis=1).astype(np.float32)


def field(background: NDArray[np.float32] | None = None) -> Field:
    places = grid()
    return Field(places, places, places, -places, np.ones(len(places), np.float32), EXTENT, background)


# --- pictures --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "side"), [(1, 8), (1, 28), (1, 500), (4, 8), (3, 28)])
def test_pictures_are_enlarged_by_whole_numbers_without_a_blur(n: int, side: int) -> None:
    data = np.random.default_rng(0).integers(0, 2, (n, 1, side, side)).astype(np.float32)
    drawn = pixels(Image(data, "data", (0.0, 1.0)))
    columns = int(np.ceil(np.sqrt(n)))
    width = columns * side + (columns - 1 if n > 1 else 0)
    factor = drawn.shape[1] // width
    assert drawn.shape[1] == factor * width
    assert factor >= 1
    assert side > 100 or SIDE / 2 < drawn.shape[1] <= SIDE
    first = drawn[: side * factor : factor, : side * factor : factor, 0]
    np.testing.assert_array_equal(first, data[0, 0] * 255)
    np.testing.assert_array_equal(drawn[:factor, :factor], np.broadcast_to(drawn[0, 0], (factor, factor, 3)))


def test_points_are_drawn_where_they_are_y_upwards() -> None:
    places = [(0.0, 0.0), (1.0, 1.5), (-1.5, -0.5)]
    drawn = pixels(Points(vectors(places), np.array([0, 1, 7], np.uint8), EXTENT))
    assert drawn.shape == (SIDE, SIDE, 3)
    assert tuple(drawn[0, 0]) == rgb(PAPER)
    for place, group in zip(places, (0, 1, 7), strict=True):
        assert tuple(drawn[at(*place)]) == rgb(int(GROUPS[group % len(GROUPS)]))
    assert len(where(drawn, rgb(PAPER))) == SIDE**2 - 3 * 4**2


def test_many_points_are_drawn_smaller() -> None:
    many = Points(vectors([(0.0, 0.0)] * 1001), np.zeros(1001, np.uint8), EXTENT)
    assert len(where(pixels(many), rgb(PAPER))) == SIDE**2 - 2**2


def test_points_outside_are_not_drawn() -> None:
    drawn = pixels(Points(vectors([(5.0, 0.0), (0.0, -1e20), (np.nan, 0.0)]), np.zeros(3, np.uint8), EXTENT))
    assert (drawn == rgb(PAPER)).all()


def test_an_arrow_has_its_head_at_its_end() -> None:
    arrow = Arrows(vectors([(1.0, 2.0)]), vectors([(-1.0, -1.0)]), np.zeros(1, np.uint8), EXTENT, scale=-0.5)
    inked = where(pixels(arrow), INK)
    rows, columns = inked.T
    start, tip = at(-1.0, -1.0), at(-1.5, -2.0 + 1e-3)
    assert abs(rows.min() - start[0]) <= 2
    assert abs(rows.max() - min(tip[0], SIDE - 1)) <= 2
    assert abs(columns.max() - start[1]) <= 2
    assert abs(columns.min() - tip[1]) <= 2


def test_of_many_arrows_some_are_drawn() -> None:
    n = 5_000
    places = np.random.default_rng(0).uniform(-2, 2, (n, 2)).astype(np.float32)
    drawn = pixels(Arrows(np.zeros((n, 2), np.float32), places, np.zeros(n, np.uint8), EXTENT, 1.0))
    assert 0 < len(where(drawn, INK)) < SIDE**2 / 5


def test_arrows_at_t_0_have_no_length() -> None:
    arrow = Arrows(vectors([(9.0, 9.0)]), vectors([(0.0, 0.0)]), np.zeros(1, np.uint8), EXTENT, scale=-0.0)
    rows, columns = where(pixels(arrow), INK).T
    assert np.ptp(rows) <= 3
    assert np.ptp(columns) <= 3


def test_a_field_points_where_its_vectors_do() -> None:
    """All arrows of the vectors −x point inwards, so none reaches the border that they start near."""
    drawn = pixels(field())
    inked = where(drawn, INK)
    assert len(inked) > 0
    cell = SIDE // 16
    assert inked.min() >= cell - 2
    assert inked.max() <= SIDE - cell + 2


def test_arrows_of_a_field_are_as_dense_across_as_up() -> None:
    """Of 16 × 16 places 8 × 8; vectors of no length leave a dot at each."""
    places = grid(16)
    drawn = pixels(Field(places, places, places, 0 * places, np.ones(len(places), np.float32), EXTENT))
    rows, columns = where(drawn, INK).T
    for places_along in (rows, columns):
        along = np.unique(places_along)
        assert np.count_nonzero(np.diff(along) > 3) + 1 == 8


def test_a_field_of_nothing() -> None:
    places = grid()
    still = Field(places, places, places, 0 * places, np.ones(len(places), np.float32), EXTENT)
    assert pixels(still).shape == (SIDE, SIDE, 3)


def test_the_ground_of_a_field_is_dark_where_the_density_is_high() -> None:
    density = np.full((8, 8), -50.0, np.float32)
    density[0, 7] = 0.0  # the bottom right
    drawn = pixels(field(density)).astype(int).sum(axis=2)
    corners = drawn[-10:, -10:].mean(), drawn[:10, -10:].mean(), drawn[-10:, :10].mean(), drawn[:10, :10].mean()
    assert corners[0] < min(corners[1:]) - 100
    assert max(corners[1:]) - min(corners[1:]) < 30


def test_missing_says_why_on_grey() -> None:
    data = np.full((1, 1, 8, 8), np.nan, np.float32)
    silent, shown = pixels(Missing(data, "")), pixels(Missing(data, "nothing to see here"))
    assert len(np.unique(silent.reshape(-1, 3), axis=0)) == 1
    rows, columns = np.nonzero((shown != silent).any(2))
    assert 150 < rows.mean() < 234, "the words are in the middle"
    assert 100 < columns.mean() < 284


def test_a_chart_has_numbers_at_the_ends_of_its_axes_and_names_its_curves() -> None:
    x = np.linspace(0, 5, 20, dtype=np.float32)
    bare = pixels(Chart(x, (Line("", x, x, 1),), "", ""))
    named = pixels(Chart(x, (Line("loss", x, x, 1),), "", ""))
    other = pixels(Chart(x, (Line("", 3 * x, x, 1),), "", ""))
    assert (bare != named).any(2)[28:60, 300:360].any(), "the name is in the corner"
    changed = (bare != other).any(2)
    assert changed[360:, 300:].any(), "the right end is another number"
    assert not changed[:355].any()


# --- beside each other -----------------------------------------------------------------------------------


def test_side_by_side() -> None:
    row = side_by_side([Pillow.new("RGB", (10, 20), "red"), Pillow.new("RGB", (30, 5), "blue")], gap=4)
    assert row.size == (44, 20)
    assert row.getpixel((9, 19)) == (255, 0, 0)
    assert row.getpixel((11, 0)) == (255, 255, 255)
    assert row.getpixel((14, 4)) == (0, 0, 255)
    assert row.getpixel((14, 5)) == (255, 255, 255)
