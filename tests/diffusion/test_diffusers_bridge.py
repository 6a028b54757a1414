"""Schedulers of diffusers as samplers of ours."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest
import torch
from torch import Tensor

from explorer.diffusion.denoiser import Condition, NetworkDenoiser
from explorer.diffusion.mixture import GaussianMixture, MixtureDenoiser
from explorer.diffusion.noise import NoiseSource, Stream
from explorer.diffusion.prediction import Kind
from explorer.diffusion.samplers import SAMPLERS, Sampler, Step, find
from explorer.diffusion.samplers.diffusers_names import BETWEEN, MEMORYLESS, PACKAGES, SCHEDULERS
from explorer.diffusion.samplers.diffusers_refused import REFUSED
from explorer.diffusion.samplers.diffusers_sigmas import SIGMA_SCHEDULERS
from explorer.diffusion.schedules import (
    VPSDE,
    RectifiedFlow,
    Schedule,
    cosine,
    geometric,
    karras,
    linear,
    rescale_zero_terminal_snr,
)

CPU = torch.device("cpu")
needs_scipy = pytest.mark.skipif(importlib.util.find_spec("scipy") is None, reason="diffusers has it only with scipy")
NAMES = [
    "DDIMScheduler",
    "DDPMScheduler",
    "EulerDiscreteScheduler",
    "EulerAncestralDiscreteScheduler",
    "HeunDiscreteScheduler",
    "DPMSolverMultistepScheduler",
    "DPMSolverSinglestepScheduler",
    "DEISMultistepScheduler",
    "UniPCMultistepScheduler",
    "PNDMScheduler",
    "SASolverScheduler",
    pytest.param("LMSDiscreteScheduler", marks=needs_scipy),
]


def network(x_t: Tensor, t: float, condition: Condition = None) -> Tensor:
    return torch.tanh(0.8 * x_t + 0.4 * x_t.roll(1, -1)) * (0.6 + t / 2500)


def run(name: str, denoiser: Any, steps: int, noise: NoiseSource, **parameters: Any) -> list[Step]:
    sampler = find(name)
    chosen = sampler.parameters(**{"clip": False, "spacing": "trailing", **parameters})
    times = sampler.plan(denoiser.schedule, steps, chosen)
    x = noise(0, Stream.INITIAL)
    return list(sampler.sample(denoiser, denoiser.schedule, x, times, noise, chosen))


@pytest.mark.parametrize("name", NAMES)
def test_with_the_true_score_the_weights_come_out(name: str, mixture: GaussianMixture) -> None:
    """1,500 samples: a share has a standard error of at most .013; .06 allows for it and for 20 steps."""
    denoiser = MixtureDenoiser(mixture, linear())
    steps = run(f"diffusers:{name}", denoiser, 20, NoiseSource(5, 1_500, (2,), CPU))
    assert [step.index for step in steps] == list(range(len(steps)))
    assert steps[-1].t == 0
    found = torch.bincount(mixture.responsibilities(steps[-1].x).argmax(1), minlength=3) / 1_500
    torch.testing.assert_close(found, mixture.weights, atol=0.06, rtol=0)
    # On the way, too, x is x_t of our path: its variance per dimension is that of the noised mixture.
    middle = steps[len(steps) // 2]
    a, s = denoiser.schedule.signal(middle.t), denoiser.schedule.noise(middle.t)
    truth = NoiseSource(6, 20_000, (2,), CPU)
    uniform = torch.rand(20_000, generator=torch.Generator().manual_seed(0))
    x_t = a * mixture.draw(truth(0), uniform) + s * truth(1)
    assert float(middle.x.std()) == pytest.approx(float(x_t.std()), rel=0.1)


@pytest.mark.parametrize("name", NAMES)
def test_any_step_can_be_continued_from_twice(name: str) -> None:
    denoiser = NetworkDenoiser(network, linear(), "v")
    noise = NoiseSource(3, 2, (1, 4, 4), CPU)
    whole = run(f"diffusers:{name}", denoiser, 12, noise, eta=0.5)
    sampler, times = find(f"diffusers:{name}"), [step.t for step in whole]
    parameters = sampler.parameters(clip=False, spacing="trailing", eta=0.5)
    for k in (0, 1, 2, len(whole) // 2, len(whole) - 2, len(whole) - 1):
        for history in (whole[:k], whole[: k + 1]):
            again = list(sampler.sample(denoiser, linear(), whole[k].x, times, noise, parameters, history, start=k))
            assert [step.index for step in again] == list(range(k, len(whole)))
            for one, other in zip(again, whole[k:], strict=True):
                assert one.t == other.t
                assert torch.equal(one.x, other.x)
                assert torch.equal(one.x0, other.x0)


def test_whole_times_of_one_number_of_steps_beside_fractions_of_another() -> None:
    """With linspace Heun's 10 steps are 19 here, and 19 steps would have fractions."""
    denoiser = NetworkDenoiser(network, linear(), "eps")
    steps = run("diffusers:HeunDiscreteScheduler", denoiser, 10, NoiseSource(3, 2, (1, 4, 4), CPU), spacing="linspace")
    assert len(steps) == 20


