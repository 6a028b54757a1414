"""Theme, layout, full screen, tiles to choose from, and a picture of what is on show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QMenu, QSplitter

from explorer.ui import theme
from explorer.ui.side_panel import SidePanel

if TYPE_CHECKING:
    from tests.ui.hand import Hand, MakeHand

CONTROL = Qt.KeyboardModifier.ControlModifier


def brightness(hand: Hand) -> float:
    """Mean of the window's pixels, 0 … 255."""
    picture = hand.window.grab().toImage().convertToFormat(QImage.Format.Format_Grayscale8)
    bits = np.frombuffer(picture.constBits(), np.uint8).reshape(picture.height(), picture.bytesPerLine())
    return float(bits[:, : picture.width()].mean())


def test_the_theme_changes_colours_and_nothing_else(hand: Hand) -> None:
    assert theme.current().name == "dark"
    hand.qtbot.wait(100)  # plots are drawn anew a little later
    dark = brightness(hand)
    assert dark < 90
    shown, state = hand.shown(), hand.window.state
    hand.key(Qt.Key.Key_T, CONTROL)
    assert theme.current().name == "light"
    assert brightness(hand) > 160
    assert not hand.window.busy
    assert hand.window.state == state
    assert all(np.array_equal(shown[lens], data) for lens, data in hand.shown().items())
    hand.drag_slider(60)
    hand.settle()
    assert hand.frames[-1][0].t == 60
    hand.drag_slider(40)
    hand.key(Qt.Key.Key_T, CONTROL)
    hand.settle()
    hand.until(lambda: abs(brightness(hand) - dark) < 1)


def test_the_theme_changes_while_a_run_plays(plane_hand: Hand) -> None:
    hand = plane_hand
    hand.reverse()
    hand.combo("speedCombo").setCurrentText("5 steps/s")
    hand.click("playButton")
    hand.until(lambda: hand.window.state.step >= 1)
    hand.key(Qt.Key.Key_T, CONTROL)
    assert hand.session.playing
    step = hand.window.state.step
    hand.until(lambda: hand.window.state.step > step)
    hand.click("playButton")
    hand.settle()
    assert brightness(hand) > 160


def test_the_theme_is_remembered(make_hand: MakeHand) -> None:
    first = make_hand()
    first.key(Qt.Key.Key_T, CONTROL)
    first.window.close()
    theme.load_fonts()
    second = make_hand()
    assert theme.current().name == "light"
    second.key(Qt.Key.Key_T, CONTROL)
    second.window.close()
    make_hand()
    assert theme.current().name == "dark"


def test_the_layout_is_remembered(make_hand: MakeHand, tiny: Path) -> None:
    first = make_hand(tiny)
    first.window.resize(800, 680)  # no larger than the screen of the tests, to which Qt confines what it restores
    columns = first.find(QSplitter)
    first.qtbot.wait(20)
    handle = columns.handle(1)
    before = columns.sizes()
    grip = handle.rect().center()
    QTest.mousePress(handle, Qt.MouseButton.LeftButton, pos=grip)
    QTest.mouseMove(handle, grip + QPoint(40, 0))
    QTest.mouseRelease(handle, Qt.MouseButton.LeftButton, pos=grip + QPoint(40, 0))
    first.qtbot.wait(20)
    sizes = columns.sizes()
    assert sizes[0] > before[0] + 30
    first.window.close()
    second = make_hand(tiny)
    second.qtbot.wait(20)
    assert (second.window.width(), second.window.height()) == (800, 680)
    assert second.find(QSplitter).sizes() == pytest.approx(sizes, abs=2)


def test_at_first_the_plots_get_a_fifth_of_the_width(make_hand: MakeHand, tiny: Path) -> None:
    window = make_hand(tiny).window
    side = window.findChild(SidePanel)
    assert side is not None
    assert 0.19 * window.width() < side.width() < 0.25 * window.width()


