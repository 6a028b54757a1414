"""x_t to the clipboard and from it, and pictures from it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QColor, QGuiApplication, QImage

from explorer.ui import clipboard
from explorer.ui.edit_menu import EditButton
from explorer.ui.selection import rectangle
from tests.ui.test_branches import on_show
from tests.ui.test_edits import action, made

if TYPE_CHECKING:
    from tests.ui.hand import Hand

__all__ = ["made"]
CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture(autouse=True)
def _emptied(qapp: object) -> Iterator[None]:
    """Before and after: Qt's platform without a screen cannot end while its clipboard holds what Python has made."""
    QGuiApplication.clipboard().clear()
    yield
    QGuiApplication.clipboard().clear()


def copy_of(width: int, height: int) -> QImage:
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor("white"))
    return image


def test_x_t_is_copied_at_one_step_and_pasted_at_another(made: Hand) -> None:
    hand = made
    taken = hand.data("x_t").copy()
    hand.key(Qt.Key.Key_C, CONTROL)
    assert not QGuiApplication.clipboard().image().isNull(), "other programs find a picture"
    hand.session.set_step(5)
    hand.settle()
    hand.key(Qt.Key.Key_V, CONTROL)
    hand.settle()
    np.testing.assert_array_equal(hand.data("x_t"), taken)
    assert hand.session.run is not None
    assert hand.session.run.parent is not None
    assert hand.session.run.parent[1] == 5
    assert hand.session.run.edit_name == "x_t pasted"


def test_a_picture_is_noised_and_put_into_the_selection(made: Hand) -> None:
    hand, before = made, made.data("x_t").copy()
    QGuiApplication.clipboard().setImage(copy_of(20, 10))
    where = rectangle(before.shape[-2:], (0, 0), (1, 1))
    hand.find(EditButton, "editButton").selecting.select(where)
    action(hand, "paste").trigger()
    hand.settle()
    after = hand.data("x_t")
    np.testing.assert_array_equal(after[..., ~where], before[..., ~where])
    assert not np.array_equal(after[..., where], before[..., where])
    kept = Path(on_show(hand).edited.source.picture)
    assert kept.parent.name == "pasted"
    assert QImage(str(kept)).size() == copy_of(20, 10).size()


def test_a_copied_file_becomes_x_0_of_a_forward_view(hand: Hand, tmp_path: Path) -> None:
    copy_of(9, 9).save(str(tmp_path / "a.png"))
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "a.png"))])
    QGuiApplication.clipboard().setMimeData(data)
    hand.button("modelButton").setFocus()
    hand.key(Qt.Key.Key_V, CONTROL)
    hand.settle()
    assert hand.session.state.picture == str(tmp_path / "a.png")


def test_an_empty_clipboard_and_other_shapes_say_so(made: Hand) -> None:
    hand = made
    hand.key(Qt.Key.Key_V, CONTROL)
    assert hand.banner.text() == "The clipboard holds no picture, and no x_t of this shape."
    clipboard.copy(np.zeros((1, 1, 3, 3), np.float32), None)
    hand.key(Qt.Key.Key_V, CONTROL)
    assert "no x_t of this shape" in hand.banner.text()


@pytest.mark.parametrize("raw", [b"", b"\x93NUMPY", b"\x93NUMPY\x01\x00v\x00{'descr': '|O'", b"abc" * 99])
def test_what_is_no_array_is_no_x_t(qapp: object, raw: bytes) -> None:
    data = QMimeData()
    data.setData(clipboard.NUMBERS, raw)
    QGuiApplication.clipboard().setMimeData(data)
    assert clipboard.numbers() is None
