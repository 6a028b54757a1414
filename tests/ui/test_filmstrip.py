"""Where the frames of the filmstrip lie."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from explorer.ui.filmstrip import SIZE, Filmstrip
from explorer.ui.time_slider import MARGIN

PICTURE = np.zeros((1, 4, 4), np.float32)


def strip(qtbot: QtBot, frames: int) -> Filmstrip:
    """1000 times and as many pixels between the margins, with frames evenly along them."""
    made = Filmstrip(lambda t: float(MARGIN + t))
    qtbot.addWidget(made)
    made.resize(round(1000 + 2 * MARGIN), SIZE + 4)
    for step in range(frames):
        made.add(step, 1000 - 1000 * step // (frames - 1), PICTURE)
    return made


@pytest.mark.parametrize("frames", [3, 12, 20])
def test_few_frames_lie_below_their_times(qtbot: QtBot, frames: int) -> None:
    slots = strip(qtbot, frames)._layout()
    assert [step for _, step in slots] == list(range(frames))
    centres = [slot.center().x() - MARGIN for slot, _ in slots]
    assert centres == pytest.approx([1000 - 1000 * step // (frames - 1) for step in range(frames)], abs=10)
    assert all(slot.left() >= 0 and slot.right() <= 1000 + 2 * MARGIN for slot, _ in slots)


@pytest.mark.parametrize("frames", [24, 60, 1001])
def test_of_many_each_place_has_the_nearest(qtbot: QtBot, frames: int) -> None:
    slots = strip(qtbot, frames)._layout()
    gaps = -np.diff(sorted((slot.center().x() for slot, _ in slots), reverse=True))
    assert gaps == pytest.approx(np.full(len(gaps), gaps[0])), "no holes"
    assert all(abs(slot.center().x() - MARGIN - (1000 - 1000 * step // (frames - 1))) <= SIZE for slot, step in slots)
