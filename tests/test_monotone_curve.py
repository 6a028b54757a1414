"""Curves through points that keep their shape."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.monotone_curve import monotone_curve

POINTS = ((1.0, 9.0), (100.0, 4.0), (300.0, 3.9), (700.0, -2.0), (1000.0, -11.0))


def test_it_goes_through_the_points() -> None:
    x = np.array([p[0] for p in POINTS])
    np.testing.assert_allclose(monotone_curve(POINTS, x), [p[1] for p in POINTS], rtol=0, atol=1e-12)


def test_falling_points_give_a_falling_curve() -> None:
    random = np.random.default_rng(0)
    for _ in range(50):
        x = np.cumsum(random.exponential(1.0, 7))
        y = -np.cumsum(random.exponential(1.0, 7) ** 3)
        curve = monotone_curve(list(zip(x, y, strict=True)), np.linspace(x[0], x[-1], 2000))
        assert (np.diff(curve) < 0).all()


def test_known_values() -> None:
    """The formulas by hand: inner slope the weighted harmonic mean of −1 and −3 with the weights 5 and 4, that is
    9/(5/−1 + 4/−3) = −27/19; ends (2·1 + 2)(−1) … by the three-point formula."""
    points = ((0.0, 0.0), (1.0, -1.0), (3.0, -7.0))
    inner = -27 / 19
    first = (4 * -1 - 1 * -3) / 3  # −1/3
    last = (5 * -3 - 2 * -1) / 3  # −13/3
    middle = monotone_curve(points, np.array([0.5, 2.0]))
    assert middle[0] == pytest.approx(-0.5 + (first - inner) / 8)
    assert middle[1] == pytest.approx(-4.0 + 2 * (inner - last) / 8)


def test_a_straight_line_stays_straight_and_two_points_are_one() -> None:
    x = np.linspace(0, 4, 17)
    np.testing.assert_allclose(monotone_curve(((0.0, 1.0), (4.0, -3.0)), x), 1 - x)
    np.testing.assert_allclose(monotone_curve(((0.0, 1.0), (1.0, 0.0), (4.0, -3.0)), x), 1 - x)


def test_a_flat_piece_stays_flat_and_an_extremum_is_not_overshot() -> None:
    x = np.linspace(0, 3, 301)
    curve = monotone_curve(((0.0, 0.0), (1.0, 1.0), (2.0, 1.0), (3.0, 0.0)), x)
    assert curve.max() == pytest.approx(1.0)
    np.testing.assert_allclose(curve[100:201], 1.0, rtol=1e-12)


@pytest.mark.parametrize("points", [((0.0, 1.0),), ((0.0, 1.0), (0.0, 0.0)), ((1.0, 1.0), (0.0, 0.0))])
def test_points_that_make_no_curve(points: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(ValueError, match=r"points"):
        monotone_curve(points, np.array([0.5]))
