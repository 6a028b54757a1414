"""A − B of two drawings."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.lenses.difference import difference
from explorer.lenses.drawable import Arrows, Field, Image, Missing, Points

EXTENT = (-3.0, 3.0, -3.0, 3.0)
rng = np.random.default_rng(0)


def test_pictures_are_subtracted_and_measured() -> None:
    one, other = rng.standard_normal((2, 4, 1, 5, 5)).astype(np.float32)
    found = difference(Image(one, "data", (-1.0, 1.0)), Image(other, "data", (-1.0, 1.0)))
    assert isinstance(found, Image)
    np.testing.assert_array_equal(found.data, one - other)
    assert (found.palette, found.limits) == ("signed", (-1.0, 1.0))
    assert found.note == f"r.m.s. {np.sqrt(np.mean((one - other).astype(np.float64) ** 2)):.3g}"


def test_a_picture_less_itself_is_nothing() -> None:
    picture = Image(np.ones((1, 1, 2, 2), np.float32), "signed", (-3.0, 3.0))
    found = difference(picture, picture)
    assert isinstance(found, Image)
    assert found.note == "r.m.s. 0"
    assert found.limits == (-3.0, 3.0)


def test_what_is_not_a_number_is_left_out_of_the_measure() -> None:
    nan = Image(np.array([[[[np.nan, 2.0]]]], np.float32), "signed", (-3.0, 3.0))
    other = Image(np.zeros((1, 1, 1, 2), np.float32), "signed", (-3.0, 3.0))
    assert difference(nan, other).note == "r.m.s. 2"


def test_points_move_from_b_to_a() -> None:
    one, other = rng.standard_normal((2, 7, 2)).astype(np.float32)
    groups = np.arange(7, dtype=np.uint8)
    found = difference(Points(one, groups, EXTENT), Points(other, groups, EXTENT))
    assert isinstance(found, Arrows)
    np.testing.assert_array_equal(found.origins, other)
    np.testing.assert_allclose(found.origins + found.data * found.scale, one, atol=1e-6)


def test_vectors_are_subtracted_where_a_is() -> None:
    one, other, places = rng.standard_normal((3, 7, 2)).astype(np.float32)
    grid = np.zeros((1, 2), np.float32)
    certain = np.ones(1, np.float32)
    found = difference(
        Field(one, places, grid, grid, certain, EXTENT), Field(other, places + 1, grid, grid, certain, EXTENT)
    )
    assert isinstance(found, Arrows)
    np.testing.assert_array_equal(found.data, one - other)
    np.testing.assert_array_equal(found.origins, places)
    assert 0 < found.scale <= 1


@pytest.mark.parametrize("shape", [(2, 1, 3, 3), (1, 3, 3, 3)])
def test_what_has_no_difference_says_so(shape: tuple[int, ...]) -> None:
    one = Image(np.zeros((1, 1, 3, 3), np.float32), "data", (-1.0, 1.0))
    found = difference(one, Image(np.zeros(shape, np.float32), "data", (-1.0, 1.0)))
    assert isinstance(found, Missing)
    assert "different numbers of samples" in found.why
    assert isinstance(difference(one, Missing(one.data, "no truth")), Missing)
