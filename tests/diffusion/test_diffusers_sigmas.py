"""Schedulers of diffusers that are made of σ: flow matching, and EDM's."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from explorer.diffusion.denoiser import Condition, NetworkDenoiser
from explorer.diffusion.mixture import GaussianMixture, MixtureDenoiser
from explorer.diffusion.noise import NoiseSource, Stream
from explorer.diffusion.samplers import Step, find
from explorer.diffusion.samplers.diffusers_sigmas import SIGMA_SCHEDULERS
from explorer.diffusion.samplers.from_diffusers import Parameters
from explorer.diffusion.schedules import VESDE, RectifiedFlow, Schedule, karras, linear

SCHEDULES: dict[str, tuple[Schedule, ...]] = {
    "flow": (RectifiedFlow(),),
    "edm": (VESDE(sigma_min=0.02, sigma_max=20.0), karras(1000, 0.02, 20.0)),
}
CASES = [(name, schedule) for name, (family, _) in SIGMA_SCHEDULERS.items() for schedule in SCHEDULES[family]]
DISTILLED = "FlowMatchLCMScheduler"
"""Takes the network's x̂₀ for a draw of x_0: no sampler of a network that has learned the mean."""
PAIRS = [
    ("FlowMatchEulerDiscreteScheduler", "euler"),
    ("EDMEulerScheduler", "euler"),
    ("EDMDPMSolverMultistepScheduler", "dpmpp_2m"),
]
NOISE = NoiseSource(4, 2, (1, 4, 4), torch.device("cpu"))


def network(x_t: Tensor, t: float, condition: Condition = None) -> Tensor:
    return torch.tanh(0.8 * x_t + 0.4 * x_t.roll(1, -1)) * (0.6 + t / 2500)


def run(name: str, denoiser: NetworkDenoiser, times: list[float], history: tuple[Step, ...] = ()) -> list[Step]:
    """All of it, or what follows the history's last Step."""
    sampler, schedule = find(name), denoiser.schedule
    chosen = sampler.parameters(clip=False)
    start = history[-1].index if history else 0
    x = history[-1].x if history else NOISE(0, Stream.INITIAL) * schedule.prior_std(times[0])
    return list(sampler.sample(denoiser, schedule, x, times, NOISE, chosen, history, start=start))


@pytest.mark.parametrize("steps", [10, 50, 1000])
@pytest.mark.parametrize(("theirs", "ours"), PAIRS)
def test_the_same_run_as_our_own(theirs: str, ours: str, steps: int) -> None:
    """From the same x_T, at their times, each step of the whole run: within 10⁻⁴ of the size of x. Heun's method is
    another in t, where theirs goes, than in s/a, where ours does."""
    schedule = SCHEDULES[SIGMA_SCHEDULERS[theirs][0]][0]
    denoiser = NetworkDenoiser(network, schedule, "v")
    name = f"diffusers:{theirs}"
    times = find(name).plan(schedule, steps, Parameters())
    for mine, found in zip(run(ours, denoiser, times), run(name, denoiser, times), strict=True):
        size = max(1.0, float(mine.x.square().mean().sqrt()))
        assert float((mine.x - found.x).abs().max()) < 1e-4 * size


@pytest.mark.parametrize(("theirs", "schedule"), CASES)
def test_any_step_can_be_continued_from(theirs: str, schedule: Schedule) -> None:
    denoiser, name = NetworkDenoiser(network, schedule, "v"), f"diffusers:{theirs}"
    times = find(name).plan(schedule, 8, Parameters())
    whole = run(name, denoiser, times)
    for k in (1, len(times) // 2, len(times) - 2):
        again = run(name, denoiser, times, tuple(whole[: k + 1]))
        assert all(torch.equal(one.x, other.x) for one, other in zip(again, whole[k:], strict=True))


@pytest.mark.parametrize(("theirs", "schedule"), [case for case in CASES if case[0] != DISTILLED])
def test_with_the_true_score_the_weights_come_out(theirs: str, schedule: Schedule, mixture: GaussianMixture) -> None:
    denoiser, sampler = MixtureDenoiser(mixture, schedule), find(f"diffusers:{theirs}")
    times, noise = sampler.plan(schedule, 40, Parameters()), NoiseSource(5, 1_500, (2,), torch.device("cpu"))
    x = noise(0, Stream.INITIAL) * schedule.prior_std(times[0])
    *_, last = sampler.sample(denoiser, schedule, x, times, noise, Parameters())
    found = torch.bincount(mixture.responsibilities(last.x).argmax(1), minlength=3) / 1_500
    torch.testing.assert_close(found, mixture.weights, atol=0.06, rtol=0)


@pytest.mark.parametrize("theirs", SIGMA_SCHEDULERS)
def test_another_path_is_refused(theirs: str) -> None:
    with pytest.raises(ValueError, match=r"rectified_flow|variance-exploding"):
        find(f"diffusers:{theirs}").plan(linear(), 10, Parameters())