@pytest.mark.parametrize("name", NAMES)
def test_a_run_goes_on_without_its_past(name: str) -> None:
    """As it does from a branch whose model was asked otherwise: from the same x, with an empty memory."""
    denoiser = NetworkDenoiser(network, linear(), "eps")
    noise = NoiseSource(3, 2, (1, 4, 4), CPU)
    whole = run(f"diffusers:{name}", denoiser, 12, noise)
    sampler, times = find(f"diffusers:{name}"), [step.t for step in whole]
    parameters = sampler.parameters(clip=False, spacing="trailing")
    again = list(sampler.sample(denoiser, linear(), whole[6].x + 0.01, times, noise, parameters, start=6))
    assert [step.index for step in again] == list(range(6, len(whole)))
    assert bool(torch.isfinite(again[-1].x).all())
    branched = list(sampler.sample(denoiser, linear(), whole[6].x + 0.01, times, noise, parameters, whole[:6], start=6))
    torch.testing.assert_close(branched[-1].x, whole[-1].x, atol=0.2, rtol=0)


@pytest.mark.parametrize("spacing", ["leading", "trailing"])
@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("name", sorted(MEMORYLESS))
def test_what_remembers_nothing_goes_on_from_any_step_alone(name: str, clip: bool, spacing: str) -> None:
    denoiser, noise = NetworkDenoiser(network, cosine(), "eps"), NoiseSource(3, 2, (1, 4, 4), CPU)
    parameters = {"clip": clip, "spacing": spacing, "eta": 0.5}
    whole = run(f"diffusers:{name}", denoiser, 8, noise, **parameters)
    sampler, times = find(f"diffusers:{name}"), [step.t for step in whole]
    assert sampler.memory == 0
    for step in whole[1:]:
        chosen = sampler.parameters(**parameters)
        again = sampler.sample(denoiser, cosine(), step.x, times, noise, chosen, (step,), start=step.index)
        for one, other in zip(again, whole[step.index :], strict=True):
            assert torch.equal(one.x, other.x)
            assert torch.equal(one.x0, other.x0)


@pytest.mark.parametrize(
    ("theirs", "ours", "parameters"),
    [
        ("DDIMScheduler", "ddim", {}),
        ("DDIMScheduler", "ddim", {"eta": 0.7}),
        ("DDPMScheduler", "ddpm", {}),
        ("DDPMScheduler", "ddpm", {"clip": True}),
        ("EulerDiscreteScheduler", "euler", {}),
        ("EulerAncestralDiscreteScheduler", "ddpm", {}),
        ("DPMSolverMultistepScheduler", "dpmpp_2m", {}),
    ],
)
@pytest.mark.parametrize("kind", ["eps", "v"])
def test_the_same_picture_as_our_own(theirs: str, ours: str, parameters: dict[str, Any], kind: Kind) -> None:
    """With the same noise, which shows that theirs is the addressed one."""
    denoiser = NetworkDenoiser(network, linear(), kind)
    noise = NoiseSource(3, 2, (1, 4, 4), CPU)
    one = run(f"diffusers:{theirs}", denoiser, 20, noise, **parameters)
    other = run(ours, denoiser, 20, noise, **{key: parameters[key] for key in parameters if ours in ("ddim", "ddpm")})
    for step, expected in zip(one, other, strict=True):
        assert step.t == expected.t
        torch.testing.assert_close(step.x, expected.x, rtol=1e-4, atol=2e-4)


