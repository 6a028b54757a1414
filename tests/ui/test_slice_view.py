"""The score on a plane through the space of pictures: where names go."""

from __future__ import annotations

import numpy as np

from explorer.lenses.drawable import Slice
from explorer.ui.slice_view import TO_THE_LEFT, TO_THE_RIGHT, anchors


def marked(*marks: tuple[str, float, float]) -> Slice:
    places, nothing = np.linspace(-1, 1, 3, dtype=np.float32), np.zeros((3, 3), np.float32)
    return Slice(np.zeros((3, 3, 2), np.float32), places, places, nothing, marks, ("u", "v"))


def test_names_of_marks_close_to_each_other_are_on_both_sides() -> None:
    apart, close = marked(("x_t", 0, 0), ("mean", 0.9, 0)), marked(("x_t", 0.1, 0), ("mean", 0, 0.1), ("1", 0, 0.9))
    assert anchors(apart) == [TO_THE_RIGHT, TO_THE_RIGHT]
    assert anchors(close) == [TO_THE_RIGHT, TO_THE_LEFT, TO_THE_RIGHT]
    assert anchors(marked(("x_t", 0, 0), ("mean", 0, 0))) == [TO_THE_LEFT, TO_THE_RIGHT]
