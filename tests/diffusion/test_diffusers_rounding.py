"""Where diffusers and we part after many short steps, and whose rounding it is: theirs of ᾱ near 1, in float32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from diffusers.schedulers import scheduling_ddpm
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from torch import Tensor

from explorer.bench.agreement import LIMIT, PAIRS, Comparison, Float64, Pair, compare, exact_tables
from explorer.diffusion.denoiser import Condition, NetworkDenoiser
from explorer.diffusion.path import transition
from explorer.diffusion.samplers import find
from explorer.diffusion.samplers.from_diffusers import class_called
from explorer.diffusion.schedules import DiscreteSchedule, cosine, linear

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
SCHEDULES = (linear(), cosine())
EARLY, LATE = range(2, 12), (50, 300, 900)


def network(x_t: Tensor, t: float, condition: Condition = None) -> Tensor:
    """ε̂ of one Gaussian of variance ¼ under a smooth disturbance that mixes pixels."""
    return 0.8 * x_t + 0.1 * torch.tanh(x_t.roll(1, -1) - x_t.roll(1, -2)) * (0.6 + t / 2500)


def weights(schedule: DiscreteSchedule, t: int, exact: bool, monkeypatch: pytest.MonkeyPatch) -> tuple[float, float]:
    """What diffusers' ancestral step multiplies x_t and x̂₀ with."""
    monkeypatch.setattr(scheduling_ddpm, "randn_tensor", lambda *args, **kwargs: torch.zeros(1, 2))
    assert schedule.betas is not None
    made = exact_tables(DDPMScheduler) if exact else DDPMScheduler
    theirs: Any = made(trained_betas=schedule.betas.tolist(), prediction_type="sample", clip_sample=False)
    x_t, x0 = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    of_x_t, of_x0 = theirs.step(x0, t - 1, x_t).prev_sample[0].tolist()
    return of_x_t, of_x0


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: schedule.name)
def test_the_weights_of_a_short_step(schedule: DiscreteSchedule, monkeypatch: pytest.MonkeyPatch) -> None:
    """diffusers takes 1 − ᾱ_t/ᾱ_{t−1} and 1 − ᾱ_{t−1}, both near 10⁻⁴ for small t, of numbers that it keeps in float32,
    where those near 1 lie 6·10⁻⁸ apart. So its weights of x_t and x̂₀ in the ancestral step (Ho et al. 2020, eq. 7) are
    wrong by up to 2·10⁻⁴, and so is their sum. With ᾱ in float64, and nothing else changed, they are those of the
    definition, which ours are."""

    def error(t: int, exact: bool) -> float:
        q = transition(schedule, t, t - 1)
        of_x_t, of_x0 = weights(schedule, t, exact, monkeypatch)
        return max(abs(of_x_t - q.mean_x_t), abs(of_x0 - q.mean_x0), abs(of_x_t + of_x0 - q.mean_x_t - q.mean_x0))

    assert 3e-5 < max(error(t, exact=False) for t in EARLY) < 3e-4
    assert max(error(t, exact=False) for t in LATE) < 2e-6
    assert max(error(t, exact=True) for t in (*EARLY, *LATE)) < 2e-7


@pytest.mark.parametrize("name", ["EulerDiscreteScheduler", "HeunDiscreteScheduler", "DPMSolverMultistepScheduler"])
@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: schedule.name)
def test_the_noise_levels_of_a_short_step(schedule: DiscreteSchedule, name: str) -> None:
    """σ² = (1 − ᾱ)/ᾱ of a float32 ᾱ is wrong by up to 3·10⁻⁴ of σ where t is small, and a step from σ to the next by up
    to 10⁻³ of itself. ᾱ in float64 makes it right to the last digit of float32, and ours is the definition's: here
    1 − ᾱ is taken of Σ log(1 − β), without any number near 1."""
    betas = schedule.betas
    assert betas is not None
    log_alphas_cumprod = torch.log1p(-betas).cumsum(0)
    defined = ((-torch.expm1(log_alphas_cumprod)).log() / 2 - log_alphas_cumprod / 2).exp().flip(0)
    t = torch.arange(schedule.T, 0, -1)
    torch.testing.assert_close(schedule.noise(t) / schedule.signal(t), defined, rtol=1e-10, atol=0)

    def errors(scheduler_class: type[Any]) -> Tensor:
        theirs = scheduler_class(trained_betas=betas.tolist(), timestep_spacing="trailing")
        theirs.set_timesteps(schedule.T)
        sigmas: Tensor = theirs.sigmas[:-1].double().unique(sorted=True).flip(0)
        return (sigmas / defined - 1).abs()

    as_it_is = errors(class_called(name))
    assert 5e-5 < float(as_it_is[-10:].max()) < 5e-4
    assert float(as_it_is[:-100].max()) < 1e-5
    assert float(errors(exact_tables(class_called(name))).max()) < 1e-7


