"""Pictures in a tile whose rows have names."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from explorer.lenses.drawable import Image
from explorer.ui.picture_view import PictureView
from explorer.ui.short_text import figures
from explorer.ui.viewport import Viewport


def test_rows_of_a_picture_are_named_at_its_left(qtbot: QtBot) -> None:
    view = PictureView(Viewport())
    qtbot.addWidget(view)
    view.resize(200, 120)
    data = np.zeros((1, 1, 30, 80), np.float32)
    view.show_image(Image(data, "data", (0.0, 1.0)))
    whole = view.area()
    view.show_image(Image(data, "data", (0.0, 1.0), rows=("z₃", "z₂", "z₁")))
    assert view.area().left() >= view.left_room() > 10
    assert view.area().width() < whole.width()
    assert view.area().right() <= 200
    # A click still finds the pixel under it.
    corner = view.area().topLeft()
    assert view.to_content(corner).x() == pytest.approx(0)


def test_numbers_in_three_figures() -> None:
    numbers = (1.8366, 4651.2, 1.234e-5, -0.5, float("inf"), 0.0)
    assert [figures(number) for number in numbers] == ["1.84", "4.65e3", "1.23e−5", "−0.5", "∞", "0"]
