"""The lenses of the step from x_t: its mean, the true posterior, what is cut from x̂₀, the variance, the velocity."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from explorer.diffusion.denoiser import NetworkDenoiser
from explorer.diffusion.likelihood.gaussian import gaussian_kl, summed
from explorer.diffusion.path import transition
from explorer.diffusion.samplers import Step
from explorer.diffusion.samplers.ddpm import reverse_step
from explorer.diffusion.schedules import cosine
from explorer.diffusion.threshold import Limit
from explorer.diffusion.variance import learned_variance
from explorer.diffusion.velocity import velocity
from explorer.facts import ModelFacts
from explorer.lenses.base import View
from explorer.lenses.drawable import Arrows, Image, Missing, Points
from explorer.lenses.registry import LENSES

SCHEDULE = cosine(100)
PICTURES = ModelFacts("p", "diffusers", "P", "image", (1, 4, 4), 100, "eps", "cosine")
POINTS = ModelFacts("q", "own", "Q", "points", (2,), 100, "eps", "cosine")


def view(t: int = 40, kind: str = "image", learned: bool = False, limit: Limit | None = None) -> View:
    shape = (3, 1, 4, 4) if kind == "image" else (30, 2)
    generator = torch.Generator().manual_seed(t)
    x_0, eps = (torch.randn(shape, generator=generator) for _ in range(2))

    def network(x_t: torch.Tensor, t: float, condition: object) -> torch.Tensor:
        mean = 0.8 * torch.tanh(x_t)
        return torch.cat([mean, torch.sin(5 * x_t)], dim=1) if learned else mean

    denoiser = NetworkDenoiser(network, SCHEDULE, "eps", "range" if learned else None)
    x_t = SCHEDULE.signal(t) * x_0 + SCHEDULE.noise(t) * eps
    facts = PICTURES if kind == "image" else POINTS
    next_t = t - 1 if t else None
    return View(facts, denoiser(x_t, t), denoiser, x_0, eps, limit=limit, next_t=next_t)


@pytest.mark.parametrize("kind", ["image", "points"])
@pytest.mark.parametrize("limit", [None, Limit(1.0), Limit(1.0, 70.0)])
def test_the_mean_is_a_ddpm_step_without_noise(kind: str, limit: Limit | None) -> None:
    for t, r in ((100, 99), (40, 39), (40, 20), (1, 0)):
        seen = replace(view(t, kind, limit=limit), next_t=r)
        step = Step(0, t, seen.prediction.x_t, seen.prediction, seen.limited_x0)
        drawn = LENSES["mean"].draw(seen)
        assert isinstance(drawn, Image if kind == "image" else Points)
        np.testing.assert_allclose(drawn.data, reverse_step(SCHEDULE, step, r, None), atol=1e-5)
        assert drawn.note == f"at t = {r}"


def test_the_data_themselves_are_not_limited() -> None:
    narrow = Limit(0.1)
    assert view(1, limit=narrow).limited_x0.abs().max() <= 0.1 + 1e-6
    at_the_data = view(0, limit=narrow)
    assert torch.equal(at_the_data.limited_x0, at_the_data.prediction.x_t)


@pytest.mark.parametrize("kind", ["image", "points"])
def test_the_true_posterior_and_its_distance(kind: str) -> None:
    seen = view(40, kind)
    assert seen.x_0 is not None
    q = transition(SCHEDULE, 40, 39)
    drawn = LENSES["posterior"].draw(seen)
    mean = q.mean_x_t * seen.prediction.x_t + q.mean_x0 * seen.x_0
    np.testing.assert_allclose(drawn.data, mean, atol=1e-6)
    d = seen.x_0[0].numel()
    squared = summed((mean - torch.from_numpy(LENSES["mean"].draw(seen).data)).square())
    kl = gaussian_kl(squared, d, q.posterior_variance, q.posterior_variance) / d
    assert drawn.note == f"KL {float(kl.mean()):.3g} nats/dim"
    assert "σ_q = 0" in LENSES["posterior"].draw(view(1, kind)).note
    missing = LENSES["posterior"].draw(replace(seen, x_0=None))
    assert isinstance(missing, Missing)
    assert "reverse run" in missing.why


@pytest.mark.parametrize("name", ["mean", "posterior", "variance"])
def test_at_t_0_there_is_no_step(name: str) -> None:
    missing = LENSES[name].draw(view(0))
    assert isinstance(missing, Missing)
    assert "no step" in missing.why
    assert missing.data.shape == (3, 1, 4, 4)


@pytest.mark.parametrize("limit", [Limit(0.5), Limit(1.0, 80.0)])
def test_what_is_left_of_x0_and_what_is_cut_off(limit: Limit) -> None:
    seen = view(80, limit=limit)
    before = seen.prediction.x0
    after, cut = LENSES["clipped"].draw(seen), LENSES["cut"].draw(seen)
    np.testing.assert_array_equal(after.data, limit(before))
    np.testing.assert_allclose(after.data + cut.data, before, atol=1e-6)
    share = float((before.abs() > limit.bound(before)).float().mean())
    assert after.note == f"{share:.1%} beyond ±{float(limit.bound(before).mean()):.3g}"


def test_where_nothing_is_limited_it_says_what_would_be() -> None:
    seen = view(80)
    drawn = LENSES["clipped"].draw(seen)
    np.testing.assert_array_equal(drawn.data, seen.prediction.x0.clamp(-1, 1))
    assert drawn.note.startswith("clip off: ")


def test_the_variance_of_a_network_that_learned_one() -> None:
    seen = view(40, learned=True)
    drawn = LENSES["variance"].draw(seen)
    assert isinstance(drawn, Image)
    assert seen.prediction.variance_fraction is not None
    expected = learned_variance(SCHEDULE, 40, 39, (torch.sin(5 * seen.prediction.x_t) + 1) / 2)
    np.testing.assert_allclose(drawn.data, expected, rtol=1e-5)
    q = transition(SCHEDULE, 40, 39)
    assert drawn.limits == (q.posterior_variance, q.forward_variance)
    missing = LENSES["variance"].draw(view(40))
    assert isinstance(missing, Missing)
    assert f"β = {q.forward_variance:.3g}" in missing.why


def test_the_velocity() -> None:
    for t in (0, 1, 40, 100):
        seen = view(t)
        drawn = LENSES["flow"].draw(seen)
        assert isinstance(drawn, Image)
        np.testing.assert_allclose(drawn.data, velocity(SCHEDULE, seen.prediction), atol=1e-6)
        assert drawn.limits[1] > 0

    seen = view(40, "points")
    drawn = LENSES["flow"].draw(seen)
    assert isinstance(drawn, Arrows)
    np.testing.assert_array_equal(drawn.data, velocity(SCHEDULE, seen.prediction).numpy())
    # The arrows go to where x̂₀ and ε̂ as they are would have the points a tenth of the time earlier.
    x0, eps, before = seen.prediction.x0, seen.prediction.eps, 40 - SCHEDULE.T / 10
    earlier = (SCHEDULE.signal(before) * x0 + SCHEDULE.noise(before) * eps).numpy()
    np.testing.assert_allclose(drawn.origins + drawn.scale * drawn.data, earlier, atol=0.1)
