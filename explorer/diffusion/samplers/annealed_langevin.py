"""Annealed Langevin dynamics (Song & Ermon 2019, algorithm 1).

For noise levels σ_1 > … > σ_L: some Langevin steps on p_{σ_l} with c_l = ½ r σ_l², then on to the next level. The
paper's step size is ε, with r = ε/σ_L². On a path with a(t) ≠ 1 the level is σ = s/a and x is rescaled by
a_{l+1}/a_l between levels, which makes the run the same one in units of the data.

"consistent" is consistent annealed sampling (Jolicoeur-Martineau et al. 2021, algorithm 2). A Langevin step on
x = x_0 + σ_i n takes the share η = r/2 off the noise, so of x_0 + σ_i n it makes x_0 + (1 − η) σ_i n; it then adds
just as much as the next level has,

    x ← x + η σ_i² s + √(σ_{i+1}² − (1 − η)² σ_i²) z,

in place of √(2η) σ_i z, which would leave more. Every update is a level of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from explorer.diffusion.denoiser import Denoiser
from explorer.diffusion.noise import NoiseSource
from explorer.diffusion.samplers.base import Sampler, Step, first_step, observe, parameter, start_parameter
from explorer.diffusion.samplers.langevin import langevin_step
from explorer.diffusion.schedules import Schedule
from explorer.diffusion.times import times_at_ratios


@dataclass(frozen=True)
class Parameters:
    """Choices of annealed Langevin dynamics."""

    step_size: float = parameter(0.2, "Step size r", "c = ½ r σ² at each level; beyond about 1 unstable", 0.0, 2.0)
    steps_per_level: int = parameter(20, "Steps per level", "Langevin updates at each noise level", 1, 1000)
    sigma_max: float = parameter(5.0, "First σ", "Noise-to-signal ratio s/a of the first level", 0.01, 1000.0)
    sigma_min: float = parameter(0.02, "Last σ", "Noise-to-signal ratio s/a of the last level", 0.0001, 100.0)
    add_noise: bool = parameter(True, "Noise", "Without the noise term every sample climbs to a mode and stays there")
    denoise: bool = parameter(True, "Last step to x̂₀", "End with x̂₀, which removes the last level's noise (Tweedie)")
    step_rule: str = parameter(
        "relative",
        "Step rule",
        "relative takes r as it is, ncsn takes ε and makes r = ε/σ_L² of it, σ_L being the last σ",
        choices=("relative", "ncsn"),
    )
    epsilon: float = parameter(2e-5, "Step size ε", "NCSN's own step size, for the step rule ncsn", 1e-7, 1.0)
    annealing: str = parameter(
        "langevin",
        "Noise added",
        "langevin adds √(2c) at each update, consistent as much as the next level has",
        choices=("langevin", "consistent"),
    )
    ladder: str = parameter(
        "geometric",
        "Levels lie",
        "geometric: σ falls by one factor from level to level; even in t: as the schedule has them, one level for each "
        "t where there are as many",
        choices=("geometric", "even in t"),
    )
    start: str = start_parameter()

    @property
    def relative_step(self) -> float:
        """r, by whichever rule."""
        return self.epsilon / self.sigma_min**2 if self.step_rule == "ncsn" else self.step_size


def ladder(schedule: Schedule, count: int, parameters: Parameters) -> list[float]:
    """The times of `count` noise levels from sigma_max to sigma_min, descending in t: σ = s/a geometric, or t even.

    On a schedule of whole times, levels it cannot tell apart have the same one. Raises ValueError for an empty range.
    """
    high, low = parameters.sigma_max, parameters.sigma_min
    if not 0 < low <= high:
        raise ValueError(f"the last σ must be positive and not above the first, got {low} and {high}")
    if parameters.ladder == "even in t":
        first, last = times_at_ratios(schedule, [high, low])
        times = [first + (last - first) * i / max(count - 1, 1) for i in range(count)]
        return [round(t) for t in times] if schedule.discrete else times
    return times_at_ratios(schedule, [high * (low / high) ** (i / max(count - 1, 1)) for i in range(count)])


def levels(schedule: Schedule, count: int, parameters: Parameters) -> list[float]:
    """The different times of the `ladder`."""
    return sorted(set(ladder(schedule, count, parameters)), reverse=True)


def plan(schedule: Schedule, steps: int, parameters: Parameters) -> list[float]:
    """steps is the number of levels. steps_per_level updates at each, and a last entry 0 where it denoises."""
    if steps < 1:
        raise ValueError(f"the number of levels must be at least 1, got {steps}")
    if parameters.steps_per_level < 1:
        raise ValueError(f"steps per level must be at least 1, got {parameters.steps_per_level}")
    if parameters.annealing == "consistent":
        times = ladder(schedule, steps * parameters.steps_per_level + 1, parameters)
    else:
        visited = levels(schedule, steps, parameters)
        times = [visited[0]]
        for t, following in zip(visited, [*visited[1:], visited[-1]], strict=True):
            # The update at level t is counted where it arrives: the last one of a level arrives at the next level.
            times += [t] * (parameters.steps_per_level - 1) + [following]
    return [*times, 0] if parameters.denoise else times


def update(
    schedule: Schedule, step: Step, following: float, parameters: Parameters, noise: Tensor | None
) -> tuple[Tensor, dict[str, float]]:
    """The state at the level `following` after an update at the step's own, and the size of the update's terms."""
    a, s = schedule.signal(step.t), schedule.noise(step.t)
    share, spread = parameters.relative_step / 2, None
    if parameters.annealing == "consistent":
        after = schedule.noise(following) * a / schedule.signal(following)  # the next level, in units of this x
        # Where it lies further down than a step reaches, the step is made longer and takes no noise.
        share = max(share, 1 - after / s)
        spread = math.sqrt(max(after**2 - (1 - share) ** 2 * s**2, 0.0))
    x, extras = langevin_step(step.x, step.prediction.score, share * s**2, noise, spread)
    return (x if following == step.t else x * (schedule.signal(following) / a)), extras


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
    """See the module's text. The step to t = 0, where there is one, is x = x̂₀."""
    step = first_step(denoiser, x, times[start], start, history)
    yield step
    for index in range(start + 1, len(times)):
        following = times[index]
        if following == 0:
            x = step.prediction.x0
            extras: dict[str, float] = {}
        else:
            z = noise(index) if parameters.add_noise else None
            x, extras = update(schedule, step, following, parameters, z)
        step = observe(denoiser, x, following, index, extras=extras)
        yield step


SAMPLER = Sampler(
    "annealed_langevin",
    "Annealed Langevin",
    "Langevin dynamics at a descending ladder of noise levels.",
    Parameters,
    default_steps=10,
    plan=plan,
    sample=sample,
    steps_label="Levels",
    levels=True,
)
