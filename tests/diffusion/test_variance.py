"""The learned variance against diffusers' `learned_range`, as a number and in a run."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers.schedulers import scheduling_ddpm
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from torch import Tensor

from explorer.diffusion.denoiser import NO_LABEL, Condition, NetworkDenoiser
from explorer.diffusion.guidance import ClassifierFreeGuidance
from explorer.diffusion.noise import NoiseSource, Stream
from explorer.diffusion.path import transition
from explorer.diffusion.samplers import SAMPLERS
from explorer.diffusion.schedules import linear
from explorer.diffusion.variance import learned_variance
from explorer.engine.kept import Kept

SHAPE = (2, 8, 8)


def network(x_t: Tensor, t: float, condition: Condition = None) -> Tensor:
    """Mean and variance channels, as a UNet with learned variance gives them."""
    shift = 0.0 if condition is None else condition.clamp(min=0).view(-1, 1, 1, 1)
    return torch.cat([0.9 * torch.tanh(x_t + shift), torch.sin(3 * x_t + shift)], dim=1)


def denoiser() -> NetworkDenoiser:
    return NetworkDenoiser(network, linear(1000), "eps", learned_variance="range")


@pytest.mark.parametrize(("t", "r"), [(1000, 999), (500, 400), (2, 1), (1, 0)])
def test_it_is_that_of_diffusers(t: int, r: int) -> None:
    schedule = linear(1000)
    theirs = DDPMScheduler(variance_type="learned_range")
    theirs.previous_timestep = lambda timestep: r - 1
    output = torch.linspace(-1.2, 1.2, 9)
    expected = theirs._get_variance(t - 1, predicted_variance=output).exp()
    found = learned_variance(schedule, t, r, (output + 1) / 2)
    torch.testing.assert_close(found, expected, rtol=2e-3, atol=0)  # their ᾱ are float32
    q = transition(schedule, t, r)
    ends = learned_variance(schedule, t, r, torch.tensor([0.0, 1.0]))
    torch.testing.assert_close(ends, torch.tensor([max(q.posterior_variance, 1e-20), q.forward_variance]))


def test_a_run_is_that_of_diffusers(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = NoiseSource(0, 2, SHAPE, torch.device("cpu"))
    theirs = DDPMScheduler(variance_type="learned_range", clip_sample=False)
    theirs.set_timesteps(20)
    sampler, schedule = SAMPLERS["ddpm"], linear(1000)
    parameters = sampler.parameters(variance="learned", clip=False)
    x = noise(0, Stream.INITIAL)
    mine = list(sampler.sample(denoiser(), schedule, x, sampler.plan(schedule, 20, parameters), noise, parameters))
    current = 0
    monkeypatch.setattr(scheduling_ddpm, "randn_tensor", lambda *args, **kwargs: noise(current))
    for index, step in zip(theirs.timesteps, mine[1:], strict=True):
        current = step.index
        x = theirs.step(network(x, float(index)), int(index), x).prev_sample
        torch.testing.assert_close(step.x, x, atol=5e-4, rtol=5e-4)


def test_a_kept_step_holds_it() -> None:
    noise = NoiseSource(0, 2, SHAPE, torch.device("cpu"))
    prediction = denoiser()(noise(0, Stream.INITIAL), 500)
    assert prediction.output.shape == (2, *SHAPE)
    assert prediction.variance_fraction is not None
    torch.testing.assert_close(prediction.variance_fraction, (torch.sin(3 * prediction.x_t) + 1) / 2)
    sampler, schedule = SAMPLERS["ddpm"], linear(1000)
    parameters = sampler.parameters(variance="learned")
    times = sampler.plan(schedule, 5, parameters)
    x = noise(0, Stream.INITIAL)
    whole = list(sampler.sample(denoiser(), schedule, x, times, noise, parameters))
    middle = Kept.of(whole[2], None).step()
    rest = list(sampler.sample(denoiser(), schedule, middle.x, times, noise, parameters, (middle,), 2))
    for one, other in zip(whole[2:], rest, strict=True):
        assert torch.equal(one.x, other.x)


def test_guidance_keeps_that_of_the_label() -> None:
    x_t, labels = torch.randn(2, *SHAPE, generator=torch.Generator().manual_seed(1)), torch.tensor([1, 2])
    guided = ClassifierFreeGuidance(denoiser(), labels, 3.0)(x_t, 500)
    conditional, plain = denoiser()(x_t, 500, labels), denoiser()(x_t, 500, torch.full((2,), NO_LABEL))
    assert guided.variance_fraction is not None
    assert conditional.variance_fraction is not None
    assert torch.equal(guided.variance_fraction, conditional.variance_fraction)
    torch.testing.assert_close(guided.output, plain.output + 3 * (conditional.output - plain.output))


def test_a_network_without_one_is_refused() -> None:
    noise = NoiseSource(0, 2, SHAPE, torch.device("cpu"))
    plain = NetworkDenoiser(lambda x_t, t, condition: x_t, linear(10), "eps")
    parameters = SAMPLERS["ddpm"].parameters(variance="learned")
    run = SAMPLERS["ddpm"].sample(plain, linear(10), noise(0, Stream.INITIAL), [10, 5, 0], noise, parameters)
    with pytest.raises(ValueError, match="has not learned a variance"):
        list(run)
    assert np.isfinite(learned_variance(linear(10), 1, 0, torch.tensor(0.5)).item())
