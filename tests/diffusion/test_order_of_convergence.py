"""How fast the error of a sampler falls with the number of steps, with exact denoisers in float64.

Deterministic samplers against the solution of the probability-flow ODE: in closed form for one Gaussian, where
x_t = a μ + √(a² v + s²) · const, and by RK4 with many steps for a mixture. Stochastic ones against the exact variance
of x on a Gaussian, without any random numbers: their update is linear there, so the responses to a unit impulse at
each step give the variance they arrive at.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from explorer.diffusion.mixture import GaussianMixture, MixtureDenoiser
from explorer.diffusion.noise import NoiseSource, Stream
from explorer.diffusion.samplers import SAMPLERS, ddim, ode
from explorer.diffusion.schedules import VESDE, VPSDE, ContinuousSchedule, RectifiedFlow, SubVPSDE

F64 = torch.float64
CPU = torch.device("cpu")
COUNTS = (16, 32, 64, 128)
PATHS: dict[str, Callable[[], ContinuousSchedule]] = {
    "VP": VPSDE,
    "VE": VESDE,
    "sub-VP": SubVPSDE,
    "rectified": RectifiedFlow,
}
HIGH, LOW = 5.0, 0.05
"""σ = s/a at the ends of the interval."""


def gaussian() -> GaussianMixture:
    return GaussianMixture(
        torch.ones(1, dtype=F64), torch.tensor([[0.7, -1.2]], dtype=F64), torch.eye(2, dtype=F64)[None] / 4
    )


def mixture() -> GaussianMixture:
    """Two modes that overlap: between well-separated ones the error of a point near the watershed falls late."""
    means = torch.tensor([[1.0, 0.5], [-0.8, -0.6]], dtype=F64)
    covariances = torch.tensor([[[0.5, 0.2], [0.2, 0.4]], [[0.3, 0.0], [0.0, 0.6]]], dtype=F64)
    return GaussianMixture(torch.tensor([0.7, 0.3], dtype=F64), means, covariances)


def times(schedule: ContinuousSchedule, steps: int) -> list[float]:
    """Even in log σ."""
    return [schedule.time(HIGH * (LOW / HIGH) ** (i / steps)) for i in range(steps + 1)]


def start(schedule: ContinuousSchedule) -> Tensor:
    """Eight points of p at the upper end, near enough."""
    t = schedule.time(HIGH)
    spread = math.hypot(schedule.signal(t), schedule.noise(t))
    return spread * torch.randn(8, 2, generator=torch.Generator().manual_seed(0), dtype=F64)


def arrive(name: str, denoiser: MixtureDenoiser, x: Tensor, plan: Sequence[float], **parameters: Any) -> Tensor:
    sampler = SAMPLERS[name]
    noise = NoiseSource(0, len(x), (2,), CPU)
    chosen = sampler.parameters(**{"clip": False, **parameters})
    *_, last = sampler.sample(denoiser, denoiser.schedule, x, plan, noise, chosen)
    return last.x


def by_runge_kutta(denoiser: MixtureDenoiser, x: Tensor, steps: int = 500) -> Tensor:
    """RK4 on dy/dlog σ = σ ε̂, y = x/a."""
    schedule = denoiser.schedule
    assert isinstance(schedule, ContinuousSchedule)

    def slope(y: Tensor, log_sigma: float) -> Tensor:
        t = schedule.time(math.exp(log_sigma))
        return math.exp(log_sigma) * denoiser(y * schedule.signal(t), t).eps

    h = math.log(LOW / HIGH) / steps
    y = x / schedule.signal(schedule.time(HIGH))
    for i in range(steps):
        at = math.log(HIGH) + i * h
        k1 = slope(y, at)
        k2 = slope(y + h / 2 * k1, at + h / 2)
        k3 = slope(y + h / 2 * k2, at + h / 2)
        k4 = slope(y + h * k3, at + h)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return y * schedule.signal(schedule.time(LOW))


@cache
def of_the_mixture(path: str) -> Tensor:
    """Where `start` goes, from RK4, whose 2,000 evaluations are made once for each path."""
    schedule = PATHS[path]()
    return by_runge_kutta(MixtureDenoiser(mixture(), schedule), start(schedule))


def exact_flow(denoiser: MixtureDenoiser, x: Tensor) -> Tensor:
    """Of one Gaussian N(μ, v I)."""
    schedule, mean, v = denoiser.schedule, denoiser.mixture.means[0], float(denoiser.mixture.covariances[0, 0, 0])
    assert isinstance(schedule, ContinuousSchedule)
    (a, s), (b, r) = ((schedule.signal(t), schedule.noise(t)) for t in (schedule.time(HIGH), schedule.time(LOW)))
    return b * mean + (x - a * mean) * math.sqrt((b * b * v + r * r) / (a * a * v + s * s))


def order(errors: Sequence[float]) -> float:
    """The slope of log error over −log steps, by least squares over the finer three."""
    halvings = torch.tensor([math.log2(e / f) for e, f in pairwise(errors[1:])])
    return float(halvings.mean())


@pytest.mark.parametrize(("data", "path"), [("gaussian", "rectified"), *(("mixture", path) for path in PATHS)])
@pytest.mark.parametrize(("name", "expected"), [("euler", 1), ("ddim", 1), ("heun", 2), ("dpmpp_2m", 2)])
def test_order(name: str, expected: int, path: str, data: str) -> None:
    schedule = PATHS[path]()
    denoiser = MixtureDenoiser(gaussian() if data == "gaussian" else mixture(), schedule)
    x = start(schedule)
    exact = exact_flow(denoiser, x) if data == "gaussian" else of_the_mixture(path)
    errors = [float((arrive(name, denoiser, x, times(schedule, n)) - exact).norm()) for n in COUNTS]
    found = order(errors)
    print(f"order of {name} on {path}, {data}: {found:.3f}")
    assert found == pytest.approx(expected, abs=0.15), errors


def test_the_references_agree() -> None:
    denoiser = MixtureDenoiser(gaussian(), VPSDE())
    x = start(VPSDE())
    torch.testing.assert_close(by_runge_kutta(denoiser, x), exact_flow(denoiser, x), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("tolerance", [1e-3, 1e-5, 1e-7])
def test_the_adaptive_solver_keeps_its_tolerance(path: str, tolerance: float) -> None:
    """Its error over four intervals stays within ten times what each of its steps is allowed."""
    schedule = PATHS[path]()
    denoiser = MixtureDenoiser(mixture(), schedule)
    x = start(schedule)
    exact = of_the_mixture(path)
    found = arrive("ode", denoiser, x, times(schedule, 4), rtol=tolerance, atol=tolerance)
    assert float((found - exact).abs().max()) < 10 * tolerance * float(1 + exact.abs().max())


def test_a_tolerance_that_cannot_be_met() -> None:
    """float32 knows nothing of 10⁻³⁰."""
    denoiser = MixtureDenoiser(mixture(), VPSDE())
    x = start(VPSDE())
    with pytest.raises(ValueError, match="cannot be met"):
        arrive("ode", denoiser, x, times(VPSDE(), 2), rtol=0.0, atol=1e-30)
    with pytest.raises(ValueError, match="positive"):
        arrive("ode", denoiser, x, times(VPSDE(), 2), atol=0.0)
    assert ode.Parameters().atol > 0


@dataclass(frozen=True)
class Impulses(NoiseSource):
    """Sample k gets a 1 at step k and 0 at every other."""

    def __call__(self, step: int, stream: Stream = Stream.SAMPLER) -> Tensor:
        found = torch.zeros(self.n, *self.shape, dtype=F64)
        found[step] = 1.0
        return found


def variance_at_the_end(name: str, schedule: ContinuousSchedule, v: float, steps: int, **parameters: Any) -> float:
    """Of one coordinate, when the run begins with that of p_t."""
    sampler, plan = SAMPLERS[name], times(schedule, steps)
    one = GaussianMixture(torch.ones(1, dtype=F64), torch.zeros(1, 1, dtype=F64), torch.full((1, 1, 1), v, dtype=F64))
    x = torch.zeros(steps + 1, 1, dtype=F64)
    x[0] = math.sqrt(schedule.signal(plan[0]) ** 2 * v + schedule.noise(plan[0]) ** 2)
    noise = Impulses(0, steps + 1, (1,), CPU)
    chosen = sampler.parameters(clip=False, **parameters)
    *_, last = sampler.sample(MixtureDenoiser(one, schedule), schedule, x, plan, noise, chosen)
    return float(last.x.square().sum())


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("name", "parameters"),
    [("euler_maruyama", {}), ("ddpm", {}), ("ddpm", {"variance": "beta"}), ("ddim", {"eta": 1.0})],
)
def test_weak_order_of_the_stochastic_samplers(name: str, parameters: dict[str, Any], path: str) -> None:
    schedule, v = PATHS[path](), 0.3
    t = schedule.time(LOW)
    exact = schedule.signal(t) ** 2 * v + schedule.noise(t) ** 2
    errors = [abs(variance_at_the_end(name, schedule, v, n, **parameters) - exact) for n in (32, 64, 128, 256)]
    found = order(errors)
    print(f"weak order of {name} {parameters} on {path}: {found:.3f}")
    assert found == pytest.approx(1, abs=0.15), errors


@pytest.mark.parametrize("name", ["euler", "heun", "dpmpp_2m", "ode"])
@pytest.mark.parametrize("path", ["VP", "rectified"])
def test_the_whole_way_from_noise_to_data(name: str, path: str) -> None:
    """From t = T, where the rectified path holds no signal, to t = 0: noise of variance 1 becomes the Gaussian."""
    schedule = PATHS[path]()
    denoiser = MixtureDenoiser(gaussian(), schedule)
    x = torch.randn(8, 2, generator=torch.Generator().manual_seed(0), dtype=F64)
    steps = 50 if name == "ode" else 500  # between which it chooses its own
    plan = SAMPLERS[name].plan(schedule, steps, SAMPLERS[name].parameters(spacing="trailing"))
    found = arrive(name, denoiser, x, plan)
    torch.testing.assert_close(found, denoiser.mixture.means + x / 2, rtol=0, atol=0.02)


def test_ddim_at_eta_0_is_euler() -> None:
    schedule = VPSDE()
    denoiser, x = MixtureDenoiser(mixture(), schedule), start(schedule)
    plan = times(schedule, 20)
    torch.testing.assert_close(arrive("euler", denoiser, x, plan), arrive("ddim", denoiser, x, plan))
    assert ddim.Parameters().eta == 0.0
