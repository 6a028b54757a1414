"""A model on another schedule than its own."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from explorer.diffusion.denoiser import Condition, NetworkDenoiser
from explorer.diffusion.guidance import ClassifierFreeGuidance
from explorer.diffusion.mixture import GaussianMixture, MixtureDenoiser
from explorer.diffusion.noise import NoiseSource, Stream
from explorer.diffusion.rescheduled import Rescheduled
from explorer.diffusion.samplers import SAMPLERS
from explorer.diffusion.schedules import SCHEDULES, Schedule, cosine, linear, rescale_zero_terminal_snr
from explorer.diffusion.schedules.custom import custom, from_log_snr

T = 1000
POINTS = ((1.0, 8.0), (250.0, 3.0), (600.0, -1.0), (1000.0, -7.0))
NEW = {
    **{name: family(T) for name, family in SCHEDULES.items()},
    "custom": custom(T, POINTS),
    "zero terminal SNR": rescale_zero_terminal_snr(linear(T)),
}
OWN = ("vp_sde", "sub_vp_sde", "ve_sde", "rectified_flow")
LABELS = torch.tensor([0, 1, 2, -1, 0, 1])


def double(mixture: GaussianMixture) -> GaussianMixture:
    return GaussianMixture(mixture.weights.double(), mixture.means.double(), mixture.covariances.double())


def at(schedule: Schedule, t: float, points: Tensor) -> Tensor:
    noise = NoiseSource(3, len(points), (2,), torch.device("cpu"))(0, Stream.FORWARD)
    return points.double() * schedule.signal(t) + noise.double() * schedule.noise(t)


@pytest.mark.parametrize("own", OWN)
@pytest.mark.parametrize("new", NEW)
def test_an_exact_model_of_real_times_is_the_exact_one_of_the_new_schedule(
    exact: MixtureDenoiser, points: Tensor, own: str, new: str
) -> None:
    mixture, schedule = double(exact.mixture), NEW[new]
    model = MixtureDenoiser(mixture, SCHEDULES[own](T, sigma_max=2000.0) if own == "ve_sde" else SCHEDULES[own](T))
    moved, truth = Rescheduled(model, schedule), MixtureDenoiser(mixture, schedule)
    compared = 0
    for t in (20, 111, 400, 640, 900, 990):
        own_t = moved.own_time(t)
        ratio = schedule.noise(t) / schedule.signal(t)
        if not math.isclose(model.schedule.noise(own_t), ratio * model.schedule.signal(own_t), rel_tol=1e-9):
            continue  # a level that this model never had
        compared += 1
        x_t = at(schedule, t, points)
        for condition in (None, LABELS):
            found, expected = moved(x_t, t, condition), truth(x_t, t, condition)
            assert (found.t, found.a, found.s) == (t, schedule.signal(t), schedule.noise(t))
            for form in ("x0", "eps", "score", "v"):
                torch.testing.assert_close(getattr(found, form), getattr(expected, form), rtol=1e-5, atol=1e-5)
    assert compared >= 3


def network(x_t: Tensor, t: float, condition: Condition) -> Tensor:
    assert t == int(t)
    assert 1 <= t <= T
    return torch.tanh(x_t * math.cos(t)) + 0.1


@pytest.mark.parametrize("kind", ["eps", "v", "x0", "score"])
def test_on_its_own_schedule_it_is_the_model_bit_for_bit(points: Tensor, kind: Any) -> None:
    model = NetworkDenoiser(network, cosine(T), kind)
    moved = Rescheduled(model, cosine(T))
    for t in range(T + 1):
        found, expected = moved(points, t), model(points, t)
        assert (found.t, found.a, found.s, found.kind) == (t, expected.a, expected.s, expected.kind)
        assert torch.equal(found.output, expected.output)


def test_whole_times_are_the_nearest_ones_and_the_rounding_is_small(exact: MixtureDenoiser, points: Tensor) -> None:
    """With T times between the levels, the answer is off by what x̂₀ or ε̂ changes in half of one."""
    mixture = double(exact.mixture)
    for new in ("linear", "rectified_flow", "vp_sde", "custom", "scaled_linear"):
        schedule = NEW[new]
        moved = Rescheduled(MixtureDenoiser(mixture, cosine(T)), schedule)
        truth = MixtureDenoiser(mixture, schedule)
        for t in range(10, T, 70):
            own_t = moved.own_time(t)
            assert own_t == int(own_t)
            wanted = schedule.log_snr(t)
            others = [abs(cosine_log_snr(k) - wanted) for k in (own_t - 1, own_t, own_t + 1) if 1 <= k <= T]
            assert abs(cosine_log_snr(own_t) - wanted) == min(others)
            x_t = at(schedule, t, points)
            found, expected = moved(x_t, t), truth(x_t, t)
            torch.testing.assert_close(found.x0, expected.x0, rtol=0, atol=0.02)
            torch.testing.assert_close(found.eps, expected.eps, rtol=0, atol=0.02)
            torch.testing.assert_close(found.x_t, found.a * found.x0 + found.s * found.eps)


def cosine_log_snr(t: float) -> float:
    return _COSINE.log_snr(t)


_COSINE = cosine(T)


def test_levels_the_model_never_saw_are_asked_at_its_ends(points: Tensor) -> None:
    schedule = SCHEDULES["karras"](T, sigma_min=1e-4, sigma_max=1e5)
    moved = Rescheduled(NetworkDenoiser(network, linear(T), "eps"), schedule)
    assert moved.own_time(1) == 1
    assert moved.own_time(T) == T
    assert bool(torch.isfinite(moved(points, T).x0).all())
    silent = Rescheduled(NetworkDenoiser(network, linear(T), "eps"), NEW["zero terminal SNR"])
    assert silent.own_time(T) == T
    assert bool(torch.isfinite(silent(points, T).x0).all())


def test_the_data_themselves_are_left_alone(points: Tensor) -> None:
    moved = Rescheduled(NetworkDenoiser(network, linear(T), "eps"), cosine(T))
    assert torch.equal(moved(points, 0).x0, points)


def test_guidance_may_be_around_or_within(exact: MixtureDenoiser, points: Tensor) -> None:
    model, schedule = MixtureDenoiser(double(exact.mixture), SCHEDULES["vp_sde"](T)), NEW["linear"]
    x_t = at(schedule, 300, points)
    around = ClassifierFreeGuidance(Rescheduled(model, schedule), LABELS, 2.5)(x_t, 300)
    within = Rescheduled(ClassifierFreeGuidance(model, LABELS, 2.5), schedule)(x_t, 300)
    torch.testing.assert_close(around.x0, within.x0, rtol=1e-9, atol=1e-9)


def test_the_density_is_carried_over_up_to_a_constant(exact: MixtureDenoiser, points: Tensor) -> None:
    mixture, schedule = double(exact.mixture), NEW["rectified_flow"]
    moved = Rescheduled(MixtureDenoiser(mixture, SCHEDULES["vp_sde"](T)), schedule)
    x_t = at(schedule, 500, points)
    apart = moved.log_density(x_t, 500) - MixtureDenoiser(mixture, schedule).log_density(x_t, 500)
    torch.testing.assert_close(apart, apart[:1].expand_as(apart))
    with pytest.raises(ValueError, match="not known"):
        Rescheduled(NetworkDenoiser(network, linear(T), "eps"), schedule).log_density(points, 500)


@pytest.mark.parametrize("sampler", ["ddim", "heun", "dpmpp_2m", "ode", "euler_maruyama", "annealed_langevin"])
@pytest.mark.parametrize("new", ["linear", "karras", "rectified_flow", "custom", "zero terminal SNR"])
def test_runs_on_another_schedule_end_in_the_data(exact: MixtureDenoiser, sampler: str, new: str) -> None:
    """The two moments of the mixture, from a model of whole times on a schedule that is not its own."""
    schedule, chosen = NEW[new], SAMPLERS[sampler]
    values = {"clip": False} if "clip" in chosen.parameters.__dataclass_fields__ else {}
    parameters = chosen.parameters(**values)
    steps = {"ode": 5, "annealed_langevin": 10}.get(sampler, 40)
    plan = chosen.plan(schedule, steps, parameters)
    noise = NoiseSource(1, 600, (2,), torch.device("cpu"))
    x = noise(0, Stream.INITIAL) * schedule.prior_std(plan[0])
    moved = Rescheduled(MixtureDenoiser(exact.mixture, cosine(T)), schedule)
    *_, last = chosen.sample(moved, schedule, x, plan, noise, parameters)
    mean = exact.mixture.weights @ exact.mixture.means
    assert last.t == 0 or sampler == "annealed_langevin"
    assert bool(torch.isfinite(last.x).all())
    torch.testing.assert_close(last.x.mean(0), mean, rtol=0, atol=0.35)


def test_a_drawn_schedule_goes_through_its_points() -> None:
    schedule = custom(T, POINTS)
    for time, level in POINTS:
        assert schedule.log_snr(time) == pytest.approx(level, abs=1e-9)
    assert schedule.variance_preserving
    t = torch.arange(T + 1, dtype=torch.int64)
    torch.testing.assert_close(schedule.signal(t) ** 2 + schedule.noise(t) ** 2, torch.ones(T + 1).double())
    assert bool((schedule.log_snr(t).diff() < 0).all())
    betas = schedule.betas
    assert betas is not None
    torch.testing.assert_close((1 - betas).cumprod(0), schedule.signal(t[1:]) ** 2, rtol=1e-9, atol=1e-12)


def test_log_snr_of_a_known_schedule_gives_that_schedule() -> None:
    t = torch.arange(1, T + 1)
    again = from_log_snr("linear", linear(T).log_snr(t))
    torch.testing.assert_close(again.signal(t), linear(T).signal(t), rtol=1e-12, atol=0)
    assert again.betas is not None
    torch.testing.assert_close(again.betas, linear(T).betas, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize(
    ("points", "says"),
    [
        (((1.0, 5.0),), "from t = 1"),
        (((2.0, 5.0), (1000.0, -5.0)), "from t = 1"),
        (((1.0, 5.0), (900.0, -5.0)), "to t = 1000"),
        (((1.0, 5.0), (500.0, 6.0), (1000.0, -5.0)), "must fall"),
        (((1.0, 5.0), (600.0, 2.0), (500.0, 1.0), (1000.0, -5.0)), "in their order"),
        (((1.0, math.inf), (1000.0, -5.0)), "finite"),
        (((1.0, 5.0), (1000.0, -500.0)), "between"),
    ],
)
def test_points_that_make_no_schedule(points: tuple[tuple[float, float], ...], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        custom(T, points)
