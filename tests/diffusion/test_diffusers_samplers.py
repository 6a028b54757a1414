"""Samplers against diffusers' schedulers step for step: one network, one x_T, one noise."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from diffusers.schedulers import scheduling_ddpm
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from diffusers.schedulers.scheduling_heun_discrete import HeunDiscreteScheduler

from explorer.diffusion.denoiser import NetworkDenoiser
from explorer.diffusion.prediction import Kind
from explorer.diffusion.samplers import SAMPLERS, ddim, ddpm
from explorer.diffusion.schedules import cosine, linear
from tests.diffusion.sampling import assert_close, follow, network, picture_noise, run

CPU = torch.device("cpu")
PREDICTION_TYPES: dict[Kind, str] = {"eps": "epsilon", "x0": "sample", "v": "v_prediction"}
SCHEDULES = {"linear": linear(), "squaredcos_cap_v2": cosine()}

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.mark.parametrize(
    ("steps", "spacing", "kind", "eta", "clip"),
    [
        *itertools.product([10], ["leading", "trailing"], PREDICTION_TYPES, [0.0, 0.6], [True, False]),
        *itertools.product([50], ["leading", "trailing"], ["eps"], [0.0, 0.6], [True, False]),
        (1000, "leading", "eps", 0.6, False),
        (1000, "trailing", "v", 0.0, True),
    ],
)
def test_ddim_is_that_of_diffusers(steps: int, spacing: Any, kind: Kind, eta: float, clip: bool) -> None:
    """For linspace see `test_ddim_goes_to_the_next_time`."""
    name = "linear"  # unclipped, the cosine schedule divides by a(T) = 5e-5 and no two float32 programs agree
    schedule, noise = SCHEDULES[name], picture_noise()
    mine = run("ddim", NetworkDenoiser(network, schedule, kind), steps, noise, ddim.Parameters(eta, spacing, clip))
    theirs = DDIMScheduler(
        beta_schedule=name,
        beta_start=1e-4,
        beta_end=0.02,
        prediction_type=PREDICTION_TYPES[kind],
        clip_sample=clip,
        timestep_spacing=spacing,
        set_alpha_to_one=True,
    )
    assert schedule.betas is not None
    theirs.alphas_cumprod = (1 - schedule.betas).cumprod(0)  # theirs is float32, which shows after 1,000 steps
    theirs.set_timesteps(steps)
    x = mine[0].x
    for step, index in zip(mine[1:], theirs.timesteps, strict=True):
        output = network(x, int(index) + 1)
        x = theirs.step(output, int(index), x, eta=eta, variance_noise=noise(step.index)).prev_sample
        assert_close(step.x, x)


def test_ddim_with_the_cosine_schedule_is_that_of_diffusers() -> None:
    schedule, noise = SCHEDULES["squaredcos_cap_v2"], picture_noise()
    mine = run("ddim", NetworkDenoiser(network, schedule, "v"), 50, noise, ddim.Parameters())
    theirs = DDIMScheduler(beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction", clip_sample=True)
    theirs.set_timesteps(50)
    x = mine[0].x
    for step, index in zip(mine[1:], theirs.timesteps, strict=True):
        x = theirs.step(network(x, int(index) + 1), int(index), x).prev_sample
        assert_close(step.x, x)


@pytest.mark.parametrize(
    ("steps", "spacing", "variance", "kind", "name"),
    [
        (10, "leading", "beta_tilde", "eps", "linear"),
        (50, "leading", "beta_tilde", "v", "squaredcos_cap_v2"),
        (10, "trailing", "beta_tilde", "x0", "linear"),
        (50, "trailing", "beta_tilde", "eps", "linear"),
        (10, "linspace", "beta_tilde", "eps", "linear"),
        (50, "linspace", "beta_tilde", "v", "linear"),
        (50, "leading", "beta", "eps", "linear"),
        (1000, "leading", "beta_tilde", "eps", "linear"),
        (1000, "leading", "beta_tilde", "v", "squaredcos_cap_v2"),
        (1000, "leading", "beta", "eps", "linear"),
    ],
)
def test_ddpm_is_that_of_diffusers(
    steps: int, spacing: Any, variance: str, kind: Kind, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule, noise = SCHEDULES[name], picture_noise()
    mine = run("ddpm", NetworkDenoiser(network, schedule, kind), steps, noise, ddpm.Parameters(variance, spacing))
    theirs = DDPMScheduler(
        beta_schedule=name,
        beta_start=1e-4,
        beta_end=0.02,
        prediction_type=PREDICTION_TYPES[kind],
        variance_type={"beta_tilde": "fixed_small", "beta": "fixed_large"}[variance],
        clip_sample=True,
        timestep_spacing=spacing,
    )
    # Their tables are float32, whose rounding alone is 2e-4 after 1,000 cosine steps.
    assert schedule.betas is not None
    theirs.betas, theirs.alphas, theirs.alphas_cumprod = (
        schedule.betas,
        1 - schedule.betas,
        (1 - schedule.betas).cumprod(0),
    )
    theirs.set_timesteps(steps)
    current = 0
    monkeypatch.setattr(scheduling_ddpm, "randn_tensor", lambda *args, **kwargs: noise(current))
    x = mine[0].x
    for step, index in zip(mine[1:], theirs.timesteps, strict=True):
        current = step.index
        x = theirs.step(network(x, int(index) + 1), int(index), x).prev_sample
        assert_close(step.x, x)


@pytest.mark.parametrize("steps", [10, 50])
def test_ddim_goes_to_the_next_time(steps: int) -> None:
    """With linspace diffusers takes t − T/steps for the time it goes to, whatever the next one is; by the definition
    (Song et al. 2021, eq. 12) a step ends at the next time of the list, and ours does."""
    schedule, noise = SCHEDULES["linear"], picture_noise()
    mine = run("ddim", NetworkDenoiser(network, schedule, "eps"), steps, noise, ddim.Parameters(0.0, "linspace", False))
    for before, after in itertools.pairwise(mine):
        r = after.t
        assert_close(after.x, schedule.signal(r) * before.prediction.x0 + schedule.noise(r) * before.prediction.eps)
    theirs = DDIMScheduler(beta_schedule="linear", beta_start=1e-4, beta_end=0.02, clip_sample=False)
    theirs.set_timesteps(steps)
    theirs.timesteps = torch.tensor([int(step.t) - 1 for step in mine[:-1]])
    x = mine[0].x
    for index in theirs.timesteps:
        x = theirs.step(network(x, int(index) + 1), int(index), x).prev_sample
    assert float((mine[-1].x - x).abs().max()) > 1e-3


@pytest.mark.parametrize("steps", [10, 50])
def test_ddpm_adds_no_noise_to_the_data(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """diffusers leaves the noise out where a step begins at the first of all times. With "trailing" the step to t = 0
    begins later, and with the variance β, which unlike β̃ is not 0 there, the sample gets noise of the whole variance
    1 − ᾱ. By the definition (Ho et al. 2020, algorithm 2, line 3) the last step has none: ours ends at x̂₀."""
    schedule, noise = SCHEDULES["linear"], picture_noise()
    mine = run("ddpm", NetworkDenoiser(network, schedule, "eps"), steps, noise, ddpm.Parameters("beta", "trailing"))
    theirs = DDPMScheduler(variance_type="fixed_large", clip_sample=True, timestep_spacing="trailing")
    theirs.set_timesteps(steps)
    current = 0
    monkeypatch.setattr(scheduling_ddpm, "randn_tensor", lambda *args, **kwargs: noise(current))
    x = mine[0].x
    for step, index in zip(mine[1:], theirs.timesteps, strict=True):
        current = step.index
        x = theirs.step(network(x, int(index) + 1), int(index), x).prev_sample
        if step.t > 0:
            assert_close(step.x, x)
    last = mine[-2]
    assert_close(mine[-1].x, last.x0)
    assert_close(x, last.x0 + schedule.noise(last.t) * noise(steps))


DETERMINISTIC = {
    "euler": EulerDiscreteScheduler,
    "heun": HeunDiscreteScheduler,
    "dpmpp_2m": DPMSolverMultistepScheduler,
}


@pytest.mark.parametrize(
    ("name", "steps", "spacing", "kind"),
    [
        ("euler", 10, "leading", "eps"),
        ("euler", 10, "linspace", "v"),
        ("euler", 50, "trailing", "eps"),
        ("euler", 1000, "linspace", "eps"),
        ("heun", 10, "leading", "eps"),
        ("heun", 10, "linspace", "v"),
        ("heun", 50, "trailing", "eps"),
        ("heun", 1000, "leading", "eps"),
        ("dpmpp_2m", 10, "leading", "eps"),
        ("dpmpp_2m", 10, "linspace", "v"),
        ("dpmpp_2m", 50, "leading", "eps"),
        ("dpmpp_2m", 50, "linspace", "eps"),
        ("dpmpp_2m", 50, "trailing", "v"),
        ("dpmpp_2m", 1000, "trailing", "eps"),
    ],
)
def test_solvers_of_the_ode_are_those_of_diffusers(name: str, steps: int, spacing: str, kind: Kind) -> None:
    """At the times that diffusers visits: for DPM-Solver++ its "leading" and "linspace" are lists of their own, and
    with other numbers of steps than these its linspace for Euler and Heun holds fractions."""
    schedule, noise = SCHEDULES["linear"], picture_noise()
    theirs = DETERMINISTIC[name](
        beta_schedule="linear",
        beta_start=1e-4,
        beta_end=0.02,
        prediction_type=PREDICTION_TYPES[kind],
        timestep_spacing=spacing,
    )
    assert schedule.betas is not None
    theirs.alphas_cumprod = (1 - schedule.betas).cumprod(0)
    theirs.set_timesteps(steps)
    visited = theirs.timesteps.long() + 1
    sigmas = torch.cat([schedule.noise(visited) / schedule.signal(visited), torch.zeros(1)])
    torch.testing.assert_close(theirs.sigmas, sigmas, rtol=1e-3, atol=1e-4, check_dtype=False)
    theirs.sigmas = sigmas  # theirs are float32, which adds up to 1e-3 over 1,000 steps
    times = [*dict.fromkeys(int(index) + 1 for index in theirs.timesteps), 0]
    mine = follow(name, NetworkDenoiser(network, schedule, kind), times, noise, SAMPLERS[name].parameters(clip=False))
    # Theirs of y = x/a are told y, and show the network x.
    y = mine[0].x / theirs.scale_model_input(torch.ones(()), theirs.timesteps[0])
    arrived = []
    for number, index in enumerate(theirs.timesteps):
        x = theirs.scale_model_input(y, index)
        # Heun's first look at a time is at the end of Euler's step, its second where the step arrives in the end.
        if name != "heun" or number % 2 == 0:
            arrived.append(x)
        y = theirs.step(network(x, int(index) + 1), index, y).prev_sample
    for step, x in zip(mine, [*arrived, y], strict=True):
        size = max(1.0, float(x.square().mean().sqrt()))  # this network lets x grow to a hundred
        torch.testing.assert_close(step.x, x, rtol=1e-4, atol=1e-4 * size)


@pytest.mark.parametrize(("steps", "spacing"), [(10, "leading"), (50, "trailing"), (1000, "leading")])
def test_every_spacing_of_ours_that_diffusers_has_is_the_same(steps: int, spacing: Any) -> None:
    schedule = SCHEDULES["linear"]
    for scheduler, name in ((EulerDiscreteScheduler, "euler"), (HeunDiscreteScheduler, "heun")):
        theirs = scheduler(timestep_spacing=spacing)
        theirs.set_timesteps(steps)
        sampler = SAMPLERS[name]
        expected = [*dict.fromkeys(int(index) + 1 for index in theirs.timesteps), 0]
        assert sampler.plan(schedule, steps, sampler.parameters(spacing=spacing)) == expected
