"""Predictor–corrector sampling (Song et al. 2021, algorithms 1, 4 and 5).

At each new time a predictor step of the reverse SDE is followed by some Langevin steps there,

    x ← x + c ∇log p + √(2c) z,   c = 2 α (ρ ‖z‖/‖∇log p‖)²,

which bring x back to the density p_t that the predictor has strayed from. ρ is the paper's signal-to-noise ratio r
and α = (a(t)/a(t − 1))²: α_i of algorithm 5 on a variance-preserving path and 1 on an exploding one, as in algorithm
4. In d dimensions ‖z‖² is d on average and ‖∇log p‖² = ‖ε̂‖²/s² near d/s², so

    c = 2 α (ρ s)²

is what the norms come to for pictures, and the default. The norms as measured on each sample are the other choice;
in the plane a score that happens to be small there throws the sample far away. (The paper's code takes their mean
over the batch, so that a picture depends on its neighbours.) A corrector's step is a Step of its own at the time of the
one before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from explorer.diffusion.denoiser import Denoiser
from explorer.diffusion.noise import NoiseSource
from explorer.diffusion.samplers import ddpm, euler_maruyama
from explorer.diffusion.samplers.base import (
    Descending,
    Sampler,
    Step,
    first_step,
    limit_of,
    observe,
    parameter,
    plan_times,
    rms,
)
from explorer.diffusion.samplers.langevin import langevin_step
from explorer.diffusion.schedules import Schedule


@dataclass(frozen=True)
class Own:
    """What no other sampler has."""

    predictor: str = parameter(
        "ancestral", "Predictor", "What makes the step to the next time", choices=("ancestral", "euler_maruyama")
    )
    corrector_steps: int = parameter(1, "Corrector steps", "Langevin updates at each time after the first", 0, 100)
    snr: float = parameter(0.16, "Corrector r", "Size of the corrector's drift against its noise", 0.001, 1.0)
    norms: str = parameter(
        "expected",
        "Corrector norms",
        "‖z‖/‖∇log p‖ as expected, s, or as measured on x",
        choices=("expected", "measured"),
    )


@dataclass(frozen=True)
class Parameters(Descending, Own):
    """Choices of predictor–corrector sampling."""


def plan(schedule: Schedule, steps: int, parameters: Parameters) -> list[float]:
    """steps is the number of predictor steps. Each time but the first and 0 has its corrector steps after it."""
    if parameters.corrector_steps < 0:
        raise ValueError(f"corrector steps must be at least 0, got {parameters.corrector_steps}")
    first, *between, last = plan_times(schedule, steps, parameters)
    return [first, *(t for t in between for _ in range(1 + parameters.corrector_steps)), last]


def sample(
    denoiser: Denoiser,
    schedule: Schedule,
    x: Tensor,
    times: Sequence[float],
    noise: NoiseSource,
    parameters: Parameters,
    history: Sequence[Step] = (),
    start: int = 0,
) -> Iterator[Step]:
    """See the module's text. The step to t = 0 is x = x̂₀."""
    limit = limit_of(parameters)
    step = first_step(denoiser, x, times[start], start, history, limit)
    yield step
    for index in range(start + 1, len(times)):
        r = times[index]
        extras: dict[str, float] = {}
        if r == 0:
            x = step.x0
        elif r == step.t:
            x, extras = correct(schedule, step, noise(index), parameters)
        elif parameters.predictor == "ancestral":
            x = ddpm.reverse_step(schedule, step, r, noise(index))
        else:
            x = euler_maruyama.reverse_step(schedule, step, r, noise(index))
        step = observe(denoiser, x, r, index, limit, extras)
        yield step


def correct(schedule: Schedule, step: Step, noise: Tensor, parameters: Parameters) -> tuple[Tensor, dict[str, float]]:
    """One corrector step at the step's own time, and the root-mean-square size of its terms."""
    t, score = step.t, step.prediction.score
    alpha = (schedule.signal(t) / schedule.signal(max(t - 1, 0))) ** 2
    relative = 2 * alpha * parameters.snr**2
    if parameters.norms == "expected":
        return langevin_step(step.x, score, relative * schedule.noise(t) ** 2, noise)
    over = tuple(range(1, score.ndim))
    squares = noise.square().sum(over, keepdim=True) / score.square().sum(over, keepdim=True).clamp(min=1e-30)
    c = squares * relative
    drift = c * score
    return step.x + drift + (2 * c).sqrt() * noise, {"drift": rms(drift)}


SAMPLER = Sampler(
    "predictor_corrector",
    "Predictor–corrector",
    "Each step of the reverse SDE is followed by Langevin updates at its time.",
    Parameters,
    default_steps=200,
    plan=plan,
    sample=sample,
    levels=True,
)
