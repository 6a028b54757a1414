"""The score of a picture model on planes through the space of pictures, against a Gaussian whose score is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from explorer.diffusion.denoiser import Condition
from explorer.diffusion.prediction import Prediction
from explorer.diffusion.schedules import Schedule, cosine
from explorer.lenses import slice_components, slice_noise, slice_pictures
from explorer.lenses.base import View
from explorer.lenses.drawable import Missing, Slice
from explorer.lenses.picture import picture
from explorer.lenses.slice import SIDE, divergence, orthonormal
from tests.lenses.test_lenses import PICTURES

D = 48
STD = 0.5


class Gaussian:
    """What a perfect network says where x₀ ~ N(0, 0.5²) in every pixel."""

    schedule: Schedule = cosine(100)

    def __call__(self, x_t: torch.Tensor, t: float, condition: Condition = None) -> Prediction:
        a, s = self.schedule.signal(t), self.schedule.noise(t)
        return Prediction(x_t, t, a, s, "score", -x_t / (a**2 * STD**2 + s**2))

    def variance(self, t: float) -> float:
        return float(self.schedule.signal(t) ** 2 * STD**2 + self.schedule.noise(t) ** 2)


def view(t: int = 40) -> View:
    generator = torch.Generator().manual_seed(1)
    denoiser = Gaussian()
    x_t = torch.randn(2, 3, 4, 4, generator=generator)
    data = STD * np.random.default_rng(2).standard_normal((20, 3, 4, 4)).astype(np.float32)
    return View(PICTURES, denoiser(x_t, t), denoiser, data=data)


def test_a_plane_through_a_gaussian() -> None:
    """∇ log p = −x / σ²: in the plane it points to the foot of the plane, with divergence −2 / σ²."""
    at = view()
    variance = Gaussian().variance(40)
    for lens in (slice_noise.LENS, slice_pictures.LENS, slice_components.LENS):
        drawn = lens.draw(at)
        assert isinstance(drawn, Slice)
        assert drawn.data.shape == (SIDE, SIDE, 2)
        np.testing.assert_allclose(drawn.divergence, -2 / variance, rtol=1e-3)
        # Linear in u and v with slope −1 / σ², the same in both.
        np.testing.assert_allclose(np.gradient(drawn.data[..., 0], drawn.u, axis=1), -1 / variance, rtol=1e-3)
        np.testing.assert_allclose(np.gradient(drawn.data[..., 1], drawn.v, axis=0), -1 / variance, rtol=1e-3)


def test_x_t_lies_in_the_plane() -> None:
    """The field at its mark, between the lattice's places, is the score at x_t."""
    at = view()
    drawn = slice_noise.LENS.draw(at)
    assert isinstance(drawn, Slice)
    name, u, v = drawn.marks[0]
    assert name == "x_t"
    x, eps = at.prediction.x_t[0].flatten(), at.prediction.eps[0].flatten()
    e1, _ = orthonormal(eps, torch.randn(D, generator=torch.Generator().manual_seed(0)))
    expected = float(at.prediction.score[0].flatten() @ e1) / np.sqrt(D)
    row = int(np.abs(drawn.v - v).argmin())
    assert np.isclose(np.interp(u, drawn.u, drawn.data[row, :, 0]), expected, rtol=1e-3)
    clean = next(mark for mark in drawn.marks if mark[0] == "a x̂₀")
    np.testing.assert_allclose(clean[1:], (0, 0), atol=1e-6)
    s = float(at.prediction.s)
    np.testing.assert_allclose(u, s * float(eps.norm()) / np.sqrt(D), rtol=1e-5)
    assert x.shape == (D,)


def test_row_by_row() -> None:
    assert slice_noise.LENS.in_stages is not None
    stages = list(slice_noise.LENS.in_stages(view()))
    assert len(stages) == SIDE
    for i, drawn in enumerate(stages):
        assert isinstance(drawn, Slice)
        assert np.isfinite(drawn.data[: i + 1]).all()
        assert np.isnan(drawn.data[i + 1 :]).all()
        assert np.asarray(picture(drawn)).std() > 0


def test_where_there_is_no_plane() -> None:
    assert isinstance(slice_pictures.LENS.draw(replace(view(), data=None)), Missing)
    assert isinstance(slice_components.LENS.draw(replace(view(), data=None)), Missing)
    at_0 = replace(view(), prediction=Gaussian()(torch.zeros(1, 3, 4, 4), 0))
    assert isinstance(slice_noise.LENS.draw(at_0), Missing)


def test_orthonormal() -> None:
    e1, e2 = orthonormal(torch.tensor([3.0, 4.0, 0.0]), torch.tensor([1.0, 1.0, 1.0]))
    np.testing.assert_allclose([float(e1 @ e1), float(e2 @ e2), float(e1 @ e2)], [1, 1, 0], atol=1e-6)


def test_divergence_of_a_known_field() -> None:
    u, v = np.linspace(-1, 1, 9, dtype=np.float32), np.linspace(0, 3, 7, dtype=np.float32)
    x, y = np.meshgrid(u, v)
    field = np.stack([2 * x + y, 5 * y - x], axis=2).astype(np.float32)
    np.testing.assert_allclose(divergence(field, u, v), 7, rtol=1e-4)
