"""Where the frames of the filmstrip lie."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from explorer.facts import Kind, ModelFacts
from explorer.state import State
from explorer.ui.filmstrip import SIZE, Filmstrip
from explorer.ui.session.requests import film_on
from explorer.ui.session.scene import Scene
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


@pytest.mark.usefixtures("qapp")
def test_a_filmstrip_is_asked_for_with_as_few_samples_as_it_shows() -> None:
    scene = Scene()
    for kind, shape, count in (("points", (2,), 1000), ("image", (1, 4, 4), 1)):
        scene.facts = ModelFacts("m", "", "", cast(Kind, kind), shape, 64, "eps", "cosine", sample_count=5000)
        scene.state = State(model="m", count=5000)
        film = film_on(scene)
        assert film.source.count == count
        assert film.times[0] == 0
        assert film.times[-1] == 64
