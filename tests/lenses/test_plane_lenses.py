"""Lenses for points whose distribution is known, against closed forms."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch

from explorer.diffusion.mixture import MixtureDenoiser
from explorer.diffusion.prediction import Prediction
from explorer.diffusion.schedules import cosine
from explorer.lenses import density, difference, energy, error_map, shares
from explorer.lenses.base import View
from explorer.lenses.drawable import Bars, Map, Missing
from explorer.lenses.picture import picture
from explorer.lenses.shading import contours, map_pixels, resampled
from tests.lenses.test_lenses import TRUTH, points


def places(drawn: Map) -> torch.Tensor:
    """The cell centres of a map, row by row from the bottom."""
    left, right, bottom, top = drawn.extent
    rows, columns = drawn.data.shape
    y = bottom + (top - bottom) * (torch.arange(rows) + 0.5) / rows
    x = left + (right - left) * (torch.arange(columns) + 0.5) / columns
    return torch.cartesian_prod(y, x).flip(1)


def test_density_and_energy_are_the_exact_ones() -> None:
    view = points()
    a, s = float(view.prediction.a), float(view.prediction.s)
    found, landscape = density.draw(view), energy.draw(view)
    assert isinstance(found, Map)
    assert isinstance(landscape, Map)
    expected = TRUTH.log_density(places(found), a, s).numpy()
    np.testing.assert_allclose(found.data.ravel(), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(landscape.data, -found.data)
    assert found.limits[1] == found.data.max()
    assert landscape.limits[0] == landscape.data.min()
    np.testing.assert_allclose(np.array(landscape.levels[:3]) - landscape.data.min(), [1.5, 4.5, 7.5], atol=1e-4)
    np.testing.assert_allclose(found.data.max() - np.array(found.levels[:3]), [1, 3, 5], atol=1e-4)
    cell = (found.extent[1] - found.extent[0]) / found.data.shape[1]
    assert math.isclose(float(np.exp(found.data).sum()) * cell**2, 1, rel_tol=0.01)


def worse(view: View) -> View:
    """The same view of a model whose ε̂ is off by (0.3, 0.4) everywhere."""

    class Off(MixtureDenoiser):
        def __call__(self, x_t: torch.Tensor, t: float, condition: torch.Tensor | None = None) -> Prediction:
            right = super().__call__(x_t, t, condition)
            return replace(right, output=right.output + torch.tensor([0.3, 0.4]) / right.s)

    denoiser = Off(TRUTH, cosine(100))
    exact = MixtureDenoiser(TRUTH, cosine(100))
    prediction = denoiser(view.prediction.x_t, view.prediction.t)
    return replace(view, denoiser=denoiser, prediction=prediction, exact=exact)


def test_the_error_map_is_the_error_of_eps() -> None:
    drawn = error_map.draw(worse(points()))
    assert isinstance(drawn, Map)
    np.testing.assert_allclose(drawn.data, 0.5, rtol=1e-3)
    assert drawn.note == "mean at x_t 0.500"


def test_shares_of_points_that_follow_the_truth() -> None:
    n, view = 20_000, points()
    generator = torch.Generator().manual_seed(3)
    uniform = torch.rand(n, generator=generator)
    x_0 = TRUTH.draw(torch.randn(n, 2, generator=generator), uniform)
    for t in (0, 30, 80):
        a, s = cosine(100).signal(t), cosine(100).noise(t)
        x_t = a * x_0 + s * torch.randn(n, 2, generator=generator)
        bars = shares.draw(replace(view, prediction=MixtureDenoiser(TRUTH, cosine(100))(x_t, t)))
        assert isinstance(bars, Bars)
        assert bars.names == ("component 0", "component 1")
        np.testing.assert_allclose(bars.expected, [0.7, 0.3])
        assert math.isclose(bars.data.sum(), 1, rel_tol=1e-4)
        assert (np.abs(bars.data - bars.expected) < 5 * bars.errors).all()
        if t == 0:
            counted = torch.bincount(TRUTH.components(uniform)).numpy() / n
            np.testing.assert_allclose(bars.data, counted, atol=2e-3)


def test_without_a_truth_they_say_so() -> None:
    for lens in (density, energy, error_map, shares):
        assert isinstance(lens.draw(points(truth=False)), Missing)
    bars = shares.draw(points())
    assert isinstance(difference.difference(bars, bars), Missing)


def test_a_map_as_pixels() -> None:
    rows, columns = np.mgrid[0:20, 0:30].astype(np.float32)
    tilted = 2 * columns - 3 * rows
    fine = resampled(tilted, (40, 60), (0.25, 0.5, 0.5, 0.25))
    across = (0.25 + 0.5 * (np.arange(60) + 0.5) / 60) * 30 - 0.5
    up = (1 - (0.5 + 0.25 * (np.arange(40) + 0.5) / 40)) * 20 - 0.5
    np.testing.assert_allclose(fine, 2 * across[None] - 3 * up[:, None], atol=1e-4)
    lines = contours(columns, (9.5, 19.5))
    assert lines.sum() == 40
    assert lines[:, 9].all()
    assert lines[:, 19].all()
    colours = (0xFF000000 + np.arange(10, dtype=np.uint32)).astype(np.uint32)
    drawn = Map(columns, (0, 1, 0, 1), (0.0, 30.0), "magnitude", 10)
    pixels = map_pixels(drawn, (20, 30), colours, 0xFFFFFFFF)
    np.testing.assert_array_equal(pixels[0] & 0xFF, np.arange(30) // 3)


def test_they_can_be_saved_as_pictures() -> None:
    view = replace(points(), exact=MixtureDenoiser(TRUTH, cosine(100)))
    for lens in (density, energy, error_map, shares):
        assert len(np.unique(np.asarray(picture(lens.draw(view))).reshape(-1, 3), axis=0)) > 1