def test_full_screen_and_back(hand: Hand) -> None:
    size = hand.window.size()
    hand.slider.setFocus()
    hand.key(Qt.Key.Key_F11)
    hand.until(hand.window.isFullScreen)
    hand.settle()
    hand.key(Qt.Key.Key_F11)
    hand.until(lambda: not hand.window.isFullScreen())
    assert hand.window.size() == size


@pytest.mark.parametrize("size", [(800, 560), (1000, 1100), (1800, 600)])
def test_the_window_fits_any_size(hand: Hand, size: tuple[int, int]) -> None:
    hand.window.resize(*size)
    hand.qtbot.wait(30)
    assert (hand.window.width(), hand.window.height()) == size
    inside = hand.window.rect()
    for lens in ("x_t", "x0", "eps", "score"):
        tile = hand.window.tile(lens)
        corner = tile.mapTo(hand.window, QPoint(0, 0))
        assert inside.contains(corner)
        assert inside.contains(corner + QPoint(tile.width() - 1, tile.height() - 1))
        assert min(tile.width(), tile.height()) >= 80


# --- saving --------------------------------------------------------------------------------------------------


def answer_file(monkeypatch: pytest.MonkeyPatch, path: Path | str) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), "PNG (*.png)"))


@pytest.mark.parametrize("name", ["shot.png", "shot"])
def test_a_picture_of_the_tiles_is_saved(
    hand: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    answer_file(monkeypatch, tmp_path / name)
    hand.slider.setFocus()
    hand.key(Qt.Key.Key_S)
    assert not hand.banner.isVisible()
    with Image.open(tmp_path / "shot.png") as picture:
        assert picture.format == "PNG"
        pixels = np.asarray(picture.convert("RGB"))
    tiles = hand.window.tile("x_t").parentWidget()
    assert tiles is not None
    assert pixels.shape[:2] == (tiles.height(), tiles.width())
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 50


def test_a_picture_that_cannot_be_written_is_told_of(
    hand: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_file(monkeypatch, tmp_path / "no" / "such" / "folder.png")
    hand.slider.setFocus()
    hand.key(Qt.Key.Key_S)
    assert hand.banner.isVisible()
    assert "folder.png" in hand.banner.text()


def test_cancelling_saves_nothing(hand: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_file(monkeypatch, "")
    hand.slider.setFocus()
    hand.key(Qt.Key.Key_S)
    assert not hand.banner.isVisible()
    assert list(tmp_path.glob("*.png")) == []


def test_a_picture_is_chosen_in_a_dialog(hand: Hand, picture_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(picture_file), ""))
    before = hand.data("x_t")
    hand.click("pictureButton")
    hand.settle()
    assert hand.window.state.picture == str(picture_file)
    assert not np.array_equal(before, hand.data("x_t"))


# --- tiles ---------------------------------------------------------------------------------------------------


def test_tiles_are_chosen_in_the_menu(hand: Hand) -> None:
    view = next(menu for menu in hand.window.menuBar().findChildren(QMenu) if menu.title() == "&View")
    tiles = next(menu for menu in view.findChildren(QMenu) if menu.title() == "&Tiles")
    tiles.aboutToShow.emit()
    entries = {action.data(): action for action in tiles.actions()}
    assert {name for name, action in entries.items() if action.isChecked()} == {"x_t", "x0", "eps", "score"}
    entries["v"].trigger()
    entries["score"].trigger()
    hand.settle()
    assert hand.window.tile("v").isVisible()
    assert hand.window.tile("v").data().shape == (1, 1, 8, 8)
    with pytest.raises(KeyError):
        hand.window.tile("score")
    # v = a ε̂ − s x̂₀.
    numbers = {name: hand.data(name).astype(np.float64) for name in ("x_t", "x0", "eps", "v")}
    x0, eps, x_t = (numbers[name].ravel() for name in ("x0", "eps", "x_t"))
    (a, s), *_ = np.linalg.lstsq(np.stack([x0, eps], axis=1), x_t, rcond=None)
    assert np.allclose(numbers["v"].ravel(), a * eps - s * x0, atol=1e-3)