def test_a_sample_does_not_depend_on_its_batch() -> None:
    denoiser = NetworkDenoiser(network, linear(), "eps")
    batch = run("diffusers:DDPMScheduler", denoiser, 10, NoiseSource(3, 4, (1, 4, 4), CPU))[-1].x
    single = run("diffusers:DDPMScheduler", denoiser, 10, NoiseSource(3, 1, (1, 4, 4), CPU, first=2))[-1].x
    torch.testing.assert_close(batch[2:3], single, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("schedule", [cosine(), VPSDE(), rescale_zero_terminal_snr(linear())], ids=lambda s: s.name)
def test_other_schedules_with_betas(schedule: Any) -> None:
    denoiser = NetworkDenoiser(network, schedule, "v")
    noise = NoiseSource(3, 2, (1, 4, 4), CPU)
    one = run("diffusers:DDIMScheduler", denoiser, 20, noise, clip=True)[-1].x
    torch.testing.assert_close(one, run("ddim", denoiser, 20, noise, clip=True)[-1].x, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    "name",
    [
        "diffusers:Foo",
        "diffusers:",
        "diffusers:__builtins__",
        "diffusers:SchedulerMixin",
        "os.system",
    ],
)
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(ValueError, match="there is no s") as error:
        find(name)
    assert "\n" not in str(error.value)


def test_every_scheduler_of_diffusers_runs_or_says_why_not() -> None:
    """Each class by its name, of the schedules that there are on one that it takes: it makes a run, each of whose steps
    can be continued from to the last bit, or there is one sentence."""
    import diffusers.schedulers

    schedules = (linear(100), VPSDE(100), RectifiedFlow(100), karras(100, 0.02, 20.0))
    names = {name for name in dir(diffusers.schedulers) if name.endswith("Scheduler")}
    ran = set()
    for name in sorted(names):
        if name in REFUSED or not all(map(importlib.util.find_spec, PACKAGES.get(name, ()))):
            with pytest.raises(ValueError, match=name):
                find(f"diffusers:{name}")
            continue
        sampler = find(f"diffusers:{name}")
        for schedule in schedules:
            try:
                times = sampler.plan(schedule, 8, sampler.parameters())
            except ValueError:
                continue
            ran.add(name)
            check_run(sampler, schedule, times)
            break
    offered = {*SCHEDULERS, *BETWEEN, *SIGMA_SCHEDULERS}
    assert ran == {name for name in offered if all(map(importlib.util.find_spec, PACKAGES.get(name, ())))}
    assert names - ran - set(REFUSED) - set(PACKAGES) == {"DDIMInverseScheduler", "DPMSolverMultistepInverseScheduler"}


def check_run(sampler: Sampler[Any], schedule: Schedule, times: list[float]) -> None:
    denoiser, noise = NetworkDenoiser(network, schedule, "v"), NoiseSource(3, 2, (1, 4, 4), CPU)
    parameters, x = sampler.parameters(), noise(0, Stream.INITIAL) * schedule.prior_std(times[0])
    whole = list(sampler.sample(denoiser, schedule, x, times, noise, parameters))
    assert all(bool(torch.isfinite(step.x).all()) for step in whole), sampler.name
    for k in (len(whole) // 2, len(whole) // 2 + 1):
        after = list(sampler.sample(denoiser, schedule, whole[k].x, times, noise, parameters, whole[: k + 1], start=k))
        assert all(torch.equal(one.x, other.x) for one, other in zip(after, whole[k:], strict=True)), (sampler.name, k)
    # The first sample of two is the one that is made alone: every random number of the run is an addressed one.
    alone = NoiseSource(3, 1, (1, 4, 4), CPU)
    single = list(sampler.sample(denoiser, schedule, x[:1], times, alone, parameters))
    torch.testing.assert_close(single[-1].x, whole[-1].x[:1], rtol=1e-4, atol=1e-4)


def test_what_remembers_says_that_its_steps_stay_in_memory() -> None:
    sampler = find("diffusers:UniPCMultistepScheduler")
    assert sampler.memory is None
    assert "stay in memory" in sampler.summary
    assert "stay in memory" not in find("diffusers:DDIMScheduler").summary


def test_find_knows_our_own() -> None:
    for name, sampler in SAMPLERS.items():
        assert find(name) is sampler
    assert find("diffusers:DDIMScheduler") is find("diffusers:DDIMScheduler")


def test_what_cannot_be_run() -> None:
    euler = find("diffusers:EulerDiscreteScheduler")
    with pytest.raises(ValueError, match="made of β"):
        euler.plan(geometric(), 10, euler.parameters())
    with pytest.raises(ValueError, match="between the whole ones"):
        euler.plan(linear(), 11, euler.parameters(spacing="linspace"))
    solver = find("diffusers:DPMSolverMultistepScheduler")
    for spacing in ("leading", "linspace"):
        with pytest.raises(ValueError, match="a time twice"):
            solver.plan(linear(), 1000, solver.parameters(spacing=spacing))
    for steps in (0, 1001):
        with pytest.raises(ValueError, match="between 1 and T"):
            euler.plan(linear(), steps, euler.parameters())
    pndm = find("diffusers:PNDMScheduler")
    with pytest.raises(ValueError, match="PNDMScheduler cannot make a run of 3 steps"):
        pndm.plan(linear(), 3, pndm.parameters())
    inverse = find("diffusers:DDIMInverseScheduler")
    with pytest.raises(ValueError, match="from data to noise"):
        inverse.plan(linear(), 10, inverse.parameters())
    noise = NoiseSource(3, 2, (2,), CPU)
    denoiser = NetworkDenoiser(network, linear(), "eps")
    with pytest.raises(ValueError, match="the times it began with"):
        list(euler.sample(denoiser, linear(), noise(0), [1000, 7, 0], noise, euler.parameters()))
