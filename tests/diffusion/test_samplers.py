"""Samplers against closed forms, and against themselves. (Against diffusers: `test_diffusers_samplers`.)"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from explorer.diffusion.denoiser import NetworkDenoiser
from explorer.diffusion.mixture import GaussianMixture, MixtureDenoiser
from explorer.diffusion.noise import NoiseSource, Stream
from explorer.diffusion.samplers import (
    SAMPLERS,
    annealed_langevin,
    ddim,
    ddpm,
    dpmpp_2m,
    euler,
    euler_maruyama,
    heun,
    langevin,
    mala,
    ode,
    predictor_corrector,
)
from explorer.diffusion.schedules import Schedule, cosine, geometric, linear
from explorer.diffusion.times import time_at_ratio
from tests.diffusion.sampling import assert_close, network, picture_noise, run

CPU = torch.device("cpu")

STOCHASTIC: dict[str, Any] = {
    "ddim": ddim.Parameters(eta=0.7, clip=False),
    "ddpm": ddpm.Parameters(clip=False),
    "langevin": langevin.Parameters(),
    "annealed_langevin": annealed_langevin.Parameters(steps_per_level=3),
    "euler": euler.Parameters(clip=False),
    "heun": heun.Parameters(clip=False),
    "dpmpp_2m": dpmpp_2m.Parameters(clip=False),
    "ode": ode.Parameters(clip=False),
    "euler_maruyama": euler_maruyama.Parameters(clip=False),
    "predictor_corrector": predictor_corrector.Parameters(corrector_steps=2, clip=False),
    "mala": mala.Parameters(),
}


# --- where a run begins -------------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", [linear(10), geometric(10, 0.1, 30.0)], ids=["linear", "geometric"])
def test_a_run_begins_with_the_prior(schedule: Schedule) -> None:
    """Normal, or uniform of the same variance; Var of a sample variance is at most 2 σ⁴/n: 5 standard errors."""
    n = 100_000
    noise, std = NoiseSource(0, n, (1,), CPU), schedule.prior_std(10)
    sampler = annealed_langevin.SAMPLER
    normal = sampler.begin(schedule, 10, annealed_langevin.Parameters(), noise)
    torch.testing.assert_close(normal, std * noise(0, Stream.INITIAL))
    uniform = sampler.begin(schedule, 10, annealed_langevin.Parameters(start="uniform"), noise)
    assert float(uniform.abs().max()) <= math.sqrt(3) * std * 1.0001
    assert float(uniform.var()) / std**2 == pytest.approx(1, abs=5 * math.sqrt(2 / n))
    assert bool((uniform.sort(dim=0).indices == normal.sort(dim=0).indices).float().mean() > 0.99)  # its quantiles


# --- against themselves ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SAMPLERS)
def test_any_step_can_be_continued_from_twice(name: str, exact: MixtureDenoiser) -> None:
    parameters, noise = STOCHASTIC[name], NoiseSource(3, 5, (2,), CPU)
    sampler = SAMPLERS[name]
    whole = run(name, exact, 8, noise, parameters)
    copies = [(step.x.clone(), step.x0.clone(), step.prediction.output.clone()) for step in whole]
    times = sampler.plan(exact.schedule, 8, parameters)
    for k in (0, 1, len(whole) // 2, len(whole) - 2, len(whole) - 1):
        for _ in range(2):
            again = list(
                sampler.sample(exact, exact.schedule, whole[k].x, times, noise, parameters, whole[:k], start=k)
            )
            assert [step.index for step in again] == list(range(k, len(whole)))
            for one, other in zip(again, whole[k:], strict=True):
                assert one.t == other.t
                assert torch.equal(one.x, other.x)
                assert torch.equal(one.x0, other.x0)
            # How step k itself was reached is not known to a run that begins with it.
            assert [step.extras for step in again[1:]] == [step.extras for step in whole[k + 1 :]]
    for step, (x, x0, output) in zip(whole, copies, strict=True):
        assert torch.equal(step.x, x)
        assert torch.equal(step.x0, x0)
        assert torch.equal(step.prediction.output, output)


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_sample_does_not_depend_on_its_batch(name: str, exact: MixtureDenoiser) -> None:
    batch = run(name, exact, 20, NoiseSource(3, 6, (2,), CPU), STOCHASTIC[name])[-1].x
    for k in (0, 3, 5):
        single = run(name, exact, 20, NoiseSource(3, 1, (2,), CPU, first=k), STOCHASTIC[name])[-1].x
        assert_close(batch[k : k + 1], single)


@pytest.mark.parametrize("name", SAMPLERS)
def test_steps_are_numbered_and_hold_what_the_model_said(name: str, exact: MixtureDenoiser) -> None:
    steps = run(name, exact, 6, NoiseSource(3, 5, (2,), CPU), STOCHASTIC[name])
    times = SAMPLERS[name].plan(exact.schedule, 6, STOCHASTIC[name])
    assert [step.index for step in steps] == list(range(len(times)))
    assert [step.t for step in steps] == times
    for step in steps:
        assert step.prediction.x_t is step.x
        assert torch.equal(step.prediction.score, exact(step.x, step.t).score)


@pytest.mark.parametrize("variance", ["beta_tilde", "beta"])
def test_ddpm_from_eps_is_ddpm_from_x0(variance: str) -> None:
    """A limit that nothing reaches sends every step through x̂₀ = (x_t − s ε̂)/a; without one, ε̂ alone is used."""
    denoiser = NetworkDenoiser(network, cosine(100), "eps")
    free = ddpm.Parameters(variance=variance, clip=False)
    limited = ddpm.Parameters(variance=variance, clip=True, clip_range=1e9)
    ends = [run("ddpm", denoiser, 25, picture_noise(), parameters)[-1].x for parameters in (free, limited)]
    assert_close(*ends)


@pytest.mark.parametrize("name", ["ddim", "ddpm"])
def test_clipping_limits_x0_alone(name: str) -> None:
    denoiser = NetworkDenoiser(network, linear(), "eps")
    sampler = SAMPLERS[name]
    for step in run(name, denoiser, 10, picture_noise(), sampler.parameters(clip=True, clip_range=0.5))[:-1]:
        assert float(step.x0.abs().max()) <= 0.5
        assert torch.equal(step.prediction.eps, network(step.x, step.t))


def test_ddim_at_eta_0_takes_no_noise_but_the_first(exact: MixtureDenoiser) -> None:
    times = ddim.SAMPLER.plan(exact.schedule, 10, ddim.Parameters())
    x = NoiseSource(0, 4, (2,), CPU)(0)
    ends = []
    for seed in (1, 2):
        *_, last = ddim.SAMPLER.sample(
            exact, exact.schedule, x, times, NoiseSource(seed, 4, (2,), CPU), ddim.Parameters()
        )
        ends.append(last.x)
    assert torch.equal(*ends)


@pytest.mark.parametrize("steps", [10, 100])
def test_ddim_at_eta_1_is_ddpm(exact: MixtureDenoiser, steps: int) -> None:
    noise = NoiseSource(0, 16, (2,), CPU)
    one = run("ddim", exact, steps, noise, ddim.Parameters(eta=1.0, clip=False))
    other = run("ddpm", exact, steps, noise, ddpm.Parameters(clip=False))
    for mine, theirs in zip(one, other, strict=True):
        assert_close(mine.x, theirs.x)


# --- against what is known of the result ------------------------------------------------------------------


def shares(mixture: GaussianMixture, x: Tensor) -> Tensor:
    found = mixture.responsibilities(x).argmax(1)
    return torch.bincount(found, minlength=len(mixture.weights)) / len(x)


@pytest.mark.parametrize(
    ("name", "steps", "parameters"),
    [
        ("ddim", 100, ddim.Parameters(eta=1.0, clip=False)),
        ("ddim", 50, ddim.Parameters(clip=False)),
        ("ddpm", 200, ddpm.Parameters(clip=False, spacing="trailing")),
    ],
)
def test_with_the_true_score_the_weights_come_out(
    name: str, steps: int, parameters: Any, exact: MixtureDenoiser, mixture: GaussianMixture
) -> None:
    """4,000 samples: a share has a standard error of at most .008; .03 allows for it and for few steps."""
    x = run(name, exact, steps, NoiseSource(11, 4_000, (2,), CPU), parameters)[-1].x
    torch.testing.assert_close(shares(mixture, x), mixture.weights, atol=0.03, rtol=0)


def one_gaussian(variance: float) -> GaussianMixture:
    return GaussianMixture(torch.ones(1), torch.zeros(1, 2), variance * torch.eye(2).unsqueeze(0))


def test_langevin_reaches_the_variance_of_its_own_chain() -> None:
    """On N(0, v I) an update multiplies x by 1 − c/v and adds 2c: it comes to rest at v/(1 − c/2v), not quite at v."""
    schedule = cosine(1000)
    denoiser = MixtureDenoiser(one_gaussian(0.01), schedule)
    parameters = langevin.Parameters(level=0.5, step_size=1.0)
    noise = NoiseSource(2, 10_000, (2,), CPU)
    *_, last = run("langevin", denoiser, 60, noise, parameters)
    a, s = schedule.signal(last.t), schedule.noise(last.t)
    v, c = a**2 * 0.01 + s**2, 0.5 * s**2
    # The variance of 20,000 numbers has a relative standard error of .01.
    assert float(last.x.var()) == pytest.approx(v / (1 - c / (2 * v)), rel=0.05)
    assert last.extras["diffusion"] == pytest.approx(math.sqrt(2 * c))


def test_without_noise_every_sample_climbs_to_a_mode(exact: MixtureDenoiser) -> None:
    parameters = langevin.Parameters(level=0.3, step_size=1.0, add_noise=False)
    steps = run("langevin", exact, 300, NoiseSource(2, 50, (2,), CPU), parameters)
    assert float(steps[-1].prediction.score.norm(dim=1).max()) < 1e-3
    assert "diffusion" not in steps[-1].extras
    assert steps[-1].extras["drift"] < steps[1].extras["drift"]


SEPARATED = GaussianMixture(
    torch.tensor([0.2, 0.8]), torch.tensor([[-5.0, -5.0], [5.0, 5.0]]), torch.eye(2).repeat(2, 1, 1)
)


def test_plain_langevin_keeps_the_shares_of_the_start() -> None:
    """From a uniform start it splits the two modes evenly (.5 ± .03 of 2,000), though their weights are .2 and .8."""
    schedule = geometric(100, 0.02, 20.0)
    denoiser, noise = MixtureDenoiser(SEPARATED, schedule), NoiseSource(4, 2_000, (2,), CPU)
    parameters = langevin.Parameters(level=0.5, step_size=1.0)
    start = 16 * torch.rand(2_000, 2, generator=torch.Generator().manual_seed(0)) - 8
    times = langevin.plan(schedule, 300, parameters)
    *_, last = langevin.sample(denoiser, schedule, start, times, noise, parameters)
    assert float(shares(SEPARATED, last.x)[0]) == pytest.approx(0.5, abs=0.05)


def test_annealed_langevin_finds_the_weights() -> None:
    """Within .05 with 2,000 samples: a standard error of .009, and a bias that stays with this few steps."""
    schedule = geometric(100, 0.02, 20.0)
    denoiser, noise = MixtureDenoiser(SEPARATED, schedule), NoiseSource(4, 2_000, (2,), CPU)
    parameters = annealed_langevin.Parameters(step_size=0.2, steps_per_level=40, sigma_max=16.0, sigma_min=0.1)
    start = 16 * torch.rand(2_000, 2, generator=torch.Generator().manual_seed(0)) - 8
    times = annealed_langevin.plan(schedule, 20, parameters)
    *_, last = annealed_langevin.sample(denoiser, schedule, start, times, noise, parameters)
    assert float(shares(SEPARATED, last.x)[0]) == pytest.approx(0.2, abs=0.05)


def algorithm_1(
    mixture: GaussianMixture, x: Tensor, sigmas: list[float], k: int, r: float, noise: NoiseSource
) -> Iterator[Tensor]:
    """Song & Ermon 2019, algorithm 1, as printed, with α_i = ε σ_i²/σ_L² and ε = r σ_L²."""
    index = 0
    for sigma in sigmas:
        alpha = r * sigmas[-1] ** 2 * sigma**2 / sigmas[-1] ** 2
        for _ in range(k):
            index += 1
            x = x + alpha / 2 * mixture.score(x, 1.0, sigma) + math.sqrt(alpha) * noise(index)
            yield x
    yield x + sigmas[-1] ** 2 * mixture.score(x, 1.0, sigmas[-1])


def test_annealed_langevin_is_the_papers_algorithm(mixture: GaussianMixture) -> None:
    schedule, noise = geometric(21, 0.1, 10.0), NoiseSource(4, 16, (2,), CPU)
    parameters = annealed_langevin.Parameters(steps_per_level=4, sigma_max=10.0, sigma_min=0.1)
    mine = run("annealed_langevin", MixtureDenoiser(mixture, schedule), 5, noise, parameters)
    sigmas = [10.0, 10**0.5, 1.0, 0.1**0.5, 0.1]
    theirs = list(algorithm_1(mixture, mine[0].x, sigmas, 4, parameters.step_size, noise))
    assert len(mine) == len(theirs) + 1
    for step, x in zip(mine[1:], theirs, strict=True):
        assert_close(step.x, x)


def test_annealed_langevin_is_the_same_run_in_units_of_the_data(mixture: GaussianMixture) -> None:
    """On a variance-preserving path x/a follows the exploding path with σ = s/a and steps of c/a²."""
    schedule, noise = cosine(1000), NoiseSource(4, 16, (2,), CPU)
    parameters = annealed_langevin.Parameters(steps_per_level=4, sigma_max=5.0, sigma_min=0.1)
    mine = run("annealed_langevin", MixtureDenoiser(mixture, schedule), 4, noise, parameters)
    levels = annealed_langevin.levels(schedule, 4, parameters)
    sigmas = [schedule.noise(t) / schedule.signal(t) for t in levels]
    x = mine[0].x / schedule.signal(mine[0].t)
    theirs = list(algorithm_1(mixture, x, sigmas, 4, parameters.step_size, noise))
    for step, x in zip(mine[1:], theirs, strict=True):
        torch.testing.assert_close(step.x / schedule.signal(step.t), x, rtol=1e-3, atol=1e-3)


def test_levels_are_geometric_in_sigma() -> None:
    schedule = cosine(1000)
    parameters = annealed_langevin.Parameters(sigma_max=5.0, sigma_min=0.05)
    times = annealed_langevin.levels(schedule, 11, parameters)
    found = torch.tensor([schedule.noise(t) / schedule.signal(t) for t in times], dtype=torch.float64)
    torch.testing.assert_close(found, 5.0 * 0.01 ** (torch.arange(11).double() / 10), rtol=0.02, atol=0)


def test_levels_that_the_schedule_cannot_tell_apart_are_one() -> None:
    times = annealed_langevin.levels(cosine(20), 500, annealed_langevin.Parameters())
    assert times == sorted(set(times), reverse=True)
    assert annealed_langevin.levels(cosine(1000), 1, annealed_langevin.Parameters()) == [
        time_at_ratio(cosine(1000), 5.0)
    ]


@pytest.mark.parametrize("denoise", [True, False])
def test_annealed_plan_counts_every_update(denoise: bool) -> None:
    parameters = annealed_langevin.Parameters(steps_per_level=7, denoise=denoise)
    times = annealed_langevin.plan(cosine(1000), 5, parameters)
    assert len(times) == 1 + 5 * 7 + denoise
    assert (times[-1] == 0) is denoise
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize("name", SAMPLERS)
def test_no_steps_is_an_error(name: str) -> None:
    with pytest.raises(ValueError, match=r"at least 1|between 1"):
        SAMPLERS[name].plan(cosine(100), 0, SAMPLERS[name].parameters())


@pytest.mark.parametrize(("high", "low"), [(1.0, 2.0), (1.0, 0.0), (-1.0, -2.0)])
def test_impossible_levels(high: float, low: float) -> None:
    with pytest.raises(ValueError, match="σ"):
        annealed_langevin.levels(cosine(100), 5, annealed_langevin.Parameters(sigma_max=high, sigma_min=low))


def test_no_updates_per_level_is_an_error() -> None:
    with pytest.raises(ValueError, match="steps per level"):
        annealed_langevin.plan(cosine(100), 5, annealed_langevin.Parameters(steps_per_level=0))
