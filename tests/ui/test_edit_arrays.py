"""What each edit of x_t does to the numbers."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.ui import edits, selection

rng = np.random.default_rng(0)
PICTURES = rng.standard_normal((3, 2, 6, 5)).astype(np.float32)
APPLY = {edit.name: edit.apply for edit in edits.EDITS}


def test_edits_leave_what_they_are_given_alone() -> None:
    for edit in edits.EDITS:
        before = PICTURES.copy()
        after = edit.apply(PICTURES)
        np.testing.assert_array_equal(PICTURES, before)
        assert after.shape == before.shape, edit.name
        assert after.dtype == np.float32, edit.name
        assert not np.array_equal(after, before)


def test_flips_and_swaps_undo_themselves() -> None:
    for name in ("mirror", "upside_down", "negate", "channels"):
        np.testing.assert_array_equal(APPLY[name](APPLY[name](PICTURES)), PICTURES)
    np.testing.assert_array_equal(APPLY["mirror"](PICTURES)[0, 0, 2, 0], PICTURES[0, 0, 2, 4])
    np.testing.assert_array_equal(APPLY["batch"](PICTURES)[0], PICTURES[1])


def test_blur_keeps_a_flat_picture_and_spreads_a_point() -> None:
    np.testing.assert_array_equal(edits.blur(np.full((1, 1, 4, 4), 0.5, np.float32)), 0.5)
    point = np.zeros((1, 1, 5, 5), np.float32)
    point[0, 0, 2, 2] = 16.0
    np.testing.assert_array_equal(edits.blur(point)[0, 0, 1:4, 1:4], [[1, 2, 1], [2, 4, 2], [1, 2, 1]])


def test_noise_is_the_same_every_time() -> None:
    x = np.zeros((1, 1, 64, 64), np.float32)
    np.testing.assert_array_equal(edits.add_noise(x), edits.add_noise(x))
    assert edits.add_noise(x).std() == pytest.approx(edits.NOISE, rel=0.05)


def test_a_disc_is_painted_in_one_sample() -> None:
    painted = edits.paint(PICTURES, 1, 2.5, 2.5, 1.1, 9.0)
    changed = painted != PICTURES
    assert changed[1, :, 2, 2].all()
    assert changed[1, 0].sum() == 5  # a pixel and its four neighbours
    assert not changed[[0, 2]].any()


def test_points_near_the_hand_move_with_it() -> None:
    points = np.array([[0.0, 0.0], [0.2, 0.0], [2.0, 2.0]], np.float32)
    moved = edits.drag(points, (0.0, 0.0), (1.0, -1.0))
    np.testing.assert_allclose(moved[0], [1.0, -1.0])
    assert 0.2 < moved[1, 0] < 1.2
    np.testing.assert_array_equal(moved[2], points[2])


def test_a_selection_is_where_edits_are() -> None:
    mask = selection.rectangle((6, 5), (4, 3), (1, 2))
    assert mask.sum() == 8
    after = edits.inside(PICTURES, edits.blur(PICTURES), mask)
    np.testing.assert_array_equal(after[:, :, mask], edits.blur(PICTURES)[:, :, mask])
    np.testing.assert_array_equal(after[:, :, ~mask], PICTURES[:, :, ~mask])
    assert after.dtype == np.float32
    np.testing.assert_array_equal(edits.inside(PICTURES, -PICTURES, None), -PICTURES)


def test_masks() -> None:
    mask = selection.rectangle((6, 5), (1, 2), (4, 3))
    assert selection.box(mask) == (1, 2, 4, 2)
    assert selection.words(mask) == "2 × 4 pixels at (2, 1)"
    assert sorted(selection.outline(mask)) == [(2, 1, 2, 5), (2, 1, 4, 1), (2, 5, 4, 5), (4, 1, 4, 5)]
    disc = selection.disc((6, 5), 2.5, 2.5, 1.1)
    assert disc.sum() == 5
    assert selection.words(disc) == "5 pixels"
    assert sum(abs(x1 - x0) + abs(y1 - y0) for x0, y0, x1, y1 in selection.outline(disc)) == 12
    assert selection.disc((6, 5), 0.1, 0.1, 0.01).sum() == 1
    assert selection.outline(selection.nothing((6, 5))) == []
    assert len(selection.outline(np.ones((6, 5), np.bool_))) == 4
