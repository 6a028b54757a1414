"""The score of q(x_t | x₀): −ε/s point by point, the marginal score in the mean."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from explorer.diffusion.denoiser import NetworkDenoiser
from explorer.diffusion.mixture import GaussianMixture, MixtureDenoiser
from explorer.diffusion.schedules import cosine
from explorer.facts import ModelFacts
from explorer.lenses.base import View
from explorer.lenses.drawable import Field, Image, Missing
from explorer.lenses.registry import LENSES

LENS = LENSES["score_given_x0"]
SCHEDULE = cosine(100)
TRUTH = GaussianMixture(
    torch.tensor([0.7, 0.3]),
    torch.tensor([[-1.0, 0.5], [1.0, -0.5]]),
    torch.tensor([[[0.1, 0.0], [0.0, 0.1]], [[0.2, 0.0], [0.0, 0.1]]]),
)


def points(n: int, t: int = 50) -> View:
    generator = torch.Generator().manual_seed(n)
    x_0 = TRUTH.draw(torch.randn(n, 2, generator=generator), torch.rand(n, generator=generator))
    eps = torch.randn(n, 2, generator=generator)
    denoiser = MixtureDenoiser(TRUTH, SCHEDULE)
    x_t = SCHEDULE.signal(t) * x_0 + SCHEDULE.noise(t) * eps
    return View(ModelFacts("q", "own", "Q", "points", (2,), 100, "eps", "cosine"), denoiser(x_t, t), denoiser, x_0, eps)


def distance(drawn: Field, view: View) -> float:
    """Of the arrows drawn in full, to the exact marginal score in the middle of their cells."""
    sure = drawn.certain > 0.5
    exact = view.denoiser(torch.from_numpy(drawn.grid), view.prediction.t).score.numpy()
    return float(np.linalg.norm((drawn.vectors - exact)[sure]) / np.linalg.norm(exact[sure]))


def test_in_the_mean_it_is_the_marginal_score_and_one_by_one_it_is_not() -> None:
    few, many = points(2_000), points(400_000)
    seen = LENS.draw(many)
    assert isinstance(seen, Field)
    assert many.eps is not None
    np.testing.assert_allclose(seen.data, -many.eps / SCHEDULE.noise(50), rtol=1e-6)
    one_by_one = float(np.linalg.norm(seen.data - many.prediction.score.numpy()))
    assert one_by_one > 0.5 * float(np.linalg.norm(many.prediction.score.numpy()))
    first = LENS.draw(few)
    assert isinstance(first, Field)
    assert distance(seen, many) < 0.1 < distance(first, few)
    assert "one by one" in seen.note


def test_cells_without_points_have_no_arrow() -> None:
    seen = LENS.draw(points(1))
    assert isinstance(seen, Field)
    assert (seen.vectors != 0).any(axis=1).sum() == 1
    assert np.count_nonzero(seen.certain) == 1
    assert seen.certain.max() == pytest.approx(1 / 20), "one point says little of a mean: its arrow is faint"
    outside = points(1)
    far = replace(outside.prediction, x_t=outside.prediction.x_t + 100)
    away = LENS.draw(replace(outside, prediction=far))
    assert isinstance(away, Field)
    assert not away.certain.any()


def test_pictures() -> None:
    generator = torch.Generator().manual_seed(0)
    x_0, eps = (torch.randn(2, 3, 4, 4, generator=generator) for _ in range(2))
    denoiser = NetworkDenoiser(lambda x_t, t, condition: eps, SCHEDULE, "eps")
    x_t = SCHEDULE.signal(30) * x_0 + SCHEDULE.noise(30) * eps
    facts = ModelFacts("p", "own", "P", "image", (3, 4, 4), 100, "eps", "cosine")
    seen = LENS.draw(View(facts, denoiser(x_t, 30), denoiser, x_0, eps))
    assert isinstance(seen, Image)
    np.testing.assert_allclose(seen.data, -eps / SCHEDULE.noise(30), rtol=1e-6)
    assert seen.note == "0% off ŝ, mean of channels"


@pytest.mark.parametrize(
    ("seen", "why"), [(replace(points(3), eps=None, x_0=None), "true x₀"), (points(3, t=0), "no noise")]
)
def test_without_noise_or_without_x0_it_says_why(seen: View, why: str) -> None:
    missing = LENS.draw(seen)
    assert isinstance(missing, Missing)
    assert why in missing.why
