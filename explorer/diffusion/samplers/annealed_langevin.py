"""Annealed Langevin dynamics (Song & Ermon 2019, algorithm 1; `theory.md` §5).

For noise levels σ_1 > … > σ_L: some Langevin steps on p_{σ_l} with c_l = ½ r σ_l², where r is the paper's
ε/σ_L², then on to the next level. On a path with a(t) ≠ 1 the level is σ = s/a and x is rescaled by
a_{l+1}/a_l between levels, which makes the run the same one in units of the data.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from explorer.diffusion.denoiser import Denoiser
from explorer.diffusion.noise import NoiseSource
from explorer.diffusion.samplers.base import Sampler, Step, first_step, observe, parameter
from explorer.diffusion.samplers.langevin import langevin_step, time_at_ratio
from explorer.diffusion.schedules import Schedule


@dataclass(frozen=True)
class Parameters:
    """Choices of annealed Langevin dynamics."""

    step_size: float = parameter(
        0.2, "Step size r", "c = ½ r σ² at each level (r is ε/σ_L² of the paper); beyond about 1 unstable", 0.0, 2.0
    )
    steps_per_level: int = parameter(20, "Steps per level", "Langevin updates at each noise level", 1, 1000)
    sigma_max: float = parameter(5.0, "First σ", "Noise-to-signal ratio s/a of the first level", 0.01, 1000.0)
    sigma_min: float = parameter(0.02, "Last σ", "Noise-to-signal ratio s/a of the last level", 0.0001, 100.0)
    add_noise: bool = parameter(True, "Noise", "Without the noise term every sample climbs to a mode and stays there")
    denoise: bool = parameter(True, "Last step to x̂₀", "End with x̂₀, which removes the last level's noise (Tweedie)")


def levels(schedule: Schedule, count: int, parameters: Parameters) -> list[int]:
    """The times of `count` noise levels, σ = s/a geometric from sigma_max to sigma_min, descending in t.

    Levels that a discrete schedule cannot tell apart become one. Raises ValueError for an empty range.
    """
    if count < 1:
        raise ValueError(f"the number of levels must be at least 1, got {count}")
    high, low = parameters.sigma_max, parameters.sigma_min
    if not 0 < low <= high:
        raise ValueError(f"the last σ must be positive and not above the first, got {low} and {high}")
    ratios = [high * (low / high) ** (i / max(count - 1, 1)) for i in range(count)]
    return sorted({time_at_ratio(schedule, ratio) for ratio in ratios}, reverse=True)


def plan(schedule: Schedule, steps: int, parameters: Parameters) -> list[int]:
    """steps is the number of levels. steps_per_level updates at each, and a last entry 0 where it denoises."""
    if parameters.steps_per_level < 1:
        raise ValueError(f"steps per level must be at least 1, got {parameters.steps_per_level}")
    visited = levels(schedule, steps, parameters)
    times = [visited[0]]
    for t, following in zip(visited, [*visited[1:], visited[-1]], strict=True):
        # The update at level t is counted where it arrives: the last one of a level arrives at the next level.
        times += [t] * (parameters.steps_per_level - 1) + [following]
    return [*times, 0] if parameters.denoise else times


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
        t, following = step.t, times[index]
        if following == 0:
            x = step.prediction.x0
            extras: dict[str, float] = {}
        else:
            c = 0.5 * parameters.step_size * schedule.noise(t) ** 2
            x, extras = langevin_step(step.x, step.prediction.score, c, noise(index) if parameters.add_noise else None)
            if following != t:
                x = x * (schedule.signal(following) / schedule.signal(t))
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
