"""Streamlines follow their field, keep apart, and end where it has no direction."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from explorer.lenses.streamlines import APART, streamlines

EXTENT = (-3.5, 3.5, -3.5, 3.5)
CELLS = 40


def lattice() -> NDArray[np.float32]:
    centres = (np.arange(CELLS) + 0.5) / CELLS * 7 - 3.5
    x, y = np.meshgrid(centres, centres)
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)


CERTAIN = np.ones(CELLS * CELLS, np.float32)


def test_around_a_centre_they_are_circles() -> None:
    """A field of rotation: every piece of every line is at right angles to its radius, and the radius stays."""
    grid = lattice()
    found = streamlines(np.stack([-grid[:, 1], grid[:, 0]], axis=1) * 1e-3, CERTAIN, EXTENT)
    along = found.ends - found.starts
    radius = np.linalg.norm(found.starts, axis=1)
    far = radius > 0.5  # the lattice is coarse about the centre
    turn = (along * found.starts).sum(1) / np.maximum(np.linalg.norm(along, axis=1) * radius, 1e-9)
    assert np.abs(turn[far]).max() < 0.2
    assert (along[far, 1] * found.starts[far, 0] - along[far, 0] * found.starts[far, 1] > 0).all(), (
        "the field's own way"
    )
    for line in range(found.lines.max() + 1):
        mine = radius[(found.lines == line) & far]
        assert len(mine) == 0 or np.ptp(mine) < 0.15


def test_they_end_at_a_mode() -> None:
    grid = lattice()
    found = streamlines(-grid, CERTAIN, EXTENT)
    assert len(found.heads) > 20
    assert (np.linalg.norm(found.ends, axis=1) < np.linalg.norm(found.starts, axis=1) + 0.05).all()
    pieces = np.linalg.norm(found.ends - found.starts, axis=1)
    np.testing.assert_allclose(pieces.max(), 0.7 * 7 / CELLS, rtol=0.15)


def test_lines_keep_apart_and_fill_the_plane() -> None:
    field = np.tile(np.array([[1.0, 0.3]], np.float32), (CELLS * CELLS, 1))
    found = streamlines(field, CERTAIN, EXTENT)
    square = np.floor((found.starts + 3.5) / 7 * CELLS / APART).astype(int)
    owner: dict[tuple[int, int], int] = {}
    for line, (x, y) in zip(found.lines.tolist(), square.tolist(), strict=True):
        assert owner.setdefault((x, y), line) == line, "two lines in a square"
    assert np.abs(found.starts).max() <= 3.5
    assert len(owner) > 0.5 * (CELLS / APART) ** 2
    assert (found.lines[found.heads] == np.arange(found.lines.max() + 1)).all()


def test_without_a_field_there_are_none() -> None:
    found = streamlines(np.zeros((CELLS * CELLS, 2), np.float32), CERTAIN, EXTENT)
    assert len(found.starts) == len(found.heads) == 0


def test_certainty_is_that_of_the_place() -> None:
    certain = (lattice()[:, 0] > 0).astype(np.float32)
    found = streamlines(np.tile(np.array([[0.0, 1.0]], np.float32), (CELLS * CELLS, 1)), certain, EXTENT)
    clear = np.abs(found.starts[:, 0]) > 0.2
    np.testing.assert_array_equal(found.certain[clear], found.starts[clear, 0] > 0)
