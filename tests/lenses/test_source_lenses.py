"""The step back with x₀ unknown, x_t from either side, and the weights of the loss: against closed forms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.distributions import Normal

from explorer.diffusion.mixture import GaussianMixture, MixtureDenoiser
from explorer.diffusion.path import transition
from explorer.diffusion.reverse import reverse_transition
from explorer.facts import ModelFacts
from explorer.lenses.base import View
from explorer.lenses.consistency import neighbours
from explorer.lenses.drawable import Chart, Map, Missing
from explorer.lenses.registry import LENSES
from explorer.lenses.step import reverse_step
from tests.lenses.test_chain_lenses import gaussian_of, seen
from tests.lenses.test_line_lenses import SCHEDULE, TRUTH, numbers

PLANE = ModelFacts("p", "own", "P", "points", (2,), 20, "score", "cosine")


def chart(name: str, view: View) -> Chart:
    drawn = LENSES[name].draw(view)
    assert isinstance(drawn, Chart), drawn
    return drawn


# --- the step back, x₀ unknown ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("t", "r"), [(8, 7), (20, 4), (1, 0)])
def test_the_true_step_is_that_of_bayes_rule(t: int, r: int) -> None:
    """Against q(x_t | x_r) p(x_r), made to have the mass 1 by a sum over x_r."""
    x_t, step = torch.tensor([0.3], dtype=torch.float64), transition(SCHEDULE, t, r)
    x_r = torch.linspace(-4, 4, 8001, dtype=torch.float64).unsqueeze(1)
    of = TRUTH.to("cpu", torch.float64)
    joint = of.log_density(x_r, SCHEDULE.signal(r), SCHEDULE.noise(r)).exp()
    joint *= (-0.5 * (x_t - step.forward_scale * x_r[:, 0]).square() / step.forward_variance).exp()
    joint /= torch.trapezoid(joint, x_r[:, 0])
    found = reverse_transition(TRUTH, SCHEDULE, x_t, t, r).log_density(x_r).exp()
    torch.testing.assert_close(found, joint, atol=1e-5, rtol=1e-4)


def test_in_the_plane_its_mean_is_that_of_the_model_that_knows_the_mixture() -> None:
    """E[x_r | x_t] = c_x x_t + c_0 E[x_0 | x_t], for covariances that are not round."""
    turned = torch.tensor([[0.5, 0.3], [0.3, 0.4]])
    truth = GaussianMixture(
        torch.tensor([0.7, 0.3]), torch.tensor([[-1.0, 0.2], [1.0, 0.5]]), torch.stack([turned, 0.1 * torch.eye(2)])
    )
    x_t, q = torch.tensor([0.2, -0.4]), transition(SCHEDULE, 12, 5)
    found = reverse_transition(truth, SCHEDULE, x_t, 12, 5)
    x_0 = MixtureDenoiser(truth, SCHEDULE)(x_t.unsqueeze(0), 12).x0[0]
    torch.testing.assert_close(
        (found.weights @ found.means).float(), q.mean_x_t * x_t + q.mean_x0 * x_0, atol=1e-5, rtol=1e-4
    )


def test_on_gaussian_data_the_step_back_is_a_gaussian() -> None:
    """One component, N(m, v): then q(x_r | x_t) = N(m', v') and its KL from p_θ is that of two Gaussians."""
    truth = GaussianMixture(torch.ones(1), torch.full((1, 1), 0.5), torch.full((1, 1, 1), 0.3))
    denoiser = MixtureDenoiser(truth, SCHEDULE)
    view = numbers(12)
    view = replace(view, prediction=denoiser(view.prediction.x_t, 12), denoiser=denoiser, truth=truth, next_t=6)
    drawn = chart("reverse", view)
    x, q, p = drawn.data
    mass, mean, variance = gaussian_of(np.stack([x, q]))
    step = transition(SCHEDULE, 12, 6)
    prior = SCHEDULE.signal(6) ** 2 * 0.3 + SCHEDULE.noise(6) ** 2
    exact = prior * step.forward_variance / (step.forward_variance + step.forward_scale**2 * prior)
    assert (mass, variance) == pytest.approx((1, exact), rel=2e-3)
    (_, mean_p, variance_p) = gaussian_of(np.stack([x, p]))
    assert mean == pytest.approx(mean_p, abs=1e-3), "a perfect model has the right mean"
    assert variance_p == pytest.approx(step.posterior_variance, rel=2e-3)
    assert variance_p < variance
    kl = 0.5 * (exact / step.posterior_variance - 1 - np.log(exact / step.posterior_variance))
    assert drawn.note == f"KL {kl:.3g} nats"


def test_it_is_drawn_over_the_plane_and_of_runs_too() -> None:
    truth = GaussianMixture(
        torch.tensor([0.5, 0.5]), torch.tensor([[-1.0, 0], [1, 0]]), 0.05 * torch.eye(2).repeat(2, 1, 1)
    )
    denoiser = MixtureDenoiser(truth, SCHEDULE)
    x_t = torch.tensor([[0.0, 0.1], [0.3, 0.2]])
    view = View(PLANE, denoiser(x_t, 15), denoiser, truth=truth, next_t=3)
    drawn = LENSES["reverse"].draw(view)
    assert isinstance(drawn, Map)
    left, right, bottom, top = drawn.extent
    cell = (right - left) * (top - bottom) / drawn.data.size
    assert float(np.exp(drawn.data.astype(np.float64)).sum() * cell) == pytest.approx(1, abs=0.01)
    middle = drawn.data[:, drawn.data.shape[1] // 2].max()
    assert drawn.data.max() - middle > 1, "two heaps, where the model has one Gaussian between them"
    assert float(drawn.note.split()[1]) > 1
    for nothing in (replace(view, truth=None), replace(view, next_t=None), replace(view, next_t=0)):
        assert isinstance(LENSES["reverse"].draw(nothing), Missing)


# --- x_t from either side --------------------------------------------------------------------------------------------


def test_the_neighbours_are_of_one_path_with_x_t() -> None:
    view = numbers(8, n=40_000)
    before, after = neighbours(view)
    assert view.x_0 is not None
    for t, x in ((7, before), (9, after)):
        eps = (x - SCHEDULE.signal(t) * view.x_0) / SCHEDULE.noise(t)
        assert float(eps.mean()) == pytest.approx(0, abs=0.02)
        assert float(eps.std()) == pytest.approx(1, abs=0.02), f"x_{t} ~ q(x_{t} | x_0)"
    ahead = transition(SCHEDULE, 9, 7)
    added = (after - ahead.forward_scale * before) / ahead.forward_variance**0.5
    assert float(added.std()) == pytest.approx(1, abs=0.02)
    assert float((added * before).mean()) == pytest.approx(0, abs=0.02), "and the latter is noised from the former"


@pytest.mark.parametrize("kind", ["image", "points"])
def test_both_sides_are_the_gaussians_of_the_split(kind: str) -> None:
    view = seen(kind, 40)
    drawn = chart("consistency", view)
    before, after = neighbours(view)
    number = 2 * 4 + 2 if kind == "image" else 0
    step = transition(view.denoiser.schedule, 40, 39)
    (_, at_q, var_q), (_, at_p, var_p) = (gaussian_of(curve) for curve in drawn.data)
    assert at_q == pytest.approx(step.forward_scale * float(before[0].flatten()[number]), abs=1e-4)
    assert var_q == pytest.approx(step.forward_variance, rel=0.01)
    ahead = reverse_step(replace(view, prediction=view.denoiser(after, 41), next_t=40))
    assert not isinstance(ahead, Missing)
    assert at_p == pytest.approx(float(ahead.mean_p[number]), abs=1e-4)
    assert var_p == pytest.approx(ahead.variance_q, rel=0.01)
    x_t = view.prediction.x_t[0].flatten()
    q = Normal(step.forward_scale * before[0].flatten(), step.forward_variance**0.5).log_prob(x_t).sum()
    p = Normal(ahead.mean_p, ahead.variance_q**0.5).log_prob(x_t).sum()
    assert float(drawn.note.split()[2].replace("−", "-")) == pytest.approx(float(q - p), rel=0.01)
    for nothing in (replace(view, x_0=None), seen(kind, 0), seen(kind, 100)):
        assert isinstance(LENSES["consistency"].draw(nothing), Missing)


# --- the weights of the loss -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["image", "points"])
def test_three_weights_of_three_errors_are_one_kl(kind: str) -> None:
    view = seen(kind, 40)
    drawn, step = chart("weights", view), reverse_step(view)
    assert not isinstance(step, Missing)
    values = drawn.caption.removeprefix("each w ‖error‖² is ").removesuffix(" nats").split(" = ")
    assert [float(value) for value in values] == pytest.approx([step.kl()] * len(values), rel=0.01)
    times, *weights = drawn.data
    assert (times[0], times[-1]) == (2, view.denoiser.schedule.T)
    for weight, line in zip(weights, drawn.lines, strict=False):
        np.testing.assert_array_equal(line.y, weight)
    assert "reconstruction" in chart("weights", seen(kind, 1)).caption
