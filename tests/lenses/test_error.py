"""How wrong a model is, where the truth is known: by how much, in which direction, and beside what."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from explorer.diffusion.denoiser import Condition, NetworkDenoiser
from explorer.diffusion.mixture import GaussianMixture, MixtureDenoiser
from explorer.diffusion.prediction import Prediction
from explorer.diffusion.schedules import cosine
from explorer.facts import ModelFacts
from explorer.lenses.base import View
from explorer.lenses.drawable import Chart, Field, Image
from explorer.lenses.registry import LENSES

SCHEDULE = cosine(100)
T = 40


def of_points(d: int, factor: float) -> View:
    """A model whose score is the exact one times a factor."""
    truth = GaussianMixture(torch.tensor([0.7, 0.3]), torch.randn(2, d), 0.1 * torch.eye(d).expand(2, d, d))
    exact = MixtureDenoiser(truth, SCHEDULE)

    def network(x_t: Tensor, t: float, condition: Condition) -> Tensor:
        return factor * exact(x_t, t).score

    model = NetworkDenoiser(network, SCHEDULE, "score")
    facts = ModelFacts("q", "own", "Q", "points" if d == 2 else "line", (d,), 100, "score", "cosine")
    x_t = torch.randn(30, d, generator=torch.Generator().manual_seed(1))
    return View(facts, model(x_t, T), model, truth=truth, exact=exact)


@pytest.mark.parametrize(("factor", "relative"), [(3.0, "200.0%"), (0.5, "50.0%"), (1.0, "0.0%")])
@pytest.mark.parametrize("d", [1, 2])
def test_the_error_of_a_score_is_relative_to_the_exact_one(d: int, factor: float, relative: str) -> None:
    view = of_points(d, factor)
    drawn = LENSES["error"].draw(view)
    assert isinstance(drawn, Chart | Field)
    assert drawn.note == f"relative error {relative}"
    assert view.exact is not None
    right = view.exact(view.prediction.x_t, T).score.numpy()
    np.testing.assert_allclose(drawn.data, (factor - 1) * right, rtol=1e-4, atol=1e-5)


def test_the_error_of_a_line_is_in_units_of_the_noise() -> None:
    view = of_points(1, 2.0)
    drawn = LENSES["error"].draw(view)
    assert isinstance(drawn, Chart)
    assert view.exact is not None
    curve = drawn.lines[0]
    right = view.exact(torch.from_numpy(curve.x)[:, None], T).score[:, 0].numpy()
    np.testing.assert_allclose(curve.y, SCHEDULE.noise(T) * right, rtol=1e-4, atol=1e-5)


def test_the_error_of_pictures_is_what_is_too_much() -> None:
    x_0, x_t = torch.full((1, 1, 4, 4), 0.25), torch.zeros(1, 1, 4, 4)
    facts = ModelFacts("p", "d", "P", "image", (1, 4, 4), 100, "x0", "cosine")
    prediction = Prediction(x_t, T, SCHEDULE.signal(T), SCHEDULE.noise(T), "x0", torch.full_like(x_t, 0.75))
    denoiser = NetworkDenoiser(lambda x, t, c: x, SCHEDULE, "x0")
    drawn = LENSES["error"].draw(View(facts, prediction, denoiser, x_0=x_0))
    assert isinstance(drawn, Image)
    np.testing.assert_allclose(drawn.data, 0.5)
    assert drawn.note == "r.m.s. 0.500"
