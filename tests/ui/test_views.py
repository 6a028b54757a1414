"""What the views paint and say, pixel by pixel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot

from explorer.lenses.colour import packed_sheet
from explorer.lenses.drawable import Arrows, Field, Image, Missing, Palette, Points
from explorer.ui import theme
from explorer.ui.picture_view import PictureView
from explorer.ui.plane_axes import ticks
from explorer.ui.plane_layers import group_colours
from explorer.ui.plane_view import PlaneView
from explorer.ui.short_text import true_minus
from explorer.ui.tile import Tile, format_number
from explorer.ui.time_plot import round_numbers
from explorer.ui.viewport import Viewport

if TYPE_CHECKING:
    from tests.ui.hand import Hand

EXTENT = (-2.0, 2.0, -2.0, 2.0)


def pixels(widget: QWidget) -> NDArray[np.uint32]:
    """What a widget paints, as 0xffRRGGBB numbers."""
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    bits = np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), image.bytesPerLine() // 4)
    return np.array(bits[:, : image.width()] | 0xFF000000, np.uint32)


def random_image(n: int, channels: int, palette: Palette = "data", side: int = 5) -> Image:
    data = np.random.default_rng(n).uniform(-1.2, 1.2, (n, channels, side, side)).astype(np.float32)
    return Image(data, palette, (-1.0, 1.0))


# --- pictures ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("channels", "palette"), [(1, "data"), (3, "data"), (1, "signed"), (3, "signed")])
def test_each_pixel_of_a_picture_is_a_square_of_its_colour(qtbot: QtBot, channels: int, palette: Palette) -> None:
    view = PictureView(Viewport())
    qtbot.addWidget(view)
    view.resize(100, 100)
    image = random_image(1, channels, palette)
    view.show_image(image)
    painted, colours = pixels(view), packed_sheet(image)
    assert len(np.unique(colours)) > 15
    assert np.array_equal(painted, np.kron(colours, np.ones((20, 20), np.uint32)))


def test_a_batch_is_a_grid_in_reading_order(qtbot: QtBot) -> None:
    view = PictureView(Viewport())
    qtbot.addWidget(view)
    view.resize(400, 400)
    image = random_image(13, 1)
    view.show_image(image)
    painted, colours = pixels(view), packed_sheet(image)
    middles = (np.arange(20) * 20 + 10).astype(int)  # 4 × 5 pixels of 20, away from the lines between pictures
    assert np.array_equal(painted[np.ix_(middles, middles)], colours)


def test_a_picture_keeps_its_shape_in_the_middle_of_its_room(qtbot: QtBot) -> None:
    view = PictureView(Viewport())
    qtbot.addWidget(view)
    view.resize(300, 100)
    view.show_image(random_image(1, 1))
    painted = pixels(view)
    surface = QColor(theme.current().surface).rgb()
    assert (painted[:, :100] == surface).all()
    assert (painted[:, 200:] == surface).all()
    assert (painted[:, 100:200] != surface).mean() > 0.9


def test_zoomed_in_the_pixels_under_the_mouse_are_larger(qtbot: QtBot) -> None:
    viewport = Viewport()
    view = PictureView(viewport)
    qtbot.addWidget(view)
    view.resize(100, 100)
    image = random_image(1, 1)
    view.show_image(image)
    viewport.zoom_about(QPointF(0.0, 0.0), 2.5)
    assert np.array_equal(pixels(view), np.kron(packed_sheet(image)[:2, :2], np.ones((50, 50), np.uint32)))


def test_nothing_is_painted_after_clear(qtbot: QtBot) -> None:
    view = PictureView(Viewport())
    qtbot.addWidget(view)
    view.resize(60, 60)
    view.show_image(random_image(1, 1))
    view.clear()
    assert (pixels(view) == QColor(theme.current().surface).rgb()).all()
    assert view.value_at_hover() == ""


# --- the plane -----------------------------------------------------------------------------------------------


def plane_of(qtbot: QtBot, drawable: Points | Arrows | Field) -> PlaneView:
    view = PlaneView(Viewport())
    qtbot.addWidget(view)
    view.resize(201, 201)
    view.show_plane(drawable)
    return view


def places_of(view: PlaneView, colour: int) -> NDArray[np.float64]:
    """The middle of all pixels of a colour, as x, y."""
    rows, columns = np.nonzero(pixels(view) == colour)
    assert len(rows), "nothing of that colour"
    return np.array([columns.mean(), rows.mean()])


@pytest.mark.parametrize("place", [(0.0, 0.0), (1.0, 0.5), (-1.5, 1.25)])
def test_a_point_is_painted_where_it_lies_in_its_group_s_colour(qtbot: QtBot, place: tuple[float, float]) -> None:
    points = Points(np.array([place], np.float32), np.array([1], np.uint8), EXTENT)
    view = plane_of(qtbot, points)
    middle = places_of(view, int(group_colours()[1]))
    expected = (place[0] + 2) / 4 * 201, (2 - place[1]) / 4 * 201
    assert middle == pytest.approx(expected, abs=1.5)


def test_a_point_moves_with_the_zoom_and_vanishes_outside(qtbot: QtBot) -> None:
    points = Points(np.array([[1.0, 1.0]], np.float32), np.zeros(1, np.uint8), EXTENT)
    view = plane_of(qtbot, points)
    view.viewport.zoom_about(QPointF(1.0, 0.0), 2)  # the quadrant of positive x and y
    assert places_of(view, int(group_colours()[0])) == pytest.approx((100, 100), abs=1.5)
    view.viewport.pan(QPointF(-0.5, 0))
    assert not (pixels(view) == group_colours()[0]).any()


def test_an_arrow_goes_from_its_origin_to_its_tip(qtbot: QtBot) -> None:
    one = np.array([[1.0, 0.0]], np.float32)
    arrows = Arrows(one, np.array([[-1.0, 0.5]], np.float32), np.zeros(1, np.uint8), EXTENT, scale=2.0)
    view = plane_of(qtbot, arrows)
    bare = plane_of(qtbot, Arrows(one * 0, np.full((1, 2), 50, np.float32), np.zeros(1, np.uint8), EXTENT, scale=0.0))
    rows, columns = np.nonzero(pixels(view) != pixels(bare))
    assert columns.min() == pytest.approx(50, abs=2)  # x = −1
    assert columns.max() == pytest.approx(151, abs=2)  # x = −1 + 2 · 1
    assert rows.mean() == pytest.approx(75, abs=3)  # y = 0.5


def test_the_density_is_brightest_where_it_is_highest(qtbot: QtBot) -> None:
    y, x = np.meshgrid(np.linspace(-2, 2, 40), np.linspace(-2, 2, 40), indexing="ij")
    log_density = (-4 * ((x - 1) ** 2 + (y - 1) ** 2)).astype(np.float32)
    nowhere = np.full((1, 2), 50, np.float32)
    field = Field(nowhere, nowhere, nowhere, nowhere * 0, np.ones(1, np.float32), EXTENT, log_density)
    painted = pixels(plane_of(qtbot, field))
    red = (painted >> 16 & 255).astype(int)
    dark = theme.current().name == "dark"
    top_right, bottom_left = red[50, 150], red[150, 50]
    assert (top_right > bottom_left + 40) if dark else (top_right < bottom_left - 40)


@pytest.mark.parametrize(
    ("maximum", "numbers"),
    [
        (1000, [0, 200, 400, 600, 800, 1000]),
        (100, [0, 20, 40, 60, 80, 100]),
        (201, [0, 50, 100, 150, 201]),
        (151, [0, 50, 100, 151]),
        (50, [0, 10, 20, 30, 40, 50]),
        (3, [0, 1, 2, 3]),
        (1, [0, 1]),
    ],
)
def test_numbers_of_a_time_axis_are_round(maximum: int, numbers: list[int]) -> None:
    assert round_numbers(maximum) == numbers


def test_ticks_are_round_and_inside() -> None:
    assert ticks(-3.5, 3.5) == [-2, 0, 2]
    assert all(-0.011 < value < 0.013 for value in ticks(-0.011, 0.013))
    for width in (7.0, 3.5, 1.0, 0.5, 0.11):  # as far as one can zoom
        assert 2 <= len(ticks(1.234 - width / 2, 1.234 + width / 2)) <= 6


# --- the value under the mouse -------------------------------------------------------------------------------


def footer(tile: Tile) -> list[str]:
    return [label.text() for label in tile.findChildren(QLabel) if label.isVisibleTo(tile)]


def test_hovering_a_picture_reads_its_number(hand: Hand) -> None:
    hand.type_into(hand.spin("countSpin"), "4")
    hand.settle()
    tile = hand.window.tile("eps")
    view = tile.findChildren(PictureView)[0]
    data = tile.data()
    area = view.area()
    for sample, x, y in ((0, 0, 0), (1, 7, 2), (2, 3, 7), (3, 5, 5)):
        column, row = sample % 2 * 8 + x, sample // 2 * 8 + y
        at = area.topLeft() + QPointF((column + 0.5) * area.width() / 16, (row + 0.5) * area.height() / 16)
        QTest.mouseMove(view, at.toPoint())
        text = view.value_at_hover()
        assert text.startswith(f"sample {sample}")
        assert f"({x}, {y})" in text
        assert true_minus(f"{data[sample, 0, y, x]:+.3f}") in text
        assert text in footer(tile)
        # The other tiles tell theirs of the same place.
        other = hand.window.tile("x_t")
        assert any(true_minus(f"{other.data()[sample, 0, y, x]:+.3f}") in label for label in footer(other))
    QTest.mouseMove(view, QPoint(1, 1))
    QTest.mouseMove(hand.slider, QPoint(5, 5))
    view.leaveEvent(QEvent(QEvent.Type.Leave))
    assert view.value_at_hover() == ""


def test_hovering_colours_tells_the_channels(qtbot: QtBot) -> None:
    viewport = Viewport()
    view = PictureView(viewport)
    qtbot.addWidget(view)
    image = random_image(1, 3)
    view.show_image(image)
    viewport.set_hover(QPointF(0.5, 0.1))
    numbers = ", ".join(f"{value:+.3f}" for value in image.data[0, :, 0, 2])
    assert view.value_at_hover().endswith(true_minus(numbers))


def test_hovering_the_plane_reads_the_place(qtbot: QtBot) -> None:
    view = plane_of(qtbot, Points(np.zeros((1, 2), np.float32), np.zeros(1, np.uint8), EXTENT))
    view.viewport.set_hover(QPointF(0.75, 0.25))
    assert view.value_at_hover() == "(+1.00, +1.00)"
    view.viewport.set_hover(QPointF(0.25, 0.25))
    assert view.value_at_hover() == "(−1.00, +1.00)"


# --- tiles ---------------------------------------------------------------------------------------------------


def test_a_tile_changes_between_what_it_can_show(qtbot: QtBot) -> None:
    tile = Tile("score", "score", "∇ log p", Viewport(), Viewport())
    qtbot.addWidget(tile)
    tile.resize(300, 300)
    tile.show()
    assert tile.data().size == 0
    points = Points(np.zeros((3, 2), np.float32), np.zeros(3, np.uint8), EXTENT, "three points", "a note")
    image = random_image(2, 1, "signed")
    tile.show_drawable(image)
    assert tile.data() is image.data
    assert tile.findChildren(PictureView)[0].isVisible()
    tile.show_drawable(points)
    assert "three points" in footer(tile)
    missing = Missing(np.full((2, 1, 5, 5), np.nan, np.float32), "There is nothing to say here.")
    tile.show_drawable(missing)
    assert np.isnan(tile.data()).all()
    assert "There is nothing to say here." in footer(tile)
    assert "three points" not in footer(tile)
    tile.show_drawable(points)
    assert tile.findChildren(PlaneView)[0].isVisible()
    assert {"three points", "a note"} <= set(footer(tile))
    tile.clear("Loading…")
    assert tile.data().size == 0
    assert "Loading…" in footer(tile)


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (-3.0, "−3"), (0.12345, "0.123"), (-12345.0, "−1.2e4"), (1e-5, "1e−5")]
)
def test_limits_are_short(value: float, text: str) -> None:
    assert format_number(value) == text


@pytest.fixture
def plots(hand: Hand) -> Iterator[Hand]:
    """A window that shows the usual tiles again afterwards: plots in tiles have menus, which are windows."""
    usual = hand.window.state.lenses
    yield hand
    hand.session.change(lenses=usual)
    hand.settle()


def test_a_slow_tile_follows_the_others_and_waits_for_a_run(plots: Hand) -> None:
    hand = plots
    hand.session.change(lenses=("x_t", "slice_noise"))
    hand.settle()
    first = hand.data("slice_noise")
    assert np.isfinite(first).all()
    assert first.shape[2] == 2
    hand.slider.setValue(hand.window.state.t + 20)
    hand.settle()
    assert not np.array_equal(hand.data("slice_noise"), first)
    hand.key(Qt.Key.Key_Space)
    hand.settle()
    hand.key(Qt.Key.Key_Left)
    hand.settle()
    assert np.isfinite(hand.data("slice_noise")).all()
    assert hand.data("slice_noise").shape == first.shape


def test_curves_in_a_tile(plots: Hand) -> None:
    hand = plots
    hand.session.change(lenses=("x_t", "spectrum", "histogram", "path"))
    hand.settle()
    assert hand.data("spectrum").shape == (2, 4)
    hand.key(Qt.Key.Key_Space)
    hand.settle()
    run = hand.session.run
    assert run is not None
    assert hand.data("path").shape == (run.made, 2)