@pytest.mark.parametrize(
    "pair",
    # DDIM without noise and DDPM go as far on the digits themselves.
    [pair for pair in PAIRS if pair.parameters.get("eta") != 0 and pair.own.get("variance") != "beta_tilde"],
    ids=lambda pair: pair.title,
)
def test_a_thousand_steps(pair: Pair) -> None:
    """Each step from the same x_t with diffusers as it is, and the whole run with its ᾱ in float64."""
    comparison = Comparison(NetworkDenoiser(network, cosine(), "eps"), (3, 8, 8), pair, 1000, "trailing")
    assert comparison.one_step() < LIMIT
    assert comparison.whole_run(exact=True) < LIMIT


def test_diffusers_own_rounding_adds_up() -> None:
    """What `test_the_weights_of_a_short_step` finds is the same for every pixel and comes ten times, so that the whole
    run differs by more than 10⁻⁴ as long as its ᾱ are float32. (Here it alone does: this network, unlike the digits',
    does not make more of it, as it does of what `test_the_noise_levels_of_a_short_step` finds.)"""
    pair = next(pair for pair in PAIRS if pair.name == "ddpm")
    comparison = Comparison(NetworkDenoiser(network, cosine(), "eps"), (3, 8, 8), pair, 1000, "trailing")
    denoiser = Float64(comparison.denoiser)
    fine = Comparison(denoiser, (3, 8, 8), pair, 1000, "trailing", torch.float64)
    rows = compare(comparison, fine, "")
    assert [row.within for row in rows] == [True, True, True, None]
    assert rows[1].value < 1e-9
    as_it_is = rows[-1]
    assert LIMIT < as_it_is.value < 5 * LIMIT
    assert "2.7e-04 from its own with ᾱ in float64" in as_it_is.note


def test_a_network_that_makes_much_of_the_last_digit() -> None:
    """As the digits' does on the way, of which the bench says so."""
    pair = next(pair for pair in PAIRS if pair.parameters.get("eta"))

    def steep(x_t: Tensor, t: float, condition: Condition = None) -> Tensor:
        return (1000 * x_t).sin()

    def rounding(asked: Callable[..., Tensor]) -> float:
        return Comparison(NetworkDenoiser(asked, cosine(), "eps"), (3, 8, 8), pair, 20, "trailing").rounding()

    assert 0 < rounding(network) < 1e-5
    assert rounding(steep) > LIMIT


def test_another_method_does_not_agree() -> None:
    """What the bench would say if ours were wrong."""
    for theirs in ("DPMSolverMultistepScheduler", "HeunDiscreteScheduler"):
        pair = Pair("euler", theirs, {"clip": False})
        comparison = Comparison(NetworkDenoiser(network, cosine(), "eps"), (3, 8, 8), pair, 20, "trailing")
        assert [row.within for row in compare(comparison, None, "")] == [False, False]


def run(scheduler: Any) -> Tensor:
    x = torch.ones(1, 3, 8, 8)
    for index in scheduler.timesteps:
        x = scheduler.step(0.5 * x, index, x).prev_sample
    return x


def test_a_thousand_leading_steps_are_none_for_their_dpm_solver() -> None:
    """Its "leading" has steps of ⌊T/(steps + 1)⌋, here 0: it visits one time a thousand times, and then reads beyond
    its tables."""
    theirs = DPMSolverMultistepScheduler(timestep_spacing="leading")
    theirs.set_timesteps(1000)
    assert set(theirs.timesteps.tolist()) == {0}
    with pytest.raises(IndexError):
        run(theirs)
    ours = find("dpmpp_2m")
    assert ours.plan(linear(), 1000, ours.parameters(spacing="leading")) == [*range(1000, -1, -1)]


def test_a_thousand_linspace_steps_are_not_numbers_for_their_dpm_solver() -> None:
    """Its "linspace" rounds 1,001 places to 1,000 times: it visits one of them twice, and the next step divides by the
    length of the one between, 0."""
    theirs = DPMSolverMultistepScheduler(timestep_spacing="linspace")
    theirs.set_timesteps(1000)
    assert len(set(theirs.timesteps.tolist())) == 999
    assert bool(run(theirs).isnan().all())
